import { flowIdOf } from '@baton/core';
import { compileAny, validateAny } from '../any-run.js';
import type { Event, Outcome } from '../protocol.js';
import { ensureStored, type FlowDetail, type LogBook } from './log-book.js';
import { lazyTurns, type LocalOptions, type StoredTurn } from './turns.js';

export interface LazyEngineOptions extends LocalOptions {
  readonly logBook: LogBook;
}

/**
 * An engine that never waits and remembers nothing: each call loads the run, takes one step, stores it, and gives the commands that
 * follow (control-flow C-201 to C-204). Whoever has the log book can make the next call, in any process. Calls for one flow that
 * come together are decided by the log book: one is stored, the others get `BATON_CONFLICT_FENCED` and may be repeated.
 */
export class LazyEngine {
  readonly #logBook: LogBook;
  readonly #local: LocalOptions;

  constructor({ logBook, ...local }: LazyEngineOptions) {
    this.#logBook = logBook;
    this.#local = local;
  }

  /**
   * Begins a flow, or goes on with one that is stored: what can start is started, what is outstanding is asked for again.
   * @throws DefinitionError when the flow is wrong or lacks symbols; ConflictError `BATON_CONFLICT_KEY_REUSED`, `BATON_CONFLICT_FENCED`.
   */
  async start(detail: FlowDetail): Promise<StoredTurn> {
    validateAny(compileAny(detail.definition), Object.keys(detail.store));
    await ensureStored(this.#logBook, detail);
    return this.apply(detail.flowId, { type: 'run' });
  }

  /**
   * The answer to an `execute` or `revert` command. One that is late, repeated or superseded changes nothing (E-856).
   * @throws NotFoundError `BATON_NOT_FOUND_JOB`; ConflictError `BATON_CONFLICT_FENCED`.
   */
  async complete({ requestId }: { readonly requestId: string }, outcome: Outcome): Promise<StoredTurn> {
    return this.apply(flowIdOf(requestId), answerOf(requestId, outcome));
  }

  /** Any event: a timer is due, suspend, cancel, revert. */
  async apply(flowId: string, event: Event): Promise<StoredTurn> {
    return lazyTurns(this.#logBook, flowId, this.#local).take(event);
  }
}

/** The event that reports what a request came to. */
export function answerOf(requestId: string, outcome: Outcome): Event {
  return 'failure' in outcome
    ? { type: 'failed', requestId, failure: outcome.failure }
    : outcome.value === undefined
      ? { type: 'completed', requestId }
      : { type: 'completed', requestId, value: outcome.value };
}
