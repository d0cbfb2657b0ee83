import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { codeOf, type Fact, flowOutcomes, type JournalEntry } from '@baton/core';
import { type AtomRun, fold, type RunState } from '@baton/engine';
import { describe, expect, it } from '@jest/globals';
import { recordsOf } from '../../../test/oracle/main.js';
import { play } from '../../../test/oracle/playback.js';
import type { Moment } from '../../../test/oracle/played.js';
import type { RecordedRun } from '../../../test/oracle/scenario.js';
import { decodeEntry, encodeEntry } from '../../persistence/src/entry-codec.js';
import {
  claimEntry,
  fenceOf,
  terminalEntry,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';

/**
 * The journal is the only truth about a run: after each turn of each recorded run, what was stored so far is read back from its documents
 * and folded, and must be the state the engine is in, to the last counter and the order of every set.
 */
const corpus = fileURLToPath(new URL('../../../test/oracle/corpus/', import.meta.url));
const files = readdirSync(corpus).filter((file) => file.includes('.jsonl'));

/** Scenarios of each file, picked by the seed. */
const SCENARIOS = 30;
const seed = Number(process.env['BATON_SEED'] ?? 1);

describe('the journal of every recorded run', () => {
  let [runs, prefixes] = [0, 0];

  it.each(files)('%s: each prefix folds to the state the engine was in', (file) => {
    const records = recordsOf(corpus + file);
    const step = Math.max(1, Math.floor(records.length / SCENARIOS));
    for (let index = seed % step; index < records.length; index += step) {
      const record = records[index] as RecordedRun;
      const folded = folding();
      runs++;
      replay(record, (moment) => {
        prefixes++;
        const difference = differing(moment.state, folded(moment));
        if (difference !== undefined)
          throw new Error(
            `${record.scenario.id}, entry ${moment.journal.length}: ${difference} (BATON_SEED=${seed})`,
          );
      });
    }
  });

  it('was looked at closely enough', () => {
    process.stdout.write(`fold: ${prefixes} prefixes of the journals of ${runs} runs, seed ${seed}\n`);
    expect(prefixes).toBeGreaterThan(3_500);
  });
});

it('a state that differs in anything is told apart', () => {
  const spoils: ((state: RunState) => void)[] = [
    (state) => void (state.flow = 'SUSPENDED'),
    (state) => void state.unfinished++,
    (state) => void state.outstanding.add(0),
    (state) => void state.failed.add(0),
    (state) => void state.timers.set('t', 1),
    (state) => void state.readiness.closedBefore.fill(7),
    (state) => spoilRuns(state, { tries: { count: 9, lastFailure: undefined, began: false } }),
    (state) => spoilRuns(state, { value: { data: 'other' } }),
    (state) => void state.runs.find((run) => run?.retry?.history[0])?.retry?.history[0]?.failures.clear(),
    (state) => reverse(state.outstanding),
  ];
  const found = new Set<number>();
  for (const record of recordsOf(`${corpus}handwritten.jsonl`))
    replay(record, (moment) =>
      spoils.forEach((spoil, index) => {
        if (found.has(index)) return;
        const folded = folding()(moment);
        spoil(folded);
        if (differing(moment.state, folded) !== undefined) found.add(index);
      }),
    );
  expect(found.size).toBe(spoils.length);
});

function replay(record: RecordedRun, stored: (moment: Moment) => void): void {
  try {
    play(record, { kind: 'keep', stored });
  } catch (error) {
    // flows that Baton refuses have no journal
    if (codeOf(error)?.startsWith('BATON_DEFINITION_') !== true) throw error;
  }
}

/**
 * Folds documents as they come: the state after n of them is the fold of that prefix. Where the process began anew, or was given other symbols, a
 * new owner begins with the first.
 */
function folding(): (moment: Moment) => RunState {
  let folded: { readonly live: RunState; readonly run: RunState } | undefined;
  let done = 0;
  return ({ state, journal, fresh }) => {
    if (folded?.live !== state) [folded, done] = [{ live: state, run: fresh() }, 0];
    const { run } = folded;
    for (const [index, facts] of [...journal.entries()].slice(done)) {
      const isLast = index === journal.length - 1 && flowOutcomes.some((outcome) => outcome === state.flow);
      const document = encodeEntry(entryOf(index, facts, isLast));
      fold(run, decodeEntry(document)?.facts ?? []);
    }
    done = journal.length;
    return run;
  };
}

function entryOf(index: number, facts: readonly Fact[], isLast: boolean): JournalEntry {
  const place = { flowId: 'recorded', seq: index + 1, fence: fenceOf(7), facts };
  if (index === 0) return claimEntry(place);
  return isLast ? terminalEntry(place) : turnEntry(place);
}

/** The first part of two states that is not the same; sets and maps in order, for their order decides ties. */
function differing(live: RunState, folded: RunState): string | undefined {
  for (const part of Object.keys(live) as (keyof RunState)[])
    if (!isDeepStrictEqual(inOrder(live[part]), inOrder(folded[part]))) return part;
  for (const part of ['ready', 'arrivals'] as const)
    if (!isDeepStrictEqual(live.readiness[part]?.members(), folded.readiness[part]?.members()))
      return `readiness.${part}`;
  const at = live.runs.findIndex((run, id) => !isDeepStrictEqual(ordered(run), ordered(folded.runs[id])));
  return at === -1 ? undefined : `history of node ${at}`;
}

const ordered = (run: RunState['runs'][number]) =>
  run?.retry?.history.map(({ failures }) => [...failures.keys()]);

function spoilRuns({ runs }: RunState, spoilt: Partial<AtomRun>): void {
  runs.forEach((run, id) => (runs[id] = run && { ...run, ...spoilt }));
}

function inOrder(part: unknown): unknown {
  return part instanceof Set || part instanceof Map ? [...(part as Iterable<unknown>)] : part;
}

function reverse(set: RunState['outstanding']): void {
  const members = set.members().toReversed();
  set.clear();
  for (const member of members) set.add(member);
}
