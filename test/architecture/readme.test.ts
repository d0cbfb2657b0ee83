import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import ts from 'typescript';
import { Client, openClient } from '../../packages/client/src/index.js';
import { runFlow } from '../../packages/engine/src/index.js';
import type { LinearFlow } from '../../packages/flow/src/index.js';
import { exitCodes } from '../../packages/cli/src/exit-codes.js';
import { buildProgram } from '../../packages/cli/src/main.js';
import { settingKeys, variableOf, type SettingKey } from '../../packages/cli/src/settings.js';
import { files, read, shipped } from './sources.js';

const pages = ['README.md', 'packages/cli/README.md'];
const quickstart = 'test/fixtures/quickstart.mjs';

type Publish = LinearFlow<'publish', { site: string; text: string }, { folder: string }>;

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('names commands there are, with options there are', () => {
    const lines = [...text.matchAll(/(?:npx |`)baton ([^`\n]*)/g)].map(([, line = '']) => line);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.flatMap(unknownWords)).toEqual([]);
  });

  it('names settings there are', () => {
    const known = (Object.keys(settingKeys) as SettingKey[]).map(variableOf);
    const named = [...text.matchAll(/\bBATON_(?:[A-Z]+_)*[A-Z]+\b/g)].map(([name]) => name);
    const others = /^BATON_(?:NOT_FOUND|CONFLICT|INPUT|UNAVAILABLE)_|^BATON_(?:X|X_FILE|CONFIG)$/;
    expect(named.filter((name) => !known.includes(name) && !others.test(name))).toEqual([]);
  });

  it('names exit codes as the command line has them', () => {
    const table = /exit code[^\n]*\n\n?\|[^\n]*code[^]*?\n\n|\| exit code[^]*?\n\n/i.exec(text)?.[0] ?? '';
    const named = [...table.matchAll(/^\|([\d, ]+)\|/gm)].flatMap(([, cell = '']) =>
      cell.split(',').map(Number),
    );
    expect(named.sort((a, b) => a - b)).toEqual(Object.values(exitCodes).sort((a, b) => a - b));
  });

  it('links to files there are', () => {
    const folder = page.slice(0, page.lastIndexOf('/') + 1);
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) => folder + path);
    expect(
      links.filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`))),
    ).toEqual([]);
  });
});

it('no message, comment or page names a command there is not', () => {
  const pages = files.filter((path) => /^packages\/.*\.md$/.test(path));
  const lines = [...shipped, ...pages].flatMap((path) =>
    [...read(path).matchAll(/`baton ([a-z][^`\n\\…]*)/g)].map(([, line = '']) => line),
  );
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => unknownWords(line).length > 0)).toEqual([]);
});

it('no error sends anybody to a setting there is not', () => {
  // in backquotes stand settings, and code, which has other dots
  const page = read('packages/core/ERRORS.md')
    .split('\n')
    .flatMap((line) => line.split('`').filter((part, at) => at % 2 === 0 || /^[a-z._]+$/.test(part)))
    .join('\n');
  const named = [...page.matchAll(/\b[a-z_]+(?:\.[a-z_]+)+\b/g)].map(([name]) => name);
  expect(named).toContain('drain.timeout');
  expect(named.filter((name) => !(name in settingKeys))).toEqual([]);
});

it('the command line has no command that its README leaves out', () => {
  const page = read('packages/cli/README.md');
  const leaves = leavesOf(
    buildProgram(() => async () => undefined),
    '',
  );
  expect(leaves.filter((name) => !page.includes(`\`baton${name}`))).toEqual([]);
});

it('the README of the client leaves out no call', () => {
  const page = read('packages/client/README.md');
  const calls = [...Object.getOwnPropertyNames(Client.prototype), openClient.name].filter(
    (name) => name !== 'constructor',
  );
  expect(calls.length).toBeGreaterThan(8);
  expect(calls.filter((name) => !page.includes(`\`${name}(`))).toEqual([]);
});

describe.each([
  ['README.md', quickstart],
  ['packages/client/README.md', 'test/fixtures/post-and-wait.mjs'],
])('the code in %s', (page, fixture) => {
  it('is the fixture, to the letter', () => {
    const [, after = ''] = read(page).split(`<!-- ${fixture} -->\n\n\`\`\`js\n`);
    expect(after.slice(0, after.indexOf('```'))).toBe(read(fixture));
  });

  it('compiles under strict settings', () => {
    const program = ts.createProgram([fixture], {
      ...{ allowJs: true, checkJs: true, noEmit: true, strict: true, skipLibCheck: true },
      ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, lib: ['lib.es2023.d.ts'] },
      ...{ customConditions: ['source'], types: ['node'] },
    });
    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(fixture));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))).toEqual([]);
  });
});

describe('the flow in README.md', () => {
  it('is tried three times and then undone when its last task fails', async () => {
    const { default: publish } = (await import(`../../${quickstart}`)) as { default: Publish };
    const { outcome, transitions } = await runFlow(publish, {
      store: { site: `readme-${process.pid}`, text: '' },
    });
    expect(outcome).toBe('REVERTED');
    const created = transitions.filter((change) => change.of === 'task' && change.atom === 'folder.create');
    expect(created.filter(({ to }) => to === 'REVERTED')).toHaveLength(3);
    expect(created.at(-1)?.to).toBe('REVERTED');
  });

  it('undoes what it did, and nothing that another job of the same site has done', async () => {
    const { default: publish } = (await import(`../../${quickstart}`)) as { default: Publish };
    const site = `readme-twice-${process.pid}`;
    const first = await runFlow(publish, { flowId: 'first', store: { site, text: 'hi' } });
    const { folder = '' } = first.results as { readonly folder?: string };
    try {
      const second = await runFlow(publish, { flowId: 'second', store: { site, text: '' } });
      expect([first.outcome, second.outcome]).toEqual(['SUCCESS', 'REVERTED']);
      expect(readFileSync(`${folder}/index.txt`, 'utf8')).toBe('hi');
      expect(readdirSync('/tmp').filter((name) => name.startsWith(site))).toEqual([basename(folder)]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function leavesOf(command: Command, path: string): string[] {
  return command.commands.flatMap((child) => {
    const name = `${path} ${child.name()}`;
    return child.commands.length === 0 ? [name] : leavesOf(child, name);
  });
}

/** The words of a command line that the command table does not know; what a shell does with the rest of the line is left out. */
function unknownWords(line: string): string[] {
  const words = (line.split(/[;&|]| #/)[0] ?? '').trim().split(/\s+/);
  let command: Command = buildProgram(() => async () => undefined);
  const globals = command.options;
  const unknown: string[] = [];
  for (const word of words) {
    const next = command.commands.find(
      (candidate) => candidate.name() === word || candidate.aliases().includes(word),
    );
    if (next !== undefined) command = next;
    else if (word.startsWith('-')) {
      const known = [...command.options, ...globals];
      if (!known.some(({ long, short }) => long === word || short === word)) unknown.push(word);
    } else if (command.commands.length > 0) unknown.push(word);
  }
  return unknown;
}
