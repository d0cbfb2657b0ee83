/**
 * Purpose: decides what a worker does with each message of its inbox (reliability 9.2, P-803). Pure: no clock, no I/O, no
 *   user code; whoever owns it carries the effects out in the order given.
 * States of a request id: unknown → waiting → running → finished (result kept) → settled (the owner stored it: the id alone
 *   stays, so that a late duplicate never runs again). What a drain stopped half done is settled as well. Beside them *promised
 *   away*: told to somebody that deliveries up to n will not run here; only a higher delivery starts.
 * What is authoritative: the journal of the flow, never this. All of it belongs to one epoch and is dropped with it.
 * On failure: bounded by count, bytes and age. Too much open work or too many kept results refuse new work; results are never
 *   dropped for room. Forgetting an old settled id, promise or fence costs at worst one execution more with the same idempotency
 *   key, whose result nobody accepts.
 * Not here: starting tasks, timers, sending (request-runner.ts).
 */
import {
  assertNever,
  compareFences,
  failureOf,
  type Attach,
  type Control,
  type Fence,
  type Refused,
  type ReplyMessage,
  type RequestMessage,
  type Result,
  type TaskRequest,
} from '@baton/core';
import { unbegunPhase } from './attempt-failure.js';
import { RecentMap } from './recent-map.js';

export interface LedgerLimits {
  /** Requests waiting or running at once; more are refused as `overloaded`. */
  readonly openMax: number;
  /** Bytes of kept results above which new work is refused. */
  readonly keptBytesMax: number;
  /** How long an unconfirmed result is kept and a settled id, promise or fence is remembered (P-915). */
  readonly retentionMs: number;
  /** Ids remembered per kind (settled, promised, fences). */
  readonly remembered: number;
}

export interface Addressed {
  /** Partition of the reply topic. */
  readonly partition: number;
  readonly message: ReplyMessage;
}

export type Effect =
  /** The request waits for a free slot; `start` takes it out of the waiting ones. */
  | { readonly effect: 'wait'; readonly requestId: string }
  | { readonly effect: 'reply'; readonly reply: Addressed }
  | { readonly effect: 'cancel'; readonly requestId: string; readonly reason: string }
  | {
      readonly effect: 'ignore';
      readonly why: 'epoch' | 'fence' | 'settled' | 'promised' | 'not-running';
      readonly requestId?: string;
    };

interface OpenRequest {
  readonly request: TaskRequest;
  state: 'waiting' | 'running';
  /** Highest delivery seen, and the inbox of the newest owner: where the answer goes. */
  delivery: number;
  replyPartition: number;
  /** Its result is stored already (another worker was faster): nobody will ask for this one. */
  settled: boolean;
}

interface KeptResult {
  readonly outcome: Result['outcome'];
  readonly sizeBytes: number;
  readonly delivery: number;
}

/** Counted for each kept result beside its value: key, map entry and objects. */
const KEPT_OVERHEAD_BYTES = 256;

export class RequestLedger {
  readonly #worker: string;
  readonly #epoch: string;
  readonly #offers: (task: string, version: string) => boolean;
  readonly #limits: LedgerLimits;
  readonly #open = new Map<string, OpenRequest>();
  readonly #kept = new RecentMap<KeptResult>(Number.POSITIVE_INFINITY);
  readonly #settled: RecentMap<true>;
  readonly #promised: RecentMap<number>;
  readonly #fences: RecentMap<Fence>;
  #running = 0;
  #keptBytes = 0;
  #draining = false;

  constructor(options: {
    readonly worker: string;
    readonly epoch: string;
    readonly offers: (task: string, version: string) => boolean;
    readonly limits: LedgerLimits;
  }) {
    this.#worker = options.worker;
    this.#epoch = options.epoch;
    this.#offers = options.offers;
    this.#limits = options.limits;
    this.#settled = new RecentMap(options.limits.remembered);
    this.#promised = new RecentMap(options.limits.remembered);
    this.#fences = new RecentMap(options.limits.remembered);
  }

  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#open.size - this.#running;
  }
  get kept(): { readonly results: number; readonly bytes: number } {
    return { results: this.#kept.size, bytes: this.#keptBytes };
  }

  /** What to do about one message. Messages must come in the order of the inbox. */
  receive(message: RequestMessage, nowMs: number): readonly Effect[] {
    // Meant for an earlier holder of this partition: it is gone, and its owner re-sends (P-901).
    if (message.workerEpoch !== this.#epoch) return [{ effect: 'ignore', why: 'epoch' }];
    switch (message.kind) {
      case 'request':
        for (const requestId of message.forget) this.#settle(requestId, nowMs);
        return [this.#request(message, nowMs)];
      case 'attach':
        return message.requests.map((asked) => this.#attach(message.replyPartition, asked, nowMs));
      case 'forget':
        for (const requestId of message.requestIds) this.#settle(requestId, nowMs);
        return [];
      case 'control':
        return [this.#cancel(message, nowMs)];
      default:
        return assertNever(message);
    }
  }

  /** Waiting → running; undefined when it does not wait (any more). */
  start(requestId: string): TaskRequest | undefined {
    const open = this.#open.get(requestId);
    if (open?.state !== 'waiting') return undefined;
    open.state = 'running';
    this.#running++;
    return open.request;
  }

  /** Running → finished; the answer to send. The result is kept until the owner has stored it. */
  finish(
    requestId: string,
    result: { readonly outcome: Result['outcome']; readonly sizeBytes: number },
    nowMs: number,
  ): Addressed | undefined {
    const open = this.#close(requestId);
    if (open === undefined) return undefined;
    const outcome = asOf(open.delivery, result.outcome);
    if (open.settled) this.#settled.set(requestId, true, nowMs);
    else this.#keep(requestId, { ...result, outcome, delivery: open.delivery }, nowMs);
    return this.#result(requestId, open.replyPartition, open.delivery, outcome);
  }

  /**
   * Running → settled, without an answer, now or to whoever asks: it may have done half of its work, and `unknown` would say that it
   * never ran and never will. What becomes of it is decided at the end of this epoch, by its `onWorkerLoss` (P-106).
   */
  handBack(requestId: string, nowMs: number): void {
    if (this.#close(requestId) !== undefined) this.#settled.set(requestId, true, nowMs);
  }

  /** The notice that this worker has the request; undefined once it is answered. */
  accepted(requestId: string): Addressed | undefined {
    const open = this.#open.get(requestId);
    return open === undefined ? undefined : this.#accepted(requestId, open.replyPartition, open.delivery);
  }

  progress(requestId: string, progress: number, message: string | undefined): Addressed | undefined {
    const open = this.#open.get(requestId);
    if (open === undefined) return undefined;
    return this.#to(open.replyPartition, {
      kind: 'progress',
      requestId,
      delivery: open.delivery,
      progress,
      ...(message === undefined ? {} : { message }),
    });
  }

  /** From now on everything new is refused; gives the refusals of what has not been started (P-920). */
  drain(nowMs: number): readonly Addressed[] {
    this.#draining = true;
    const refusals: Addressed[] = [];
    for (const [requestId, open] of this.#open) {
      if (open.state !== 'waiting') continue;
      this.#open.delete(requestId);
      this.#promise(requestId, open.delivery, nowMs);
      refusals.push(this.#refusal(requestId, open.replyPartition, open.delivery, 'draining'));
    }
    return refusals;
  }

  /** One heartbeat for each inbox that waits for something, listing what it waits for. */
  heartbeats(free: number): readonly Addressed[] {
    const byPartition = new Map<number, string[]>();
    for (const [requestId, open] of this.#open) {
      const listed = byPartition.get(open.replyPartition);
      if (listed === undefined) byPartition.set(open.replyPartition, [requestId]);
      else listed.push(requestId);
    }
    return [...byPartition].map(([partition, running]) =>
      this.#to(partition, { kind: 'heartbeat', running, free, draining: this.#draining }),
    );
  }

  /** Drops what is older than the retention. */
  expire(nowMs: number): void {
    // However long a task runs, a former owner of its flow must stay refused.
    for (const { request } of this.#open.values()) {
      const fence = this.#fences.get(request.flowId) ?? request.fence;
      this.#fences.set(request.flowId, fence, nowMs);
    }
    const atMs = nowMs - this.#limits.retentionMs;
    // A result that nobody stored in all that time is gone, but its deliveries stay promised away: a new owner asks and
    // hears "unknown", and only a later delivery runs again.
    for (const [requestId, { sizeBytes, delivery }] of this.#kept.expire(atMs)) {
      this.#keptBytes -= sizeBytes + KEPT_OVERHEAD_BYTES;
      this.#promise(requestId, delivery, nowMs);
    }
    for (const memory of [this.#settled, this.#promised, this.#fences]) drop(memory.expire(atMs));
  }

  #request(message: TaskRequest, nowMs: number): Effect {
    const { requestId, delivery, replyPartition } = message;
    if (!this.#admitFence(message.flowId, message.fence, nowMs))
      return { effect: 'ignore', why: 'fence', requestId };
    const known = this.#answerKnown(message, nowMs);
    if (known !== undefined) return known;
    if (delivery <= (this.#promised.get(requestId) ?? 0))
      return { effect: 'ignore', why: 'promised', requestId };

    const reason = this.#reasonToRefuse(message);
    if (reason !== undefined) {
      this.#promise(requestId, delivery, nowMs);
      return { effect: 'reply', reply: this.#refusal(requestId, replyPartition, delivery, reason) };
    }
    this.#promised.delete(requestId);
    this.#open.set(requestId, {
      request: message,
      state: 'waiting',
      delivery,
      replyPartition,
      settled: false,
    });
    return { effect: 'wait', requestId };
  }

  #attach(replyPartition: number, asked: Attach['requests'][number], nowMs: number): Effect {
    const { requestId, delivery } = asked;
    if (!this.#admitFence(asked.flowId, asked.fence, nowMs))
      return { effect: 'ignore', why: 'fence', requestId };
    const known = this.#answerKnown({ ...asked, replyPartition }, nowMs);
    if (known !== undefined) return known;
    this.#promise(requestId, delivery, nowMs);
    return {
      effect: 'reply',
      reply: this.#to(replyPartition, { kind: 'unknown', requestId, delivery }),
    };
  }

  /** Running: announce it again; finished: send the result again; settled: nothing (P-912). Undefined = none of these. */
  #answerKnown(
    asked: Pick<TaskRequest, 'requestId' | 'delivery' | 'replyPartition'>,
    nowMs: number,
  ): Effect | undefined {
    const { requestId, delivery, replyPartition } = asked;
    const open = this.#open.get(requestId);
    if (open !== undefined) {
      // The fence was admitted, so this is the newest owner we know of: the answer goes to its inbox from now on.
      open.delivery = Math.max(open.delivery, delivery);
      open.replyPartition = replyPartition;
      return { effect: 'reply', reply: this.#accepted(requestId, open.replyPartition, delivery) };
    }
    const kept = this.#kept.get(requestId);
    if (kept !== undefined) {
      const outcome = asOf(delivery, kept.outcome);
      if (delivery > kept.delivery) this.#kept.set(requestId, { ...kept, outcome, delivery }, nowMs);
      return { effect: 'reply', reply: this.#result(requestId, replyPartition, delivery, outcome) };
    }
    if (this.#settled.get(requestId) !== undefined) return { effect: 'ignore', why: 'settled', requestId };
    return undefined;
  }

  #reasonToRefuse(message: TaskRequest): Refused['reason'] | undefined {
    if (this.#draining) return 'draining';
    if (!this.#offers(message.task, message.taskVersion)) return 'no-such-task';
    const full = this.#open.size >= this.#limits.openMax || this.#keptBytes >= this.#limits.keptBytesMax;
    return full ? 'overloaded' : undefined;
  }

  /** The owner has stored a result of this request. */
  #settle(requestId: string, nowMs: number): void {
    const kept = this.#kept.get(requestId);
    const open = this.#open.get(requestId);
    if (open?.state === 'running') {
      open.settled = true;
      return;
    }
    if (kept === undefined && open === undefined) return;
    if (kept !== undefined) {
      this.#kept.delete(requestId);
      this.#keptBytes -= kept.sizeBytes + KEPT_OVERHEAD_BYTES;
    }
    this.#open.delete(requestId);
    this.#settled.set(requestId, true, nowMs);
  }

  #cancel(message: Control, nowMs: number): Effect {
    const { requestId, reason } = message;
    if (!this.#admitFence(message.flowId, message.fence, nowMs))
      return { effect: 'ignore', why: 'fence', requestId };
    const open = this.#open.get(requestId);
    if (open === undefined) return { effect: 'ignore', why: 'not-running', requestId };
    if (open.state === 'running') return { effect: 'cancel', requestId, reason };
    const { request } = open;
    const failure = failureOf('CANCELLED', `cancelled before it was started: ${reason}`, {
      phase: unbegunPhase(request),
      atom: request.atom,
      attempt: request.attempt,
      round: request.round,
      worker: this.#worker,
      retryable: false,
    });
    const outcome = asOf(open.delivery, { failure });
    this.#open.delete(requestId);
    this.#keep(requestId, { outcome, sizeBytes: 0, delivery: open.delivery }, nowMs);
    return {
      effect: 'reply',
      reply: this.#result(requestId, open.replyPartition, open.delivery, outcome),
    };
  }

  /** False for an owner that is not the owner any more (P-911). */
  #admitFence(flowId: string, fence: Fence, nowMs: number): boolean {
    const highest = this.#fences.get(flowId);
    if (highest !== undefined && compareFences(fence, highest) < 0) return false;
    this.#fences.set(flowId, fence, nowMs);
    return true;
  }

  #keep(requestId: string, result: KeptResult, nowMs: number): void {
    this.#kept.set(requestId, result, nowMs);
    this.#keptBytes += result.sizeBytes + KEPT_OVERHEAD_BYTES;
  }

  #promise(requestId: string, delivery: number, nowMs: number): void {
    this.#promised.set(requestId, Math.max(delivery, this.#promised.get(requestId) ?? 0), nowMs);
  }

  #close(requestId: string): OpenRequest | undefined {
    const open = this.#open.get(requestId);
    if (open === undefined) return undefined;
    this.#open.delete(requestId);
    if (open.state === 'running') this.#running--;
    return open;
  }

  #accepted(requestId: string, partition: number, delivery: number): Addressed {
    return this.#to(partition, { kind: 'accepted', requestId, delivery });
  }

  #refusal(requestId: string, partition: number, delivery: number, reason: Refused['reason']): Addressed {
    return this.#to(partition, { kind: 'refused', requestId, delivery, reason });
  }

  #result(requestId: string, partition: number, delivery: number, outcome: Result['outcome']): Addressed {
    return this.#to(partition, { kind: 'result', requestId, delivery, outcome });
  }

  #to(partition: number, body: ReplyBody): Addressed {
    return { partition, message: { ...body, worker: this.#worker, workerEpoch: this.#epoch } };
  }
}

/** That the body was never called is known of a first delivery only: an earlier one may have run on a worker that was lost (E-861). */
function asOf(delivery: number, outcome: Result['outcome']): Result['outcome'] {
  if (delivery === 1 || !('failure' in outcome) || outcome.failure.phase !== 'queue') return outcome;
  return { failure: { ...outcome.failure, phase: 'execute' } };
}

type Unsigned<M> = M extends ReplyMessage ? Omit<M, 'worker' | 'workerEpoch'> : never;
type ReplyBody = Unsigned<ReplyMessage>;

function drop(entries: Iterable<unknown>): void {
  for (const _ of entries);
}
