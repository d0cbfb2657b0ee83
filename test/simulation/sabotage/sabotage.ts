import type { ThemeName } from '../faults.js';

export interface Sabotage {
  readonly id: string;
  readonly hazard: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Only seeds with faults of this theme are tried: those that are likely to find it. */
  readonly theme?: ThemeName;
  /** One of the first seeds finds it: `npm test` runs it. */
  readonly isSoon?: true;
  /** A second place in the same file: what closes the hole as well has to go, too. */
  readonly also?: { readonly find: string; readonly replace: string };
}

/** Sources that bugs are planted in. */
export const claims = 'packages/jobboard/src/claims.ts';
export const reads = 'packages/jobboard/src/session-reads.ts';
export const journal = 'packages/persistence/src/journal.ts';
export const fence = 'packages/persistence/src/install-fence.ts';
export const insert = 'packages/persistence/src/group-insert.ts';
export const reader = 'packages/persistence/src/journal-reader.ts';
export const install = 'packages/conductor/src/install-claim.ts';
export const runner = 'packages/conductor/src/job-runner.ts';
export const sendRequest = 'packages/conductor/src/send-request.ts';
export const turns = 'packages/conductor/src/flow-turns.ts';
export const flight = 'packages/conductor/src/in-flight.ts';
export const takenBack = 'packages/conductor/src/taken-back.ts';
export const table = 'packages/conductor/src/request-table.ts';
export const owned = 'packages/conductor/src/owned-state.ts';
export const adoption = 'packages/conductor/src/adoption.ts';
export const watch = 'packages/conductor/src/worker-watch.ts';
export const claimLoop = 'packages/conductor/src/claim-loop.ts';
export const secondLook = 'packages/conductor/src/second-look.ts';
export const losses = 'packages/conductor/src/loss-watch.ts';
export const incarnation = 'packages/conductor/src/incarnation.ts';
export const clusterClock = 'packages/conductor/src/cluster-clock.ts';
export const dormantWatch = 'packages/conductor/src/dormant-watch.ts';
export const dormantJobs = 'packages/jobboard/src/dormant-jobs.ts';
export const runnerTimers = 'packages/conductor/src/job-timers.ts';
export const eventWaits = 'packages/conductor/src/event-waits.ts';
export const childJobs = 'packages/conductor/src/child-jobs.ts';
export const scheduleDuty = 'packages/conductor/src/schedule-duty.ts';
export const answerDelegate = 'packages/client/src/answer-delegate.ts';
export const routedStep = 'packages/engine/src/routed/routed-step.ts';
export const abandon = 'packages/conductor/src/abandon-claim.ts';
export const replay = 'packages/transport/src/reply-replay.ts';
export const ledger = 'packages/worker/src/request-ledger.ts';
export const commands = 'packages/persistence/src/commands.ts';
export const ids = 'packages/core/src/ids.ts';
export const post = 'packages/persistence/src/place-job.ts';
