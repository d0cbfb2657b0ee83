import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { difference } from '../../../test/oracle/difference.js';
import { replay } from '../../../test/oracle/replay.js';
import type { RecordedRun } from '../../../test/oracle/scenario.js';
import type { RunState } from './run-state.js';
import { scopesOf } from './visibility.js';

/** A sample of runs of the real TaskFlow 6.5.0: what it did, in which order, and what was left. Never edited. */
const records = readFileSync(new URL('./testdata/recorded.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as RecordedRun);

/** The run data alone: options and compiled flow are the same objects anyway. */
function dataOf({ compiled: _compiled, functions: _functions, ...data }: RunState): object {
  return data;
}

describe('recorded runs of TaskFlow', () => {
  it.each(records.map((record) => [record.scenario.id, record] as const))('%s', (_id, record) => {
    const { compiled, phase, state, folded } = replay(record);
    expect(difference(record, phase)).toBeUndefined();
    // one by one, the facts of each turn give the state the engine itself was in
    expect(dataOf(folded)).toEqual(dataOf(state));

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
