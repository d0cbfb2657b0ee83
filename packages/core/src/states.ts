/** The words of TaskFlow for where things stand (engine.md section 7). Transition tables live beside them. */
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
