/**
 * Purpose: finds out that a worker will not answer any more: it left, or does not know the request; and brings its requests back,
 * after everything it may have answered was read (P-932, P-933).
 * What is authoritative: the worker's member node. Silence alone is no loss, it is asked again and again: during an outage of the
 * transport everybody is silent, and a live worker that is cut off would run beside the one that got its requests.
 * On failure: reading on is repeated by what is called here; nothing is sent again before it has succeeded.
 * Not here: what a loss means for a request (`job-runner.ts`).
 */
import { flowIdOf, type Clock, type Heartbeat, type Logger } from '@baton/core';
import type { AttachTarget, Dispatcher } from './dispatcher.js';
import type { JobRunner } from './job-runner.js';
import { limits } from './options.js';
import type { Outstanding } from './in-flight.js';
import type { OpenRequest, ReplyPlace } from './request-table.js';
import type { WorkerRoster } from './worker-roster.js';

interface Affected {
  readonly runner: JobRunner;
  readonly requestIds: readonly string[];
}

export interface LossWatchDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dispatcher: Dispatcher;
  /** Which worker has which requests: only those are looked at. */
  readonly roster: WorkerRoster;
  readonly runner: (jobId: string) => JobRunner | undefined;
  /** Resolves when everything in the own inbox by now was handed over. */
  readonly inboxCaughtUp: () => Promise<void>;
  readonly replay: (places: Iterable<ReplyPlace>) => Promise<void>;
  /** A worker that lives is asked again and again and does not answer: perhaps it knows a newer owner. */
  readonly doubted: (runner: JobRunner) => void;
}

export class LossWatch {
  readonly #deps: LossWatchDeps;

  constructor(deps: LossWatchDeps) {
    this.#deps = deps;
  }

  /** A request the worker should have and does not list is asked for: it may never have come. */
  heartbeat(message: Heartbeat): void {
    const running = new Set(message.running);
    const before = this.#deps.clock.monotonicMs() - limits.silenceBeforeProbeMs;
    const targets: AttachTarget[] = [];
    for (const { runner, open, outstanding } of this.#open(
      this.#deps.roster.requestsOn(message.workerEpoch),
    )) {
      if (running.has(open.requestId)) runner.turns.heard(open.requestId);
      else if (outstanding.heardAtMs < before) targets.push(this.#ask(runner, open, outstanding));
    }
    this.#deps.dispatcher.attach(message.workerEpoch, targets);
  }

  /** The worker left the roster, and had these requests. */
  async left(workerEpoch: string, had: readonly string[]): Promise<void> {
    const byRunner = new Map<JobRunner, string[]>();
    for (const { runner, open } of this.#open(had)) {
      const known = byRunner.get(runner);
      if (known) known.push(open.requestId);
      else byRunner.set(runner, [open.requestId]);
    }
    const affected = Array.from(byRunner, ([runner, requestIds]) => ({ runner, requestIds }));
    await this.lost(workerEpoch, affected);
  }

  /** The worker is gone. Its last answers are looked for first: in the own inbox, and for adopted requests in the former owners'. */
  async lost(workerEpoch: string, affected: readonly Affected[]): Promise<void> {
    if (affected.length === 0) return;
    const places = affected.flatMap(({ runner, requestIds }) =>
      requestIds.flatMap((requestId) =>
        runner.turns.flight.get(requestId)?.adopting === true
          ? (runner.turns.flight.openOf(requestId)?.places ?? [])
          : [],
      ),
    );
    const seenAtMs = this.#deps.clock.monotonicMs();
    await Promise.all([this.#deps.inboxCaughtUp(), this.#deps.replay(places)]);
    for (const { runner, requestIds } of affected)
      runner.turns.lost(requestIds.map((requestId) => ({ requestId, workerEpoch })));
    this.#deps.logger.info('worker.lost', {
      workerEpoch,
      requests: affected.reduce((sum, { requestIds }) => sum + requestIds.length, 0),
      seenAtMs,
      resentAtMs: this.#deps.clock.monotonicMs(),
    });
  }

  /** Once a second: requests nobody has answered for too long are asked for. */
  sweep(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const targets = new Map<string, AttachTarget[]>();
    for (const { runner, open, outstanding } of this.#open(this.#deps.roster.requests())) {
      const isDue = !outstanding.accepted || nowMs - outstanding.heardAtMs > limits.workerSilenceMs;
      if (!isDue || nowMs - outstanding.heardAtMs < limits.silenceBeforeProbeMs) continue;
      const target = this.#ask(runner, open, outstanding);
      const known = targets.get(open.workerEpoch);
      if (known) known.push(target);
      else targets.set(open.workerEpoch, [target]);
    }
    for (const [workerEpoch, asked] of targets) this.#deps.dispatcher.attach(workerEpoch, asked);
  }

  #ask(runner: JobRunner, open: OpenRequest, outstanding: Outstanding): AttachTarget {
    outstanding.heardAtMs = this.#deps.clock.monotonicMs();
    if (++outstanding.asks % limits.asksBeforeDoubt === 0) this.#deps.doubted(runner);
    return { requestId: open.requestId, delivery: open.delivery, flowId: runner.jobId, fence: runner.fence };
  }

  *#open(
    requestIds: Iterable<string>,
  ): Iterable<{ runner: JobRunner; open: OpenRequest; outstanding: Outstanding }> {
    for (const requestId of requestIds) {
      const runner = this.#deps.runner(flowIdOf(requestId));
      const outstanding = runner?.turns.flight.get(requestId);
      const open = runner?.turns.flight.openOf(requestId);
      if (runner && outstanding && open?.state === 'assigned') yield { runner, open, outstanding };
    }
  }
}
