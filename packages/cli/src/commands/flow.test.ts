import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { exitCodes } from '../exit-codes.js';
import { main } from '../main.js';

const folder = mkdtempSync(join(tmpdir(), 'baton-flow-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('baton flow explain', () => {
  afterEach(() => void jest.restoreAllMocks());
  afterAll(() => rmSync(folder, { recursive: true }));

  async function ran(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    const said = { out: '', err: '' };
    for (const [stream, key] of [
      [process.stdout, 'out'],
      [process.stderr, 'err'],
    ] as const)
      jest.spyOn(stream, 'write').mockImplementation((chunk) => {
        said[key] += String(chunk);
        return true;
      });
    const code = await main(['node', 'baton', 'flow', 'explain', ...words]);
    return { code, ...said };
  }

  const root = { kind: 'linear', name: 'two', children: ['a', 'b'].map((name) => ({ kind: 'task', name })) };
  const json = file('two.json', JSON.stringify({ schemaVersion: 1, root }));
  const module = file(
    'two.mjs',
    `export const two = { name: 'two', toJSON: () => (${JSON.stringify({ schemaVersion: 1, root })}) };`,
  );

  it.each([json, `${module}#two`])('explains %s', async (reference) => {
    const { code, out, err } = await ran(reference);
    expect(code).toBe(exitCodes.ok);
    expect(err).not.toContain('BATON_');
    expect(out).toMatch(/^two: 2 atoms\n/);
    expect((await ran(reference, '--format', 'mermaid')).out).toMatch(/^flowchart TD\n/);
    expect((await ran(reference, '--format', 'dot')).out).toMatch(/^digraph flow \{\n/);
    expect(JSON.parse((await ran(reference, '-o', 'json')).out)).toMatchObject({ name: 'two', atoms: 2 });
  });

  it.each([
    ['no kind', { schemaVersion: 1, root: { name: 'x' } }, 'BATON_DEFINITION_INVALID'],
    [
      'an atom twice',
      { schemaVersion: 1, root: { ...root, children: [...root.children, ...root.children] } },
      'BATON_DEFINITION_DUPLICATE_ATOM',
    ],
  ])('refuses a flow with %s as a post would', async (name, definition, error) => {
    const { code, out, err } = await ran(
      file(`${name.replaceAll(' ', '-')}.json`, JSON.stringify(definition)),
    );
    expect(code).not.toBe(exitCodes.ok);
    expect(out).toBe('');
    expect(err).toContain(`(${error})`);
  });
});
