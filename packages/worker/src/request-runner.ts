/**
 * Purpose: carries out what the ledger decides, for one epoch: starts tasks as slots become free, sends their answers, tells
 *   conductors what is still running.
 * States: running ⇄ paused (session suspended: nothing new is started); draining (nothing new at all); ended (session over:
 *   what runs is told to stop and only results that still come are sent).
 * What is authoritative: nothing here. Conductors find out by asking (attach) what a lost message would have told them.
 * On failure: an answer that cannot be sent now is kept and given when asked for.
 * Not here: sessions, slots and inboxes (incarnation.ts), what a message means (request-ledger.ts).
 */
import {
  InvariantError,
  familyOf,
  type ReplyMessage,
  type RequestMessage,
  type Runtime,
  type TaskRequest,
} from '@baton/core';
import type { AbortKind } from './abort-reason.js';
import { AcceptedNotices } from './accepted-notices.js';
import { Attempt, type AttemptEnd } from './attempt.js';
import { IsolatedAttempt } from './isolated-attempt.js';
import { limits, openMaxOf, type ResolvedWorkerOptions } from './options.js';
import { ProgressReports } from './progress-reports.js';
import { isIsolated } from './registered-task.js';
import { RequestLedger, type Addressed, type Effect } from './request-ledger.js';
import type { TaskRegistry } from './task-registry.js';
import type { TaskHosts } from './task-hosts.js';
import type { TaskSlots } from './task-slots.js';

export interface RequestRunnerOptions {
  readonly runtime: Runtime;
  readonly worker: string;
  readonly epoch: string;
  readonly registry: TaskRegistry;
  readonly slots: TaskSlots;
  readonly hosts: TaskHosts;
  readonly options: ResolvedWorkerOptions;
  readonly outbox: {
    readonly full: boolean;
    sendReply(partition: number, message: ReplyMessage): void;
  };
}

export class RequestRunner {
  readonly #o: RequestRunnerOptions;
  readonly #ledger: RequestLedger;
  readonly #accepted: AcceptedNotices;
  readonly #progress: ProgressReports;
  /** In the order they came. May hold requests that were withdrawn meanwhile. */
  readonly #waiting = new Set<string>();
  readonly #attempts = new Map<string, Attempt | IsolatedAttempt>();
  readonly #idleWaiters: (() => void)[] = [];
  #mayStart = true;
  #ended = false;
  #handedBack = 0;
  #cancelHeartbeat: () => void = () => undefined;

  constructor(options: RequestRunnerOptions) {
    this.#o = options;
    const { runtime, worker, epoch, registry, slots } = options;
    this.#ledger = new RequestLedger({
      worker,
      epoch,
      offers: (task, version) => registry.find(task, version) !== undefined,
      limits: { ...limits, openMax: openMaxOf(options.options.concurrency) },
    });
    this.#accepted = new AcceptedNotices(runtime.clock, (requestId) =>
      this.#send(this.#ledger.accepted(requestId)),
    );
    this.#progress = new ProgressReports(runtime.clock, (requestId, { fraction, message }) =>
      this.#send(this.#ledger.progress(requestId, fraction, message)),
    );
    slots.onFree(() => this.#startWaiting());
    this.#beatLater();
  }

  get stats() {
    const { running, waiting, kept } = this.#ledger;
    return { running, waiting, free: this.#free(), keptResults: kept.results, keptBytes: kept.bytes };
  }

  /** Requests that somebody else has to run: refused unstarted in a drain, or stopped without an answer. */
  get handedBack(): number {
    return this.#handedBack;
  }

  receive(messages: Iterable<RequestMessage>): void {
    if (this.#ended) return;
    for (const message of messages)
      for (const effect of this.#ledger.receive(message, this.#nowMs())) this.#carryOut(effect);
    this.#startWaiting();
  }

  /** The session is suspended: it may be over already, and somebody else asked. What runs goes on. */
  pause(): void {
    this.#mayStart = false;
  }

  resume(): void {
    this.#mayStart = true;
    this.#startWaiting();
  }

  /** Refuses what is not started and all that comes later; conductors are told at once. */
  drain(): void {
    for (const refusal of this.#ledger.drain(this.#nowMs())) {
      this.#handedBack++;
      this.#send(refusal);
    }
    this.#waiting.clear();
    this.#beat();
  }

  /** Tells everything that runs to stop. */
  abort(kind: AbortKind, message: string): void {
    for (const attempt of this.#attempts.values()) attempt.abort(kind, message);
  }

  /** The epoch is over: nothing is received, started or announced any more; what runs may still send its result. */
  end(): void {
    this.#ended = true;
    this.#mayStart = false;
    this.#waiting.clear();
    this.#accepted.stop();
    this.#cancelHeartbeat();
  }

  /** Resolves when no task runs. */
  idle(): Promise<void> {
    if (this.#attempts.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #carryOut(effect: Effect): void {
    switch (effect.effect) {
      case 'wait':
        this.#waiting.add(effect.requestId);
        this.#accepted.received(effect.requestId);
        return;
      case 'reply':
        return this.#send(effect.reply);
      case 'cancel':
        return this.#attempts.get(effect.requestId)?.abort('cancel', effect.reason);
      case 'ignore':
        return this.#o.runtime.logger.debug('request.ignored', {
          why: effect.why,
          requestId: effect.requestId,
        });
    }
  }

  #startWaiting(): void {
    for (const requestId of this.#waiting) {
      if (!this.#mayStart || this.#o.slots.free === 0 || this.#isCongested()) return;
      this.#waiting.delete(requestId);
      const request = this.#ledger.start(requestId);
      if (request !== undefined) this.#start(request);
    }
  }

  /** So many results wait to be sent or stored that another one would only wait too. */
  #isCongested(): boolean {
    return this.#o.outbox.full || this.#ledger.kept.bytes >= limits.keptBytesMax;
  }

  #start(request: TaskRequest): void {
    const { registry, slots, hosts, runtime, worker, options } = this.#o;
    const { requestId } = request;
    const task = registry.find(request.task, request.taskVersion);
    if (task === undefined)
      throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `task ${request.task} is not registered`);
    slots.take();
    const common = {
      request,
      worker,
      runtime,
      limits: { abortGraceMs: limits.abortGraceMs, payloadBytesMax: options.payloadBytesMax },
      onProgress: (fraction: number, message: string | undefined) =>
        this.#progress.report(requestId, { fraction, message }),
    };
    const attempt = isIsolated(task)
      ? new IsolatedAttempt({ ...common, task, hosts })
      : new Attempt({ ...common, task });
    this.#attempts.set(requestId, attempt);
    void attempt.ended.then((end) => this.#finish(requestId, end));
  }

  #finish(requestId: string, end: AttemptEnd): void {
    this.#attempts.delete(requestId);
    this.#progress.end(requestId);
    // A failure after such an abort tells about this worker, not about the task: it must not fail the flow. Whoever owns the
    // request sends it to another worker as soon as this one is gone.
    if ('failure' in end.outcome && (end.aborted === 'lost' || end.aborted === 'drain')) {
      this.#handedBack++;
      this.#ledger.handBack(requestId, this.#nowMs());
    } else this.#send(this.#ledger.finish(requestId, end, this.#nowMs()));
    this.#o.slots.release();
    if (this.#attempts.size > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #beatLater(): void {
    this.#cancelHeartbeat = this.#o.runtime.clock.setTimer(limits.heartbeatMs, () => {
      this.#ledger.expire(this.#nowMs());
      this.#beat();
      this.#startWaiting();
      this.#beatLater();
    });
  }

  #beat(): void {
    for (const heartbeat of this.#ledger.heartbeats(this.#free())) this.#send(heartbeat);
  }

  #free(): number {
    return Math.max(0, this.#o.slots.free - this.#ledger.waiting);
  }

  #nowMs(): number {
    return this.#o.runtime.clock.monotonicMs();
  }

  #send(reply: Addressed | undefined): void {
    if (reply === undefined) return;
    const { partition, message } = reply;
    try {
      this.#o.outbox.sendReply(partition, message);
    } catch (error) {
      // Results are kept: who waits for one asks when the heartbeats do not list the request any more.
      const level = familyOf(error) === 'unavailable' ? 'warn' : 'error';
      const requestId = 'requestId' in message ? message.requestId : undefined;
      this.#o.runtime.logger[level]('reply.not-sent', { kind: message.kind, partition, requestId, error });
    }
  }
}
