/**
 * Where a recording shows one of TaskFlow's oddities that Baton refuses to copy (refused.md). A difference is put down to an oddity only
 * when the recording itself shows it at that place, or earlier; everything before must be equal.
 */
import type { Difference, Place } from './difference.js';
import { leavesTransitionTable } from './invariants.js';
import type { Played } from './played.js';
import type { Expected, Phase, RecordedRun } from './scenario.js';
import { isOfAtom } from './trace.js';
import type { Recorded } from './world.js';

export interface Oddity {
  readonly tag: string;
  /** The end of this phase is reported or treated differently, but its atoms must be the same. */
  readonly sameAtoms: boolean;
}

interface Met {
  readonly record: RecordedRun;
  readonly played: Played;
  readonly at: Place;
  readonly want: Phase;
}

/** The oddity that explains a difference, if one does. */
export function oddityOf(record: RecordedRun, played: Played, { at }: Difference): Oddity | undefined {
  const want = at && record.expected.phases[at.phase];
  if (!at || !want) return undefined;
  const met = { record, played, at, want };
  for (const [tag, { isMet, sameAtoms = false }] of Object.entries(oddities))
    if (isMet(met)) return { tag, sameAtoms };
  return undefined;
}

const oddities: Readonly<
  Record<string, { readonly isMet: (met: Met) => boolean; readonly sameAtoms?: boolean }>
> = {
  'suspend-reported-reverted': {
    isMet: ({ at, want }) =>
      isFlow(at.want, 'SUSPENDING', 'REVERTED') &&
      isFlow(at.got, 'SUSPENDING', 'SUSPENDED') &&
      hasAtom(want, 'RUNNING', 'REVERTING'),
    sameAtoms: true,
  },
  'revert-failure-forgotten': {
    isMet: ({ record: { expected }, at }) => {
      const before = expected.phases[at.phase - 1];
      return before !== undefined && hasAtom(before, 'REVERT_FAILURE');
    },
  },
  'failure-left-unreverted': {
    isMet: ({ at, want }) =>
      at.want?.[0] === 'flow' &&
      at.want[2] === 'REVERTED' &&
      at.got?.[2] === 'FAILURE' &&
      hasAtom(want, 'FAILURE'),
    sameAtoms: true,
  },
  'illegal-transition': { isMet: ({ at }) => at.want !== undefined && leavesTransitionTable(at.want) },
  'left-running': {
    isMet: ({ at, want }) =>
      want.flow === 'RUNNING' && isInvalidState(want) && at.got !== undefined && isStranded(want, at.got),
  },
  'invalid-state': {
    // a reset that is refused was carried out before
    isMet: ({ at, want }) => (want.do === 'reset' || at.part === 'raised') && isInvalidState(want),
  },
  'spontaneous-suspend': {
    isMet: ({ at, want }) =>
      isFlow(at.want, 'RUNNING', 'SUSPENDED') && !want.events.some(([kind]) => kind === 'suspend'),
  },
  'failure-without-revert': { isMet: (met) => faultBefore(met) },
};

function isFlow(event: Recorded | undefined, from: string, to: string): boolean {
  return event?.[0] === 'flow' && event[1] === from && event[2] === to;
}

function hasAtom({ atoms }: Phase, ...states: readonly string[]): boolean {
  return Object.values(atoms).some(({ state }) => states.includes(String(state)));
}

/** Whether an event is about something that TaskFlow never came to. */
function isStranded({ atoms }: Phase, event: Recorded): boolean {
  const isLeft = (name: unknown): boolean => atoms[String(name)]?.['state'] === 'PENDING';
  if (event[0] !== 'decide') return isLeft(event[1]) || event[3] === 'REVERTING';
  return isLeft(event[2]) || String(event[2]).startsWith('@');
}

function isInvalidState({ raised }: Phase): boolean {
  return (raised?.failures ?? []).some((failure) => JSON.stringify(failure).includes('"InvalidState"'));
}

/** A fault of arguments, hooks, deciders or controllers, which ends the run of TaskFlow without any resolution. */
function faultBefore({ record, played: { thrown }, at, want }: Met): boolean {
  if (want.flow !== 'FAILURE' && want.crashed !== true) return false;
  if (thrown?.phase === at.phase) return true;
  const before = record.expected.phases[at.phase - 1];
  if (before && isStillOpen(before, want)) return true;
  const fault = faultIn(want, record);
  return fault !== undefined && (at.event ?? want.events.length) > fault;
}

/** An atom found RUNNING or REVERTING that could not be asked again either: nothing is told of it. */
function isStillOpen(before: Phase, { atoms, events }: Phase): boolean {
  return Object.entries(before.atoms).some(
    ([name, { state }]) =>
      (state === 'RUNNING' || state === 'REVERTING') &&
      atoms[name]?.['state'] === state &&
      !events.some((event) => event[1] === name),
  );
}

const decisions: ReadonlySet<unknown> = new Set(['RETRY', 'REVERT', 'REVERT_ALL']);

/** Position of the first event after which something that had to follow did not. */
function faultIn({ events }: Phase, { scenario, expected }: RecordedRun): number | undefined {
  const resolves = scenario.options?.neverResolve !== true;
  const found = events.findIndex((event, index) => {
    const [kind, name] = event.map(String);
    if (kind === 'post') return true;
    if (kind === 'decide') return event.at(-1) === 'raise';
    if (kind === 'resolve') return !decisions.has(event.at(-1)) || isUnanswered(expected, events, index);
    if (!isOfAtom(event)) return false;
    if (event[3] === 'FAILURE') return resolves && isUnanswered(expected, events, index);
    return (
      (event[3] === 'RUNNING' || event[3] === 'REVERTING') &&
      !events.slice(index + 1).some((later) => later[1] === name && (isOfAtom(later) || isCall(later)))
    );
  });
  return found < 0 ? undefined : found;
}

function isCall([kind]: Recorded): boolean {
  return kind === 'execute' || kind === 'revert' || kind === 'pre';
}

/** A failure, or a controller that gave up, whose own controller is not asked next. */
function isUnanswered({ structure }: Expected, events: readonly Recorded[], index: number): boolean {
  const [kind, name] = (events[index] ?? []).map(String);
  if (kind === 'resolve' && events[index]?.at(-1) !== 'REVERT') return false;
  const controller = structure?.controllers[name ?? ''];
  const next = events[index + 1];
  return controller !== undefined && !(next?.[0] === 'resolve' && next[1] === controller);
}
