/** What a run of the model is about: its flow, its bounds, and which rule is broken or worded as it was before. */
import type { Budget, StepKind } from './state.js';

/** Bugs that somebody could write. */
export type Fault =
  | 'claimEntrySkipped'
  | 'collisionIgnored'
  | 'fenceCompareOff'
  | 'ownerByName'
  | 'noBarrier'
  | 'tombstoneIgnored'
  | 'settleBeforeTerminal'
  | 'abandonUnconditional'
  | 'consumeUnconditional'
  | 'dispatchBeforeSave'
  | 'replyFromAfterProduce'
  | 'skipWatermark'
  | 'probeWithoutSlot'
  | 'resendInsteadOfProbe'
  | 'unknownWithoutDelivery'
  | 'resendNewId'
  | 'anyResultTaken'
  | 'workerIgnoresFence'
  | 'workerIgnoresEpoch'
  | 'dormantWithoutReread'
  | 'wakeBeforeStore'
  | 'lifeNotRaised'
  | 'leftoverOrderReversed'
  | 'compactClaims'
  | 'compactBeforeClaim'
  | 'poisonResetAtClaim';

/** Earlier wordings of a rule, each of which the model found wanting. */
export type Earlier =
  | 'probeWithoutEpoch'
  | 'unknownIsNoPromise'
  | 'rerunClientLeaves'
  | 'compactionDeletes'
  | 'probePlaceNotRecorded'
  | 'dormantNameWithoutLife'
  | 'queryByVersionOnly'
  | 'noRereadAfterSleep'
  | 'doneForgets'
  | 'leftoverOnlyByJournal'
  | 'poisonCountsEveryClaim'
  | 'resendOnSilence';

/** How many of each may happen in one run. */
export type Allowed =
  | 'crash'
  | 'expire'
  | 'unknown'
  | 'stale'
  | 'workerCrash'
  | 'workerExpire'
  | 'workerStart'
  | 'abandon'
  | 'answererCrash'
  | 'waker'
  | 'snapshot'
  | 'posterCrash'
  | 'earlyReconciler'
  | 'operator'
  | 'logLoss'
  | 'rerun';

export interface Variant {
  readonly name: string;
  /** One letter a step (`StepKind`). */
  readonly flow: string;
  readonly conductors: number;
  readonly workers: number;
  readonly budget: Budget;
  readonly fault?: Fault | undefined;
  readonly earlier: readonly Earlier[];
  readonly withPost: boolean;
  readonly withSweep: boolean;
  /** Confirmations of stored results. */
  readonly withDone: boolean;
  readonly withCompaction: boolean;
  /** A multi whose answer is lost may land later in its session. */
  readonly lateMultis: boolean;
  readonly lateResults: boolean;
  readonly lateInserts: boolean;
  /** A request may go to any worker, not only to the first. */
  readonly anyWorker: boolean;
  /** All workers read one inbox, one after the other. */
  readonly sharedInbox: boolean;
  readonly lateWorker?: number | undefined;
  /** Nothing starts after its result was recorded. */
  readonly strict: boolean;
  /** A leftover node of life 0 may be there. */
  readonly allowLeftover: boolean;
  /** Claims without progress before a job is poison; 0: not part of the run. */
  readonly poison: number;
  /** Which owners die: those that have kept the job for long, or those that made no progress. */
  readonly dies?: 'waiting' | 'turn' | undefined;
  /** Begin of the violation that must be found; none must be found when absent. */
  readonly expect?: string | undefined;
  /** One of the largest runs: not part of the quick ones. */
  readonly isWide: boolean;
  readonly statesMax: number;
}

export class Rules {
  readonly variant: Variant;
  readonly #earlier: ReadonlySet<Earlier>;

  constructor(variant: Variant) {
    this.variant = variant;
    this.#earlier = new Set(variant.earlier);
    if (variant.fault === 'dormantWithoutReread')
      this.#earlier = new Set([...variant.earlier, 'noRereadAfterSleep']);
  }

  /** That bug is in. */
  has(fault: Fault): boolean {
    return this.variant.fault === fault;
  }

  /** That rule is worded as it was. */
  was(earlier: Earlier): boolean {
    return this.#earlier.has(earlier);
  }

  kindOf(step: number): StepKind | undefined {
    return this.variant.flow[step] as StepKind | undefined;
  }

  isTask(step: number): boolean {
    return this.kindOf(step) === 'T';
  }

  isDelegate(step: number): boolean {
    return this.kindOf(step) === 'D';
  }

  inboxOf(worker: number): number {
    return this.variant.sharedInbox ? 0 : worker;
  }
}
