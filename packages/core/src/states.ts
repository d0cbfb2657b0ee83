import { InvariantError } from './errors.js';

/** The words of TaskFlow for where things stand, and which changes are legal (engine.md section 7; taskflow states.py). */
export const taskStates = [
  'PENDING',
  'RUNNING',
  'SUCCESS',
  'FAILURE',
  'REVERTING',
  'REVERTED',
  'REVERT_FAILURE',
  'IGNORE',
] as const;
export type TaskState = (typeof taskStates)[number];
/** A retry controller has one state more. */
export type AtomState = TaskState | 'RETRYING';

/** Where an activation of a routed flow stands (control-flow.md C-304 to C-312). */
export type ActivationState =
  | 'PENDING'
  | 'WAITING'
  | 'RUNNING'
  | 'DELAYED'
  | 'SUSPENDED'
  | 'SUCCESS'
  | 'FAILURE'
  | 'CANCELLED'
  | 'SKIPPED'
  | 'REVERTING'
  | 'REVERTED'
  | 'REVERT_FAILURE';

export type Intention = 'EXECUTE' | 'IGNORE' | 'REVERT' | 'RETRY';

export type FlowState =
  | 'PENDING'
  | 'RUNNING'
  | 'SUCCESS'
  | 'FAILURE'
  | 'REVERTED'
  | 'CANCELLED'
  | 'SUSPENDING'
  | 'SUSPENDED'
  | 'RESUMING';

/** States in which a flow's run is over. */
export type FlowOutcome = Extract<FlowState, 'SUCCESS' | 'FAILURE' | 'REVERTED' | 'CANCELLED'>;
export const flowOutcomes: readonly FlowOutcome[] = ['SUCCESS', 'FAILURE', 'REVERTED', 'CANCELLED'];

export type JobState = 'UNCLAIMED' | 'CLAIMED' | 'COMPLETE';

/**
 * From → to → why. A change that is not here is impossible; `ignore` lists changes that are asked for in normal operation and
 * do nothing (E-741).
 */
export interface TransitionTable<S extends string> {
  readonly what: string;
  readonly arcs: Readonly<Partial<Record<S, Readonly<Partial<Record<S, string>>>>>>;
  readonly ignore: Readonly<Partial<Record<S, readonly S[]>>>;
}

const taskArcs = {
  PENDING: { RUNNING: 'everything before it is done', IGNORE: 'a decider said no' },
  RUNNING: { SUCCESS: 'execute returned', FAILURE: 'execute failed, or could not begin' },
  SUCCESS: { REVERTING: 'its scope is undone' },
  FAILURE: { REVERTING: 'it may have done part of its work', IGNORE: 'an operator had it skipped' },
  REVERTING: { REVERTED: 'revert returned', REVERT_FAILURE: 'revert failed' },
  REVERTED: { PENDING: 'a new round begins' },
  IGNORE: { PENDING: 'a new round begins' },
  REVERT_FAILURE: {
    REVERTING: 'an operator asked to revert again',
    REVERTED: 'an operator cleaned up by hand',
  },
} as const;

/** E-711. */
export const taskTransitions: TransitionTable<AtomState> = { what: 'task', arcs: taskArcs, ignore: {} };

/** E-713: the task's table and a round of its own. */
export const retryTransitions: TransitionTable<AtomState> = {
  what: 'retry',
  arcs: {
    ...taskArcs,
    SUCCESS: { ...taskArcs.SUCCESS, RETRYING: 'its scope is clean and it decided to try again' },
    RETRYING: { RUNNING: 'a new round begins' },
  },
  ignore: {},
};

/** C-321 to C-329; a join that waits begins in WAITING. */
export const activationTransitions: TransitionTable<ActivationState> = {
  what: 'activation',
  arcs: {
    PENDING: {
      RUNNING: 'control arrived',
      DELAYED: 'it waits before it begins',
      SUCCESS: 'a decision point has nothing to run',
      FAILURE: 'it could not begin',
      CANCELLED: 'the run was cancelled',
    },
    WAITING: {
      RUNNING: 'enough arrived',
      DELAYED: 'enough arrived, and it waits before it begins',
      SUCCESS: 'enough arrived, and it has nothing to run',
      FAILURE: 'what it waits for can never come',
      CANCELLED: 'the run was cancelled',
    },
    RUNNING: {
      DELAYED: 'another attempt follows later, or it waits before its outcome is judged',
      SUCCESS: 'its attempt succeeded',
      FAILURE: 'its attempts failed, or could not begin',
      CANCELLED: 'the run was cancelled',
      SUSPENDED: 'its child run was suspended',
    },
    SUSPENDED: {
      RUNNING: 'its child run goes on',
      FAILURE: 'its time, or its child run, ended meanwhile',
      CANCELLED: 'the run was cancelled',
    },
    DELAYED: {
      RUNNING: 'the delay is over',
      SUCCESS: 'a decision point has waited, and has nothing to run',
      FAILURE: 'its time, or the run, ended meanwhile',
      CANCELLED: 'the run was cancelled',
    },
    SUCCESS: { REVERTING: 'the run is undone' },
    FAILURE: {
      REVERTING: 'it may have done part of its work',
      PENDING: 'an operator has it run again',
      WAITING: 'what its join waits for may come again',
      SKIPPED: 'an operator had it skipped',
    },
    CANCELLED: {
      REVERTING: 'it may have done part of its work',
      PENDING: 'an operator has it run again',
      WAITING: 'what its join waits for may come again',
    },
    REVERTING: {
      REVERTED: 'revert returned',
      REVERT_FAILURE: 'revert failed',
      REVERTING: 'one of its child runs is undone, and another one follows',
    },
    REVERT_FAILURE: {
      REVERTING: 'an operator asked to revert again',
      REVERTED: 'an operator cleaned up by hand',
    },
  },
  ignore: {},
};

const idle = ['SUSPENDING', 'SUSPENDED', 'RESUMING'] as const;

/** E-721 and E-723. */
export const flowTransitions: TransitionTable<FlowState> = {
  what: 'flow',
  arcs: {
    PENDING: { RUNNING: 'run', CANCELLED: 'cancelled before it began' },
    RUNNING: {
      SUCCESS: 'every atom is done or ignored',
      FAILURE: 'a failure that cannot be resolved',
      REVERTED: 'what ran was undone',
      SUSPENDING: 'suspend was asked',
      RESUMING: 'run again by a new engine',
      CANCELLED: 'cancelled without revert',
    },
    SUCCESS: { PENDING: 'reset', RUNNING: 'run again, or undone later' },
    FAILURE: { RUNNING: 'run again' },
    REVERTED: { PENDING: 'reset' },
    SUSPENDING: {
      SUSPENDED: 'nothing runs any more',
      SUCCESS: 'everything finished meanwhile',
      FAILURE: 'everything finished meanwhile',
      REVERTED: 'everything finished meanwhile',
      RESUMING: 'run again before it was suspended',
      CANCELLED: 'cancelled without revert',
    },
    SUSPENDED: {
      RUNNING: 'resume',
      SUCCESS: 'a person had it end',
      FAILURE: 'a person had it end',
      CANCELLED: 'cancelled without revert',
    },
    RESUMING: { SUSPENDED: 'prepared to run again' },
    CANCELLED: { RUNNING: 'an operator has it run again' },
  },
  ignore: {
    PENDING: idle,
    SUCCESS: idle,
    FAILURE: idle,
    REVERTED: idle,
    SUSPENDED: ['SUSPENDING', 'RESUMING'],
    CANCELLED: idle,
  },
};

/** E-731. */
export const jobTransitions: TransitionTable<JobState> = {
  what: 'job',
  arcs: {
    UNCLAIMED: { CLAIMED: 'an owner took it' },
    CLAIMED: { UNCLAIMED: 'its owner left or died', COMPLETE: 'its flow ended' },
  },
  ignore: {},
};

/**
 * Whether a change is made (`apply`) or silently not (`ignore`; the same state always is).
 * @throws InvariantError `BATON_INVARIANT_TRANSITION` for a change outside the table.
 */
export function checkTransition<S extends string>(
  table: TransitionTable<S>,
  from: S,
  to: S,
  name = table.what,
): 'apply' | 'ignore' {
  if (table.arcs[from]?.[to] !== undefined) return 'apply';
  if (from === to || table.ignore[from]?.includes(to) === true) return 'ignore';
  throw new InvariantError(
    'BATON_INVARIANT_TRANSITION',
    `${name}: no ${table.what} goes from ${from} to ${to}`,
  );
}
