/**
 * Purpose: runs one request in a thread or process of its own (`Attempt` runs there), and turns whatever becomes of it into exactly one outcome.
 * States: waiting for a host → running → told to stop → killed → over.
 * What is authoritative: the clock here. A task that is told to stop and does not let its host answer is killed after a second, any other
 *   after the grace; it is over when its host has ended, so what comes next (its revert) never runs beside it.
 * On failure: a host that ends under its task is a failure of the task, `WORKER_CRASH`; the worker goes on. With one that goes on after its kill the
 *   attempt is lost, as with its worker, which ends (task-hosts.ts).
 * Not here: which host (task-hosts.ts).
 */
import { toFailure } from '@baton/core';
import { abortReason, type AbortKind } from './abort-reason.js';
import { abortFailure, statedFailure, unbegunPhase, type Aborted, type Outcome } from './attempt-failure.js';
import type { AttemptEnd, AttemptOptions } from './attempt.js';
import { limits } from './options.js';
import type { IsolatedTask } from './registered-task.js';
import type { RunNews, TaskHost } from './task-host.js';
import type { TaskHosts } from './task-hosts.js';

export interface IsolatedAttemptOptions extends AttemptOptions {
  readonly task: IsolatedTask;
  readonly hosts: TaskHosts;
}

export class IsolatedAttempt {
  /** Never rejects. */
  readonly ended: Promise<AttemptEnd>;
  readonly #options: IsolatedAttemptOptions;
  #host: TaskHost | undefined;
  #aborted: Aborted | undefined;
  #over = false;
  #resolve: (end: AttemptEnd) => void = () => undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(options: IsolatedAttemptOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    void this.#run();
  }

  /** Tells the task to stop. The first reason counts; the task may still end with a value. */
  abort(kind: AbortKind, message: string): void {
    if (this.#over || this.#aborted !== undefined) return;
    this.#aborted = { kind, reason: abortReason(kind, message) };
    if (this.#host === undefined) return this.#fail(this.#abortFailure(this.#aborted));
    this.#host.abort(kind, message);
    this.#killIn(limits.hostAnswerMs);
  }

  async #run(): Promise<void> {
    const { task, hosts, request, worker, limits: attemptLimits } = this.#options;
    let host: TaskHost;
    try {
      host = await hosts.take(task);
    } catch (error) {
      const why = `${task.name} has no ${task.isolation} to run in: ${toFailure(error).message}`;
      const fields = { phase: unbegunPhase(request), retryable: true };
      return this.#fail(statedFailure(this.#options, 'WORKER_CRASH', why, fields));
    }
    if (this.#over) return hosts.give(task, host);
    this.#host = host;
    const { timeoutMs } = request;
    if (timeoutMs !== undefined)
      this.#setTimer(timeoutMs, () =>
        this.abort('timeout', `${task.name} ran longer than its ${timeoutMs} ms`),
      );
    host.run(
      { request, worker, limits: attemptLimits },
      {
        onNews: (news) => this.#onNews(host, news),
        onHostEnded: (how) => this.#onHostEnded(host, how),
        onHostStuck: () => this.#onHostStuck(),
      },
    );
  }

  #onNews(host: TaskHost, news: RunNews): void {
    if (news.type === 'progress') return this.#options.onProgress(news.fraction, news.message);
    if (news.type === 'told') return this.#killIn(this.#options.limits.abortGraceMs);
    this.#end(news.end);
    this.#options.hosts.give(this.#options.task, host);
  }

  #onHostEnded({ isolation }: TaskHost, how: string): void {
    const { task, request, runtime } = this.#options;
    runtime.logger.warn('task-host.ended', { task: task.name, requestId: request.requestId, isolation, how });
    if (this.#aborted === undefined)
      this.#fail(
        statedFailure(this.#options, 'WORKER_CRASH', `${task.name} ended its ${isolation}: ${how}`, {
          retryable: true,
        }),
      );
    else {
      const { kind, reason } = this.#aborted;
      const stopped = abortReason(kind, `${reason.message}, and its ${isolation} was ended`);
      this.#fail(this.#abortFailure({ kind, reason: stopped }));
    }
  }

  /** The task may still do its work. A failure would have it undone beside that; for a lost worker its `onWorkerLoss` decides. */
  #onHostStuck(): void {
    const { task } = this.#options;
    const reason = abortReason('lost', `the ${task.isolation} of ${task.name} goes on after its kill`);
    this.#end({ ...this.#abortFailure({ kind: 'lost', reason }), aborted: 'lost' });
  }

  #killIn(delayMs: number): void {
    this.#setTimer(delayMs, () => this.#host?.kill());
  }

  /** One at a time. */
  #setTimer(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.runtime.clock.setTimer(delayMs, callback);
  }

  #abortFailure(aborted: Aborted): Outcome {
    const { request } = this.#options;
    const phase = this.#host === undefined ? unbegunPhase(request) : request.action;
    return abortFailure(this.#options, aborted, { phase });
  }

  #fail(failure: Outcome): void {
    this.#end({ ...failure, aborted: this.#aborted?.kind });
  }

  #end(end: AttemptEnd): void {
    this.#over = true;
    this.#cancelTimer();
    this.#resolve(end);
  }
}
