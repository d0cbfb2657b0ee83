import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import { modes, verdictOf } from '../../../test/oracle/judge.js';
import { main } from '../../../test/oracle/main.js';
import { play } from '../../../test/oracle/playback.js';
import type { RecordedRun } from '../../../test/oracle/scenario.js';
import { scopesOf } from '@baton/engine';

/** A sample of runs of the real TaskFlow 6.5.0: what it did, in which order, and what was left. Never edited. */
const records = readFileSync(new URL('./testdata/recorded.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as RecordedRun);

describe('recorded runs of TaskFlow', () => {
  it.each(records.map((record) => [record.scenario.id, record] as const))('%s', async (_id, record) => {
    // `lazy` folds the journal at every event, `crash` cuts the run after every entry
    for (const mode of modes) expect((await verdictOf(record, mode)).difference).toBeUndefined();

    const { compiled } = play(record);
    const { structure } = record.expected;
    const edges = compiled.nodes.flatMap(({ name, after }) =>
      after.map((next) => [name, compiled.nodes[next]?.name]),
    );
    expect(edges).toEqual(structure?.edges.map((edge) => edge.slice(0, 2)));
    expect(compiled.nodes.map(({ name, kind }) => [name, kind])).toEqual(structure?.nodes);
    for (const [name, scopes] of Object.entries(structure?.scopes ?? {})) {
      const atom = compiled.atoms.get(name);
      expect(atom && scopesOf(compiled, atom)).toEqual(scopes);
    }
  });
});

it('whoever replays the whole corpus is told that its manifest is passed over', async () => {
  const lines: string[] = [];
  const print = jest.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  const corpus = fileURLToPath(new URL('../../../test/oracle/corpus/', import.meta.url));
  try {
    expect(await main([`${corpus}manifest.json`, `${corpus}handwritten.jsonl`])).toBe(0);
  } finally {
    print.mockRestore();
  }
  expect(lines[0]).toBe('manifest.json: no recording, passed over');
  expect(lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed/);
});
