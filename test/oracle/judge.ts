/** What one record comes to in one mode. */
import { codeOf } from '@baton/core';
import type { Compiled } from '@baton/engine';
import { compiledFlow } from './definition-of.js';
import { difference, isStaleRaise, phaseDifference, text, type Difference } from './difference.js';
import { invariantViolation } from './invariants.js';
import { play, playConcurrently } from './playback.js';
import type { Played } from './played.js';
import { oddityOf } from './oddities.js';
import type { Expected, Phase, RecordedRun } from './scenario.js';
import { structureDifference } from './structure.js';

export const modes = ['strict', 'exact', 'lazy', 'crash', 'parallel'] as const;
export type Mode = (typeof modes)[number];

export interface Verdict {
  readonly difference?: Difference;
  /** The oddity of TaskFlow from which on the record is not compared, only checked against the invariants. */
  readonly refused?: string;
  /** Phases of which all was compared but what TaskFlow raised; that was checked against the atoms (E-809). */
  readonly staleRaises: boolean;
}

export function verdictOf(record: RecordedRun, mode: Mode): Promise<Verdict> {
  return mode === 'parallel' ? judgeConcurrent(record) : Promise.resolve(judge(record, mode));
}

/** `parallel`: the loose comparison (FORMAT 4.1) of a run by the engine's concurrent driver. */
async function judgeConcurrent(record: RecordedRun): Promise<Verdict> {
  const verdict = judge(record, 'strict');
  if (verdict.difference || record.expected.error || refusedLater(record)) return verdict;
  try {
    const found = looseDifference(record, verdict, await playConcurrently(record));
    return { ...verdict, ...(found && { difference: found }) };
  } catch (problem) {
    return { ...verdict, difference: thrown(problem, 'an end') };
  }
}

export function judge(record: RecordedRun, mode: Exclude<Mode, 'parallel'>): Verdict {
  const staleRaises = record.expected.phases.some(isStaleRaise);
  try {
    return { ...compared(record, mode), staleRaises };
  } catch (problem) {
    return { difference: thrown(problem, 'an end'), staleRaises };
  }
}

type Compared = Omit<Verdict, 'staleRaises'>;

function compared(record: RecordedRun, mode: Exclude<Mode, 'parallel'>): Compared {
  const played = playedOrRefused(record, mode);
  if ('difference' in played) return played.difference ? { difference: played.difference } : {};
  const wrong = structureDifference(record.expected, ...firstBuilt(record));
  if (wrong) return { difference: wrong };
  const comparison = { mode: mode === 'exact' ? mode : 'strict' } as const;
  const found = difference(record, played.phases, comparison);
  const oddity = found && oddityOf(record, played, found);
  const refused = oddity && { refused: oddity.tag };
  if (found && !refused) return { difference: found };
  const more =
    (oddity?.sameAtoms === true ? sameAtoms(record, played, found?.at?.phase ?? 0) : undefined) ??
    invariantViolation(played.compiled, played.phases) ??
    (mode === 'crash' ? cutDifference(record, played) : undefined);
  return { ...refused, ...(more && { difference: more }) };
}

function firstBuilt(record: RecordedRun): readonly [Compiled, ReadonlyMap<string, string>] {
  const { built, compiled } = compiledFlow(record.scenario);
  return [compiled, built.paths];
}

/** The end of a phase is another one, but all that its atoms came to is the same. */
function sameAtoms({ expected }: RecordedRun, { phases }: Played, phase: number): Difference | undefined {
  const [want, got] = [expected.phases[phase], phases[phase]];
  if (!want || !got) return undefined;
  return phaseDifference(want, got, { mode: 'strict', without: ['events', 'flow', 'raised'] });
}

function playedOrRefused(
  record: RecordedRun,
  mode: Exclude<Mode, 'parallel'>,
): Played | { readonly difference: Difference | undefined } {
  const { error } = record.expected;
  try {
    const played = play(record, mode === 'lazy' ? { kind: 'forget' } : { kind: 'keep' });
    if (!error) return played;
    return { difference: { where: error.stage, expected: text(error.failures), got: 'a flow' } };
  } catch (problem) {
    const code = codeOf(problem) ?? '';
    const given = error ?? refusedLater(record);
    if (!given || !code.startsWith('BATON_DEFINITION_')) throw problem;
    return { difference: wrongError(given, code) };
  }
}

/** TaskFlow finds out when the flow is run that a stored detail belongs to another kind of atom; Baton when it is loaded (E-1333). */
function refusedLater({ expected }: RecordedRun): Expected['error'] {
  const refusal = expected.phases.find(({ raised }) => text(raised).includes('"Duplicate"'));
  return refusal?.raised ? { stage: 'load', failures: refusal.raised.failures } : null;
}

/** Types of TaskFlow's errors → what Baton calls them (E-1217); for a graph that feeds its own retry see E-225. */
const codes: Readonly<Record<string, readonly string[]>> = {
  AmbiguousDependency: ['BATON_DEFINITION_AMBIGUOUS_DEPENDENCY'],
  DependencyFailure: ['BATON_DEFINITION_CYCLE'],
  Duplicate: ['BATON_DEFINITION_DUPLICATE_ATOM'],
  KeyError: ['BATON_DEFINITION_UNKNOWN_NODE'],
  TypeError: ['BATON_DEFINITION_RETRY_NEEDS_OWN_FLOW'],
  // an argument nobody takes, a depth nobody knows, the same atom in two places (E-111, E-226, E-207)
  ValueError: ['BATON_DEFINITION_BINDING', 'BATON_DEFINITION_INVALID', 'BATON_DEFINITION_DUPLICATE_ATOM'],
};

function wrongError(
  { stage, failures }: { readonly stage: string; readonly failures: readonly unknown[] },
  code: string,
): Difference | undefined {
  const type = (failures[0] as { readonly $failure?: string } | undefined)?.$failure ?? '';
  return codes[type]?.includes(code) === true ? undefined : { where: stage, expected: type, got: code };
}

/** The run is cut after every entry: the same end, the same trace, and nothing that was known to be done is done again. */
function cutDifference(record: RecordedRun, whole: Played): Difference | undefined {
  for (let after = 1; after <= whole.entries; after++) {
    const cut = play(record, { kind: 'cut', after });
    const where = `cut after entry ${after}`;
    if (cut.repeated.length > 0)
      return { where, expected: 'nothing twice', got: text(cut.repeated), rule: 'E-1331' };
    const uncut = { expected: { ...record.expected, phases: whole.phases } };
    const found = difference(uncut, cut.phases, { mode: 'whole' });
    if (found) return { ...found, where: `${where}: ${found.where}`, rule: 'E-1331' };
  }
  return undefined;
}

/** Order rules always; the end, where TaskFlow's is the same in every schedule that was tried and nothing of it is refused. */
function looseDifference(record: RecordedRun, { refused }: Verdict, played: Played): Difference | undefined {
  const { compiled, phases } = played;
  const broken = invariantViolation(compiled, phases);
  const { stable, phases: recorded } = record.expected;
  if (broken || refused !== undefined || !stable || recorded.some(({ crashed }) => crashed === true))
    return broken;
  const found = endDifference(recorded, phases);
  return found && !isEndOfItsOrder(record, played) ? found : undefined;
}

function endDifference(recorded: readonly Phase[], phases: readonly Phase[]): Difference | undefined {
  for (const [index, want] of recorded.entries()) {
    const got = phases[index];
    const isLast = index === recorded.length - 1;
    const without = isLast ? (['events'] as const) : (['events', 'flow', 'atoms', 'symbols'] as const);
    const found = got && phaseDifference(want, got, { mode: 'strict', without });
    if (found) return { ...found, where: `end of phase ${index}: ${found.where}` };
  }
  return undefined;
}

/**
 * `stable` was found by trying: the end is right as well if the answers in this order, one at a time, lead to it in TaskFlow's schedule.
 * Where a controller failed by itself, or the run was stopped after so many steps, that schedule cannot be followed: controllers take no steps of their
 * own here, and what one that fails leaves behind in its round is not started (E-1404, E-848). Then they are answered at once.
 */
function isEndOfItsOrder(record: RecordedRun, { order, phases }: Played): boolean {
  const ways = isStopped(record) || phases.some(isControllerFailing) ? [false, true] : [false];
  return ways.some(
    (atOnce) => !endDifference(play(record, { kind: 'follow', order, atOnce }).phases, phases),
  );
}

function isStopped({ scenario: { actions = [] } }: RecordedRun): boolean {
  return actions.some(
    ({ suspendAt, suspendAtStep, closeAtStep, throwAtStep }) =>
      (suspendAt ?? suspendAtStep ?? closeAtStep ?? throwAtStep) !== undefined,
  );
}

function isControllerFailing({ events }: Phase): boolean {
  return events.some(([of, , from, to]) => of === 'retry' && from === 'RUNNING' && to === 'FAILURE');
}

function thrown(error: unknown, expected: string): Difference {
  return {
    where: 'threw',
    expected,
    got: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
