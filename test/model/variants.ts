/** Every run of the model: the rules as they stand, earlier wordings of single rules, and planted bugs, each with what must be found. */
import type { Allowed, Earlier, Fault, Variant } from './variant.js';

type Bounds = Partial<Omit<Variant, 'name' | 'budget' | 'expect' | 'fault' | 'earlier'>> & {
  readonly flow: string;
  readonly budget?: Partial<Record<Allowed, number>>;
};

const plain = {
  conductors: 2,
  workers: 1,
  earlier: [],
  withPost: false,
  withSweep: false,
  withDone: false,
  withCompaction: false,
  lateMultis: false,
  lateResults: false,
  lateInserts: true,
  anyWorker: false,
  sharedInbox: false,
  strict: false,
  allowLeftover: false,
  poison: 0,
  isWide: false,
  statesMax: 3_000_000,
} satisfies Partial<Variant>;

const none: Readonly<Record<Allowed, number>> = {
  crash: 0,
  expire: 0,
  unknown: 0,
  stale: 0,
  workerCrash: 0,
  workerExpire: 0,
  workerStart: 0,
  abandon: 0,
  answererCrash: 0,
  waker: 0,
  snapshot: 0,
  posterCrash: 0,
  earlyReconciler: 0,
  operator: 0,
  logLoss: 0,
  rerun: 0,
};

function present(name: string, { budget, ...bounds }: Bounds): Variant {
  return { ...plain, ...bounds, name, budget: { ...none, ...budget } };
}

function wide(name: string, bounds: Bounds): Variant {
  return { ...present(name, bounds), isWide: true, statesMax: 6_000_000 };
}

function former(name: string, rule: Earlier, expect: string, bounds: Bounds): Variant {
  return { ...present(`former ${name}`, bounds), earlier: [rule], expect };
}

/** With its control: the same bounds without the bug must be clean. */
function planted(
  name: string,
  fault: Fault,
  expect: string,
  { earlier = [], ...bounds }: Bounds & { readonly earlier?: readonly Earlier[] },
): Variant[] {
  return [
    { ...present(`bug ${name}`, bounds), earlier, fault, expect },
    { ...present(`control ${name}`, bounds), earlier },
  ];
}

const asTheyStand: readonly Variant[] = [
  present('own unknown', { flow: 'NN', budget: { expire: 1, unknown: 2, operator: 1 }, lateMultis: true }),
  present('own three', { flow: 'NN', conductors: 3, budget: { expire: 2, unknown: 1, operator: 1 } }),
  present('own stale', { flow: 'NN', conductors: 3, budget: { expire: 2, stale: 2, crash: 1 } }),
  present('own abandon', { flow: 'T', budget: { expire: 1, unknown: 2, abandon: 1 }, lateMultis: true }),
  present('adopt two', {
    flow: 'TN',
    workers: 2,
    budget: { crash: 1, expire: 1, unknown: 1, workerCrash: 1 },
  }),
  present('adopt three', {
    flow: 'T',
    conductors: 3,
    workers: 2,
    budget: { crash: 2, workerCrash: 1, unknown: 1 },
    lateResults: true,
  }),
  present('adopt zombies', {
    flow: 'T',
    workers: 2,
    budget: { expire: 1, workerExpire: 1, unknown: 1 },
    lateResults: true,
  }),
  present('adopt log loss', { flow: 'T', workers: 2, budget: { crash: 1, logLoss: 1, unknown: 1 } }),
  present('done', {
    flow: 'TN',
    withDone: true,
    workers: 2,
    strict: true,
    budget: { unknown: 1, crash: 1, expire: 1, workerCrash: 1 },
  }),
  present('epoch', {
    flow: 'TN',
    withDone: true,
    workers: 2,
    lateWorker: 1,
    sharedInbox: true,
    budget: { unknown: 1, crash: 1, workerCrash: 1, workerStart: 1 },
  }),
  present('sleep two', { flow: 'DD', budget: { unknown: 1, waker: 1 } }),
  present('sleep crash', {
    flow: 'D',
    conductors: 3,
    withSweep: true,
    budget: { crash: 1, expire: 1, answererCrash: 1, waker: 1 },
  }),
  present('sleep task', { flow: 'DT', withSweep: true, budget: { crash: 1, waker: 1, unknown: 1 } }),
  present('post', {
    flow: 'D',
    withPost: true,
    allowLeftover: true,
    withSweep: true,
    budget: { unknown: 1, earlyReconciler: 1, waker: 1 },
  }),
  present('post crash', {
    flow: 'N',
    withPost: true,
    allowLeftover: true,
    budget: { unknown: 1, posterCrash: 1, crash: 1 },
  }),
  present('compact', {
    flow: 'NNND',
    withCompaction: true,
    conductors: 3,
    budget: { expire: 2, snapshot: 2 },
  }),
  present('poison healthy', { flow: 'T', conductors: 4, poison: 3, dies: 'waiting', budget: { crash: 3 } }),
  present('rerun', {
    flow: 'N',
    allowLeftover: true,
    withSweep: true,
    budget: { rerun: 1, crash: 1, unknown: 1 },
  }),
  present('rerun zombie', {
    flow: 'N',
    allowLeftover: true,
    withSweep: true,
    budget: { rerun: 1, expire: 1, unknown: 1 },
  }),
  wide('mixed', {
    flow: 'TD',
    workers: 2,
    withSweep: true,
    withDone: true,
    budget: { crash: 1, unknown: 1, workerCrash: 1, waker: 1 },
    lateResults: true,
  }),
  wide('mixed zombie', {
    flow: 'TD',
    workers: 2,
    withSweep: true,
    budget: { expire: 1, unknown: 1, workerCrash: 1, waker: 1 },
  }),
  wide('own three wide', { flow: 'NN', conductors: 3, budget: { expire: 2, unknown: 2, stale: 1 } }),
  wide('adopt three wide', {
    flow: 'T',
    conductors: 3,
    workers: 2,
    anyWorker: true,
    budget: { crash: 1, expire: 1, workerCrash: 1, unknown: 1 },
  }),
  wide('post wide', {
    flow: 'D',
    withPost: true,
    allowLeftover: true,
    withSweep: true,
    budget: { unknown: 2, earlyReconciler: 1, crash: 1, posterCrash: 1 },
  }),
  wide('sleep wide', {
    flow: 'D',
    withSweep: true,
    lateMultis: true,
    budget: { expire: 1, unknown: 1, waker: 1, stale: 1 },
  }),
];

const earlierWordings: readonly Variant[] = [
  former('probe epoch', 'probeWithoutEpoch', 'I10', {
    flow: 'T',
    workers: 2,
    lateWorker: 1,
    sharedInbox: true,
    budget: { crash: 1, workerCrash: 1, workerStart: 1 },
  }),
  former('unknown', 'unknownIsNoPromise', 'I10', {
    flow: 'T',
    workers: 2,
    budget: { logLoss: 1, unknown: 1 },
  }),
  former('rerun', 'rerunClientLeaves', 'I08', { flow: 'N', allowLeftover: true, budget: { rerun: 1 } }),
  former('compact', 'compactionDeletes', 'I02', {
    flow: 'NNND',
    withCompaction: true,
    conductors: 3,
    budget: { expire: 2, snapshot: 2 },
  }),
  former('compact late insert', 'compactionDeletes', 'I02', {
    flow: 'NND',
    withCompaction: true,
    budget: { crash: 1, snapshot: 2, unknown: 1 },
  }),
  former('probe place', 'probePlaceNotRecorded', 'I10', {
    flow: 'T',
    conductors: 3,
    workers: 2,
    budget: { crash: 2, workerCrash: 1 },
  }),
  former('dormant name', 'dormantNameWithoutLife', 'P-305', { flow: 'DD', budget: { waker: 1 } }),
  former('query', 'queryByVersionOnly', 'H66', {
    flow: 'N',
    withPost: true,
    allowLeftover: true,
    budget: { unknown: 1, earlyReconciler: 1 },
  }),
  former('reread', 'noRereadAfterSleep', 'I08', { flow: 'D' }),
  former('done', 'doneForgets', 'P-103', {
    flow: 'TN',
    withDone: true,
    conductors: 1,
    strict: true,
    budget: { unknown: 1 },
  }),
  former('leftover', 'leftoverOnlyByJournal', 'P-305', {
    flow: 'D',
    withPost: true,
    allowLeftover: true,
    withSweep: true,
    budget: { unknown: 1, earlyReconciler: 1 },
  }),
  former('poison', 'poisonCountsEveryClaim', 'I08', {
    flow: 'T',
    conductors: 4,
    poison: 2,
    dies: 'waiting',
    budget: { crash: 3 },
  }),
  former('resend on silence', 'resendOnSilence', 'I10', {
    flow: 'TN',
    conductors: 1,
    workers: 2,
    strict: true,
  }),
  // a limit that no rule removes (H35, H37): a worker that lost its session may still start what it had not read
  {
    ...present('limit zombie worker', {
      flow: 'TN',
      conductors: 1,
      workers: 2,
      strict: true,
      budget: { workerExpire: 1 },
    }),
    expect: 'P-103: a step was started',
  },
];

const bugs: readonly Variant[] = [
  planted('claim entry skipped', 'claimEntrySkipped', 'I0', { flow: 'NN', budget: { expire: 1 } }),
  planted('collision ignored', 'collisionIgnored', 'I0', { flow: 'NN', budget: { expire: 1 } }),
  planted('fence compare off', 'fenceCompareOff', 'I02', { flow: 'NN', budget: { expire: 1 } }),
  planted('owner by name', 'ownerByName', 'H66', { flow: 'NN' }),
  planted('no read barrier', 'noBarrier', 'I08', { flow: 'N', budget: { unknown: 1 }, lateMultis: true }),
  planted('tombstone ignored', 'tombstoneIgnored', 'I07', { flow: 'N', budget: { crash: 1 } }),
  planted('settle before terminal', 'settleBeforeTerminal', 'I06', { flow: 'N', budget: { crash: 1 } }),
  planted('abandon unconditional', 'abandonUnconditional', 'H66', {
    flow: 'T',
    budget: { unknown: 1, abandon: 1 },
  }),
  planted('consume unconditional', 'consumeUnconditional', 'H66', {
    flow: 'N',
    withPost: true,
    allowLeftover: true,
    budget: { unknown: 1, earlyReconciler: 1 },
  }),
  planted('dispatch before save', 'dispatchBeforeSave', 'P-412', { flow: 'T' }),
  planted('reply from after produce', 'replyFromAfterProduce', 'I10', {
    flow: 'T',
    workers: 2,
    budget: { crash: 1, workerCrash: 1 },
  }),
  planted('watermark skipped', 'skipWatermark', 'I10', {
    flow: 'T',
    workers: 2,
    budget: { crash: 1, workerCrash: 1 },
  }),
  planted('probe without slot', 'probeWithoutSlot', 'I', {
    flow: 'T',
    workers: 2,
    budget: { crash: 1, workerCrash: 1 },
  }),
  planted('resend instead of probe', 'resendInsteadOfProbe', 'I10', {
    flow: 'T',
    workers: 2,
    budget: { crash: 1 },
  }),
  planted('unknown without delivery', 'unknownWithoutDelivery', 'I10', {
    flow: 'T',
    workers: 2,
    budget: { crash: 1, unknown: 1 },
  }),
  planted('resend new id', 'resendNewId', 'I09', { flow: 'T', workers: 2, budget: { workerCrash: 1 } }),
  planted('any result taken', 'anyResultTaken', 'I09', { flow: 'TT', budget: { crash: 1, unknown: 1 } }),
  planted('worker ignores fence', 'workerIgnoresFence', 'I10', {
    flow: 'T',
    conductors: 3,
    workers: 2,
    budget: { crash: 1, expire: 1, workerCrash: 1 },
  }),
  planted('worker ignores epoch', 'workerIgnoresEpoch', 'P-103', {
    flow: 'TN',
    workers: 3,
    lateWorker: 1,
    sharedInbox: true,
    strict: true,
    budget: { unknown: 1, workerCrash: 1, workerStart: 1 },
  }),
  planted('sleep without reread', 'dormantWithoutReread', 'I08', { flow: 'D' }),
  planted('wake before store', 'wakeBeforeStore', 'I08', { flow: 'D' }),
  planted('life not raised', 'lifeNotRaised', 'H66', {
    flow: 'DD',
    earlier: ['queryByVersionOnly'],
    budget: { unknown: 1, waker: 1 },
  }),
  planted('leftover order reversed', 'leftoverOrderReversed', 'P-305', {
    flow: 'D',
    withPost: true,
    allowLeftover: true,
    withSweep: true,
    budget: { unknown: 1, earlyReconciler: 1, waker: 1 },
  }),
  planted('compaction removes claims', 'compactClaims', 'I02', {
    flow: 'NNND',
    withCompaction: true,
    earlier: ['compactionDeletes'],
    budget: { expire: 1, snapshot: 2 },
  }),
  planted('compaction removes entry before claim', 'compactBeforeClaim', 'I02', {
    flow: 'NND',
    withCompaction: true,
    withSweep: true,
    lateInserts: false,
    earlier: ['compactionDeletes'],
    budget: { expire: 1, snapshot: 3, unknown: 1 },
  }),
  planted('poison reset at claim', 'poisonResetAtClaim', 'H16', {
    flow: 'N',
    conductors: 4,
    poison: 3,
    dies: 'turn',
    budget: { crash: 3 },
  }),
].flat();

export const variants: readonly Variant[] = [...asTheyStand, ...earlierWordings, ...bugs];
