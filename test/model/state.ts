/**
 * The states of the model: what the board, the journal, the log and each process hold, and what is on its way. Entries, messages and late writes are
 * immutable and shared between states; everything else is copied (`copyOf`).
 */

/** A kind of step of a flow: a task on a worker, a delegate that waits for an answer and may sleep, or a decision of the owner alone. */
export type StepKind = 'T' | 'D' | 'N';

/** `from`: position in the owner's inbox, recorded with the assignment. */
export interface Entry {
  /** `note`: the owner has kept the job for a while. */
  readonly kind: 'post' | 'claim' | 'turn' | 'note' | 'terminal' | 'reopen';
  /** Number of the conductor; −1: the poster. */
  readonly by: number;
  readonly fence: number;
  /** Step that it completes; −1: none. */
  readonly completes: number;
  /** Step that it opens, or sends again. */
  readonly step: number;
  readonly delivery: number;
  readonly worker: number;
  readonly from: number;
  readonly life: number;
  readonly isPoison: boolean;
  /** Compaction took it away: only earlier wordings of the rules do that. */
  readonly isDeleted: boolean;
}

export type RequestMessage =
  | {
      readonly type: 'request' | 'probe';
      readonly step: number;
      readonly delivery: number;
      readonly fence: number;
      readonly replyTo: number;
      readonly epoch: number;
    }
  | { readonly type: 'done'; readonly step: number; readonly fence: number };

export interface ReplyMessage {
  readonly type: 'result' | 'accepted' | 'unknown';
  readonly step: number;
  readonly delivery: number;
}

export type BoardOperation = 'claim' | 'settle' | 'abandon' | 'sleep' | 'removeLeftover';

/** Sent, not answered, and not decided yet: it may land at any later moment, or never. */
export type LateWrite =
  | {
      readonly type: 'multi';
      readonly by: number;
      readonly operation: BoardOperation;
      readonly life: number;
      readonly version: number;
    }
  | { readonly type: 'insert'; readonly by: number; readonly seq: number; readonly entry: Entry }
  | {
      readonly type: 'request';
      readonly by: number;
      readonly worker: number;
      readonly message: RequestMessage;
    }
  | {
      readonly type: 'result';
      readonly by: number;
      readonly inbox: number;
      readonly step: number;
      readonly delivery: number;
    }
  | { readonly type: 'post'; readonly by: number };

/** What a conductor knows of the run. */
export interface Known {
  step: number;
  delivery: number;
  worker: number;
  lastFence: number;
  life: number;
  idleClaims: number;
  isOver: boolean;
  /** Where an answer may stand: inbox and position. Replaced, never changed. */
  places: readonly (readonly [inbox: number, from: number])[];
  isReopened: boolean;
}

/** Where a conductor is. */
export type Stage =
  | 'idle'
  | 'gone'
  | 'claimUnknown'
  | 'lookForLeftover'
  | 'readTail'
  | 'readBehindHint'
  | 'lookedForDormant'
  | 'save'
  | 'decide'
  | 'probe'
  | 'send'
  | 'wait'
  | 'waitForAnswer'
  | 'sleep'
  | 'sleepUnknown'
  | 'lookAgain'
  | 'settleEarly'
  | 'settle'
  | 'settleUnknown'
  | 'abandon'
  | 'abandonUnknown'
  | 'release'
  | 'removeLeftover'
  | 'removeLeftoverUnknown';

export interface Conductor {
  isAlive: boolean;
  hasSession: boolean;
  wasUsed: boolean;
  /** Consumed position in its own inbox. */
  position: number;
  stage: Stage;
  /** Last entry it wrote or read. */
  seq: number;
  fence: number;
  life: number;
  version: number;
  known: Known | undefined;
  entry: Entry | undefined;
  toSend: readonly { readonly worker: number; readonly message: RequestMessage }[];
  /** Stage after the entry in hand. */
  then: Stage | undefined;
  /** It probed, and reads the inboxes of former owners until it has an answer. */
  isAdopting: boolean;
  hint: number;
}

/** Per step: 0 not started, 1 runs, 2 finished and kept, 3 confirmed. */
export type Progress = 0 | 1 | 2 | 3;

export interface Worker {
  isAlive: boolean;
  isRegistered: boolean;
  highestFence: number;
  inbox: readonly RequestMessage[];
  progress: readonly Progress[];
  replyTo: readonly number[];
  /** Delivery up to which it promised not to run a step. */
  promised: readonly number[];
}

export type Budget = Readonly<Record<string, number>>;

export interface State {
  /** Job nodes by life: version, −1 when there is none. */
  jobs: readonly number[];
  lock: readonly [by: number, fence: number, life: number] | undefined;
  dormant: readonly number[];
  /** Locks made so far: the number of each is its fence. */
  locksMade: number;
  journal: readonly Entry[];
  /** Newest snapshot and the one before. */
  snapshots: readonly [number, number];
  /** Job record: 0 none, 1 POSTING, 2 POSTED. */
  record: 0 | 1 | 2;
  answers: readonly boolean[];
  answering: readonly number[];
  answererLife: readonly number[];
  wakers: readonly number[];
  conductors: readonly Conductor[];
  workers: readonly Worker[];
  replies: readonly (readonly ReplyMessage[])[];
  late: readonly LateWrite[];
  poster: number;
  reconciler: number;
  isRerunStored: boolean;
  rerunClient: number;
  budget: Budget;
  recorded: number;
  acknowledgedResults: number;
  settled: number;
  created: number;
  acknowledged: boolean;
  livesUsed: number;
  keys: readonly number[];
  violation: string | undefined;
}

export const livesMax = 9;

export const nothingKnown: Known = {
  step: -1,
  delivery: 0,
  worker: -1,
  lastFence: 0,
  life: 0,
  idleClaims: 0,
  isOver: false,
  places: [],
  isReopened: false,
};

export const blank: Entry = {
  kind: 'turn',
  by: -1,
  fence: 0,
  completes: -1,
  step: -1,
  delivery: 0,
  worker: -1,
  from: 0,
  life: 0,
  isPoison: false,
  isDeleted: false,
};

const unowned = {
  seq: -1,
  fence: 0,
  life: 0,
  version: 0,
  known: undefined,
  entry: undefined,
  toSend: [],
  then: undefined,
  isAdopting: false,
  hint: 0,
} as const;

/** Nothing owned any more. */
export function toIdle(conductor: Conductor): void {
  Object.assign(conductor, unowned, { stage: 'idle' });
}

/** The process ends, or is as good as ended: it may have any state and acts no more. */
export function toGone(conductor: Conductor): void {
  Object.assign(conductor, unowned, { stage: 'gone', isAlive: false });
}

export interface Size {
  readonly conductors: number;
  readonly workers: number;
  readonly steps: number;
  /** This worker is not there at first. */
  readonly lateWorker?: number | undefined;
  /** The post is part of the model; else the job is there already. */
  readonly withPost: boolean;
  readonly budget: Budget;
}

export function initial({ conductors, workers, steps, lateWorker, withPost, budget }: Size): State {
  const each = <T>(value: T): T[] => Array.from({ length: steps }, () => value);
  return {
    jobs: Array.from({ length: livesMax }, (_, life) => (life === 0 && !withPost ? 0 : -1)),
    lock: undefined,
    dormant: [],
    locksMade: 0,
    journal: withPost ? [] : [{ ...blank, kind: 'post' }],
    snapshots: [0, 0],
    record: withPost ? 0 : 2,
    answers: each(false),
    answering: each(0),
    answererLife: each(-1),
    wakers: [],
    conductors: Array.from({ length: conductors }, () => ({
      isAlive: true,
      hasSession: true,
      wasUsed: false,
      position: 0,
      stage: 'idle' as Stage,
      ...unowned,
    })),
    workers: Array.from({ length: workers }, (_, worker) => ({
      isAlive: worker !== lateWorker,
      isRegistered: worker !== lateWorker,
      highestFence: 0,
      inbox: [],
      progress: each<Progress>(0),
      replyTo: each(-1),
      promised: each(0),
    })),
    replies: Array.from({ length: conductors }, () => []),
    late: [],
    poster: withPost ? 0 : 4,
    reconciler: 0,
    isRerunStored: false,
    rerunClient: 0,
    budget,
    recorded: 0,
    acknowledgedResults: 0,
    settled: 0,
    created: withPost ? 0 : 1,
    acknowledged: !withPost,
    livesUsed: 1,
    keys: each(0),
    violation: undefined,
  };
}

/** Conductors and workers are copied, so that a change of one of them needs no care; lists are replaced by whoever changes them. */
export function copyOf(state: State): State {
  return {
    ...state,
    conductors: state.conductors.map((conductor) => ({
      ...conductor,
      known: conductor.known && { ...conductor.known },
    })),
    workers: state.workers.map((worker) => ({ ...worker })),
  };
}

/** `list` with another value at `index`. */
export function withAt<T>(list: readonly T[], index: number, value: T): T[] {
  const copy = [...list];
  copy[index] = value;
  return copy;
}

export function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, each) => each !== index);
}
