import { InputError } from '@baton/core';

export interface ConductorOptions {
  /**
   * Jobs with something under way that are owned at the same time. Default 2,000: survivors must be able to hold a dead member's jobs. Those that
   * only wait (for a worker nobody offers, a time, a person) come on top, until all together are four times as many.
   */
  readonly maxJobs?: number;
  /** Session timeout asked of the jobboard, ms. Default 4,000. Costs time only when a whole host is lost. */
  readonly sessionTimeoutMs?: number;
  /** Partitions of the reply topic that conductors lease. Default 64. */
  readonly replySlots?: number;
  /** Partitions of the request topic that workers lease. Default 256. */
  readonly requestSlots?: number;
  /** Claims in a row without progress before a job is trashed. Default 3. */
  readonly poisonClaimsMax?: number;
  /** Longest time for what is being saved when told to stop, ms; what is left is adopted by others. Default 25,000 (P-1702). */
  readonly drainTimeoutMs?: number;
}

export type ResolvedConductorOptions = Required<ConductorOptions>;

/** Applies defaults, checks ranges, freezes. @throws InputError `BATON_INPUT_INVALID` */
export function resolveConductorOptions(options: ConductorOptions): ResolvedConductorOptions {
  const resolved = {
    maxJobs: 2_000,
    sessionTimeoutMs: 4_000,
    replySlots: 64,
    requestSlots: 256,
    poisonClaimsMax: 3,
    drainTimeoutMs: 25_000,
    ...options,
  };
  for (const [name, value] of Object.entries(resolved))
    if (!Number.isInteger(value) || value < 1)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `conductor option ${name} must be a whole number above 0, got ${value}`,
      );
  return Object.freeze(resolved);
}

/** Bounds that are not options: nobody should have to choose them. */
export const limits = Object.freeze({
  /** Deliveries of one attempt before it fails with `WORKER_LOST` (P-933). */
  deliveriesMax: 3,
  /** Neither accepted nor answered for so long: ask the worker (P-933). */
  silenceBeforeProbeMs: 2_000,
  /** Asked so often without an answer: look whether the job is still ours (P-511). */
  asksBeforeDoubt: 3,
  /** Nothing heard for so long of a request that was accepted: ask again (P-931; silence alone is no loss). */
  workerSilenceMs: 15_000,
  /** Jobs owned, those that only wait included, for each of `maxJobs`: they cost memory and nothing else. */
  ownedJobsFactor: 4,
  /** Claims, loads and fences under way at the same time: deep enough to batch, shallow enough that the first job is not the last. */
  claimWindow: 100,
  /** Postings read ahead, so that the highest priority is claimed first. */
  inspectWindow: 200,
  /** Postings that are read at a time while claims go before them. */
  learnWindow: 20,
  /** A claim that has no fence for so long, ms, is not waited for by those that were claimed with it. */
  fencesFirstMs: 100,
  /** Pauses between looks at what was left to its first choice, ms: with a place for a claim, and without. */
  lookMs: { idle: 20, full: 100 },
  /**
   * When it is taken in its place, ms (P-508): by the `second` in rank when nobody made progress with it, and after `last` in any case; half as much
   * later by each rank after it, so many are told apart; when this conductor can claim nothing, after `learn`. Later while claims make pauses, which are
   * remembered for `lately` at most (`claim-pace`), by `paceMost` at most. What is left within `share` of each other is looked at as one.
   */
  helpMs: {
    second: 100,
    ranksApart: 6,
    learn: 350,
    last: 1_000,
    lately: 10_000,
    paceMost: 5_000,
    share: 10_000,
  },
  /** First and longest pause before a posting that could not be read is read again. */
  findAgainMs: { first: 100, max: 5_000 },
  /** Child runs that are posted, or told something, at a time. */
  childPostsMax: 64,
  /** Waits for events that are noted, and looked for among what is kept, at a time. */
  eventWaitsMax: 64,
  /** Bytes of facts in one entry; a turn above it becomes several entries. */
  entryFactBytesMax: 256 * 1024,
  /** A job kept so long without a transition is healthy: its claims without progress are forgotten (P-506). */
  poisonQuietMs: 10_000,
  /** A job whose last claim led to nothing is loaded alone for so long at most. */
  suspectMs: 250,
  /** Nothing could be sent or read for so long: the session ends, and others take the jobs (P-616). */
  cutOffMs: 30_000,
  /** Posts that were left half done are looked for so often (P-601). */
  reconcileMs: 30_000,
  /** After conductors came or went: one that died may have left something half done. */
  reconcileSoonMs: 3_000,
  /** Schedules that were put or changed are looked for so often even without a nudge. */
  schedulePollMs: 10_000,
  /** The clock of the board is asked again after so long. */
  clusterTimeMs: 30_000,
  /** An answer that took longer tells too little of the time. */
  clusterTimeAnswerMs: 100,
  /** A schedule is looked at so often, for the clock of the board may be set. */
  scheduleLookMs: 60_000,
  /** A slot that nobody could fire for so long is missed: longer than it takes until another conductor follows one whose host is lost. */
  slotGraceMs: 30_000,
  /** Slots that are looked at together at most: the last ones of an outage. */
  slotsMax: 100,
  /** Pause before a scheduled job that could not be posted is posted again. */
  scheduleRetryMs: { first: 500, max: 10_000 },
  /** A notification is given up when its entry is so old, and it was sent so often: those of a target that is away do not wait for each other. */
  notifyGiveUp: { afterMs: 900_000, attempts: 3 },
  /** First and longest pause before one is sent again; and before the journal is read again that shows less than is stored. */
  notifyMs: { first: 1_000, max: 60_000, reread: 100 },
  /** Notifications that nobody sends any more are looked for so often, so many jobs at a time. */
  notifySweepMs: 30_000,
  notifySweepJobs: 200,
  /**
   * Jobs that are not kept any longer (C-1313) are looked for, a page after the other: not for so long after conductors came or went; with a pause so long at least, and
   * so many times as long as the page took; after a whole pass it rests (P-635), after a failure it waits.
   */
  retentionMs: { quiet: 10_000, page: 250, share: 4, rest: 600_000, retry: 30_000 },
  retentionPageJobs: 100,
  /** Jobs that the board or the journal is asked about at a time. */
  retentionAtOnce: 10,
  /** Operator commands are looked for so often even without a nudge (P-1108). */
  commandPollMs: 5_000,
  /** How often owned jobs are looked at: one that two looks find at rest, at the same place of its journal, is put to sleep (P-1101). */
  restMs: 1_000,
  /** Not for less than this: it costs a claim to wake it. */
  sleepMsMin: 5_000,
  /** Put to sleep at the same time. */
  fallingAsleepMax: 100,
  /** From a change among conductors to the division of dormant jobs by it. */
  dormantShareMs: 100,
  /** Changes among dormant jobs are looked at no sooner: nobody sleeps for less. */
  dormantListingMs: 1_000,
  /** Each dormant job is looked at so often for what nobody was told of (P-1103). */
  dormantSweepMs: 30_000,
  /** Pause before a timer fires that was due while nobody could say what came before it. */
  timerPauseMs: 1_000,
  /** Pause before a finished job is taken off the board again. */
  settleRetryMs: 200,
  /** An overloaded worker gets nothing new for so long. */
  overloadPauseMs: 100,
  /** Places a flow may take again by itself while others of its priority wait. */
  retakenMax: 8,
  /** Pause of a request that was refused a second time, and the longest: each delivery is an entry of the journal. */
  refusedPauseMs: { first: 100, max: 5_000 },
  /** Refusals by workers that say they offer the task, before the attempt fails with `NO_WORKER` (P-945). */
  refusalsMax: 5,
  /** First and longest pause before an abandoned job may be claimed again (P-605). */
  abandonMs: { first: 1_000, max: 300_000 },
});
