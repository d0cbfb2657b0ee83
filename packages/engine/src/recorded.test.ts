import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { modes, verdictOf } from '../../../test/oracle/judge.js';
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
