/**
 * Purpose: brings each reply of a worker to the job that waits for it.
 * What is authoritative: the journal. A result that comes for nothing that is open (a worker that was given up, or a repetition) changes nothing and is
 *   counted: the first one that came was taken (P-919).
 * Not here: what a reply means for a request (flow-turns.ts), what silence means (loss-watch.ts).
 */
import { flowIdOf, type Logger, type ReplyMessage, type Result } from '@baton/core';
import type { Received } from '@baton/transport';
import type { JobRunner } from './job-runner.js';
import type { LossWatch } from './loss-watch.js';
import type { Counters } from './ownership.js';

export interface ReplyRouterDeps {
  readonly runners: ReadonlyMap<string, JobRunner>;
  readonly losses: LossWatch;
  readonly counters: Counters;
  readonly logger: Logger;
  /** A worker says that it takes nothing more. */
  readonly onDraining: (workerEpoch: string) => void;
}

export class ReplyRouter {
  readonly #deps: ReplyRouterDeps;

  constructor(deps: ReplyRouterDeps) {
    this.#deps = deps;
  }

  /** From the own inbox. */
  receive(messages: readonly Received<ReplyMessage>[]): void {
    for (const { message } of messages) {
      if (message.kind === 'result' && !this.#isAwaited(message)) this.#superseded(message);
      else this.route(message);
    }
  }

  /** From whatever inbox: a former owner's is read again as a whole. */
  route(message: ReplyMessage): void {
    if (message.kind === 'heartbeat') {
      if (message.draining) this.#deps.onDraining(message.workerEpoch);
      return this.#deps.losses.heartbeat(message);
    }
    const runner = this.#deps.runners.get(flowIdOf(message.requestId));
    if (runner === undefined) return;
    switch (message.kind) {
      case 'result':
        return runner.turns.result(message);
      case 'accepted':
      case 'progress':
        return runner.turns.heard(message.requestId);
      case 'refused':
      case 'unknown':
        return runner.turns.notRun(message);
    }
  }

  #isAwaited({ requestId }: Result): boolean {
    return this.#deps.runners.get(flowIdOf(requestId))?.turns.flight.get(requestId)?.answered === false;
  }

  #superseded({ requestId, delivery, worker, workerEpoch }: Result): void {
    this.#deps.counters.superseded++;
    this.#deps.logger.debug('result.superseded', { requestId, delivery, worker, workerEpoch });
  }
}
