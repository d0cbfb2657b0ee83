import { type Failure, type Fence, idempotencyKeyOf, type Logger, noFence } from '@baton/core';
import type { RevertContext } from './task-context.js';

export interface InProcessRequest {
  readonly flowId: string;
  readonly atom: string;
  readonly attempt: number;
  readonly round: number;
  readonly requestId: string;
  /** Wall time in ms at which the attempt is aborted. */
  readonly deadline?: number;
  /** For `revert`. */
  readonly result?: unknown;
  readonly flowFailures?: Readonly<Record<string, Failure>>;
}

/** Where what a task says goes. */
export interface InProcessEars {
  readonly log: Logger;
  readonly progress: (atom: string, fraction: number, message?: string) => void;
}

const noFailures: Readonly<Record<string, Failure>> = Object.freeze({});

/**
 * The context of one call of a task in this process, and the means to stop it. A class, and a signal that is made when somebody looks at
 * it: an object with a getter and an AbortController cost many times what the engine costs.
 */
export class InProcessContext implements RevertContext<unknown> {
  readonly flowId: string;
  readonly atom: string;
  readonly attempt: number;
  readonly round: number;
  readonly requestId: string;
  readonly delivery = 1;
  readonly fence: Fence = noFence;
  readonly worker = 'in-process';
  readonly log: Logger;
  readonly deadline?: number;
  readonly result: unknown;
  readonly flowFailures: Readonly<Record<string, Failure>>;
  readonly #ears: InProcessEars;
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  constructor(request: InProcessRequest, ears: InProcessEars) {
    this.#ears = ears;
    this.flowId = request.flowId;
    this.atom = request.atom;
    this.attempt = request.attempt;
    this.round = request.round;
    this.requestId = request.requestId;
    this.log = ears.log;
    if (request.deadline !== undefined) this.deadline = request.deadline;
    this.result = request.result;
    this.flowFailures = request.flowFailures ?? noFailures;
    Object.freeze(this);
  }

  get idempotencyKey(): string {
    return idempotencyKeyOf(this.requestId);
  }

  /** Made when it is asked for, and bound: users take it out of the context. */
  get progress(): (fraction: number, message?: string) => void {
    const { atom } = this;
    const tell = this.#ears.progress;
    return (fraction, message) => tell(atom, Math.min(1, Math.max(0, Number(fraction) || 0)), message);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Aborts the signal; the first reason counts. */
  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
