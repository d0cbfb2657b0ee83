/**
 * Purpose: one after the other, the jobs whose last claim led to nothing (P-506). One of them may end whoever loads it, and then the claims of all
 *   that were loaded beside it count as claims that led to nothing, too: after a few such ends they would all be taken for poison.
 * States of a job here: waiting → in front → left: it moved, ended, was given up, or has been in front for so long that it cannot be the one. A
 *   job in front that blocks the event loop keeps the others waiting.
 * Not here: which job is suspect (install-claim.ts).
 */
import type { Clock } from '@baton/core';
import { limits } from './options.js';

export class SuspectLine {
  readonly #clock: Clock;
  /** In order; the first is in front. */
  readonly #line = new Map<string, () => void>();
  #cancelLimit = (): void => undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the job is in front; never after `close`. */
  enter(jobId: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) return;
      this.#line.set(jobId, resolve);
      if (this.#line.size === 1) this.#next();
    });
  }

  /** No effect for a job that is not in line. */
  leave(jobId: string): void {
    const [front] = this.#line.keys();
    if (this.#line.delete(jobId) && front === jobId) this.#next();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLimit();
    this.#line.clear();
  }

  #next(): void {
    this.#cancelLimit();
    const [front] = this.#line;
    if (front === undefined) return;
    const [jobId, resolve] = front;
    this.#cancelLimit = this.#clock.setTimer(limits.suspectMs, () => this.leave(jobId));
    resolve();
  }
}
