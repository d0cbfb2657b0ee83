import { InputError, workerConcurrencyMax } from '@baton/core';

export interface WorkerOptions {
  /** Tasks that run at the same time. Default 16. */
  readonly concurrency?: number;
  /** Session timeout asked of the jobboard, ms. Default 4,000. */
  readonly sessionTimeoutMs?: number;
  /** Partitions of the request topic that workers lease. Default 256. */
  readonly requestSlots?: number;
  /** Partitions of the reply topic that conductors lease. Default 64. */
  readonly replySlots?: number;
  /** How long a drain waits for running tasks, ms; the last fifth of it after they were told to stop. Default 25,000. */
  readonly drainTimeoutMs?: number;
  /** Largest result in bytes. Default 512 KiB. */
  readonly payloadBytesMax?: number;
}

export type ResolvedWorkerOptions = Required<WorkerOptions>;

const BOUNDS: Readonly<Record<keyof WorkerOptions, { readonly min: number; readonly max: number }>> = {
  concurrency: { min: 1, max: workerConcurrencyMax },
  sessionTimeoutMs: { min: 100, max: 600_000 },
  requestSlots: { min: 1, max: 10_000 },
  replySlots: { min: 1, max: 10_000 },
  drainTimeoutMs: { min: 0, max: 3_600_000 },
  // with its envelope a result must fit one message
  payloadBytesMax: { min: 1, max: 640 * 1024 },
};

/** Applies defaults, checks ranges, freezes. @throws InputError `BATON_INPUT_INVALID` */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  const resolved = {
    concurrency: 16,
    sessionTimeoutMs: 4_000,
    requestSlots: 256,
    replySlots: 64,
    drainTimeoutMs: 25_000,
    payloadBytesMax: 512 * 1024,
    ...options,
  };
  for (const [name, { min, max }] of Object.entries(BOUNDS)) {
    const value = resolved[name as keyof typeof BOUNDS];
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `worker option ${name} must be a whole number from ${min} to ${max}, got ${value}`,
      );
  }
  return Object.freeze(resolved);
}

/** Bounds that are not options: nobody should have to choose them. */
export const limits = Object.freeze({
  /** A heartbeat to every inbox that waits for something; a conductor misses three before it calls a worker lost (P-931). */
  heartbeatMs: 5_000,
  /** How long a task that was told to stop may go on before it is given up (C-1030). */
  abortGraceMs: 10_000,
  /** How soon a thread or process must say that it has told its task to stop; one that is blocked is killed then, without the grace. */
  hostAnswerMs: 1_000,
  /** How long a thread or process may take to load its module. */
  hostStartMs: 60_000,
  /** How long one is kept without work, unless it is the last of its kind. */
  hostIdleMs: 60_000,
  /** How long one that was killed may take to end. After that its place is held for lost. */
  hostEndMs: 5_000,
  /** Unconfirmed results and finished ids are remembered so long: longest outage of all conductors (P-915). */
  retentionMs: 15 * 60_000,
  /** Settled ids, promises and fences, each. About 20 MiB a kind. */
  remembered: 100_000,
  /** Kept results above which nothing new is taken or started; below what the outbox holds while the log is away. */
  keptBytesMax: 24 * 1024 * 1024,
  /** Last moment for results before the session ends in a drain. */
  flushMs: 2_000,
});

/**
 * Requests held at once, running and waiting. Above what one conductor sends ahead: several of them do not know of each other, and a
 * queue costs less than a refusal. Bounded so that a heartbeat, which lists them all, fits one message: 2,100 of the longest ids
 * (job 128, atom 255) have 880 kB. A heartbeat in parts would make its reader ask for what stands in the others.
 */
export function openMaxOf(concurrency: number): number {
  return Math.min(2_100, Math.max(256, concurrency * 16));
}
