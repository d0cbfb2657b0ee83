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
  const code = await main(['node', 'baton', 'flow', ...words]);
  return { code, ...said };
}

const root = { kind: 'linear', name: 'two', children: ['a', 'b'].map((name) => ({ kind: 'task', name })) };
const json = file('two.json', JSON.stringify({ schemaVersion: 1, root }));
const module = file(
  'two.mjs',
  `export const two = { name: 'two', toJSON: () => (${JSON.stringify({ schemaVersion: 1, root })}) };`,
);

describe('baton flow explain', () => {
  it.each([json, `${module}#two`])('explains %s', async (reference) => {
    const { code, out, err } = await ran('explain', reference);
    expect(code).toBe(exitCodes.ok);
    expect(err).not.toContain('BATON_');
    expect(out).toMatch(/^two: 2 atoms\n/);
    expect((await ran('explain', reference, '--format', 'mermaid')).out).toMatch(/^flowchart TD\n/);
    expect((await ran('explain', reference, '--format', 'dot')).out).toMatch(/^digraph flow \{\n/);
    expect(JSON.parse((await ran('explain', reference, '-o', 'json')).out)).toMatchObject({
      name: 'two',
      atoms: 2,
    });
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
      'explain',
      file(`${name.replaceAll(' ', '-')}.json`, JSON.stringify(definition)),
    );
    expect(code).not.toBe(exitCodes.ok);
    expect(out).toBe('');
    expect(err).toContain(`(${error})`);
  });
});

describe('baton flow validate', () => {
  it.each([json, `${module}#two`])('finds nothing in %s', async (reference) => {
    const { code, out } = await ran('validate', reference);
    expect([code, out]).toEqual([exitCodes.ok, 'two: valid, 2 atoms; a post need give nothing\n']);
  });

  it('says what a post must give', async () => {
    const needy = { kind: 'task', name: 'needy', requires: ['x', 'y'] };
    const needing = file('needy.json', JSON.stringify({ schemaVersion: 1, root: needy }));
    expect((await ran('validate', needing)).out).toBe('needy: valid, 1 atom; a post must give x, y\n');
    expect(JSON.parse((await ran('validate', needing, '-o', 'json')).out)).toEqual({
      ...{ valid: true, name: 'needy', atoms: 1, requires: ['x', 'y'] },
    });
  });

  it.each([
    ['two.mjs', 'two.mjs has no default export; its flows are '],
    ['two.mjs#tow', 'two.mjs has no export "tow"; its flows are '],
  ])('lists the flows there are when %s is none', async (reference, message) => {
    const { code, err } = await ran('validate', join(folder, reference));
    expect(code).toBe(exitCodes.usage);
    expect(err).toContain(`${message}${module}#two (BATON_DEFINITION_INVALID)`);
  });

  it('says what to export when nothing is a flow', async () => {
    const none = file('none.mjs', 'export default 1;');
    expect((await ran('validate', none)).err).toContain(
      'the default export of ' + none + ' is no flow; export what linear(), unordered() or graph() gave',
    );
  });

  it('refuses a name of an export where there are none, and JSON that is none', async () => {
    expect((await ran('validate', `${json}#two`)).err).toContain('leave out #two (BATON_INPUT_INVALID)');
    expect((await ran('validate', file('broken.json', '{'))).err).toMatch(
      /is not JSON: .* \(BATON_INPUT_INVALID\)/,
    );
  });

  const decided = (decider: object): object => ({
    ...{ schemaVersion: 1, root: { ...root, kind: 'graph', links: [{ from: 0, to: 1, decider }] } },
  });
  it.each([
    ['no kind', { schemaVersion: 1, root: { name: 'x' } }, 'BATON_DEFINITION_INVALID', 'root'],
    ['a slip', { schemaVersion: 1, root: { ...root, chidren: [] } }, 'BATON_DEFINITION_INVALID', 'chidren'],
    ['a function', decided({ local: 'f' }), 'BATON_DEFINITION_DECIDER_NOT_PORTABLE', 'f'],
    ['a wrong expression', decided({ expr: 'a.' }), 'BATON_DEFINITION_EXPRESSION', 'a → b'],
    [
      'a cycle',
      {
        ...decided({ expr: 'a' }),
        root: {
          ...root,
          kind: 'graph',
          links: [
            { from: 0, to: 1 },
            { from: 1, to: 0 },
          ],
        },
      },
      'BATON_DEFINITION_CYCLE',
      'a',
    ],
  ])('refuses a flow with %s, by code and place', async (name, definition, code, place) => {
    const wrong = file(`wrong-${name.replaceAll(' ', '-')}.json`, JSON.stringify(definition));
    const said = await ran('validate', wrong, '-o', 'json');
    expect([said.code, said.out]).toEqual([exitCodes.usage, '']);
    const { error } = JSON.parse(said.err) as { error: { code: string; message: string } };
    expect(error.code).toBe(code);
    expect(error.message).toContain(place);
  });
});

it.each(['null', '5', '"text"', '[]', 'true'])(
  'a flow file that holds %s is refused as no flow',
  async (text) => {
    const { code, err } = await ran('validate', file('none.json', text));
    expect(code).toBe(exitCodes.usage);
    expect(err).toContain('BATON_DEFINITION_INVALID');
  },
);
