import type { Clock } from '@baton/core';
import { limits } from './options.js';

/**
 * How long this conductor, with more to claim than the window has places, waits for the next place. The others do the same work on the same services:
 * what they claim comes in such pauses, too.
 */
export class ClaimPace {
  readonly #clock: Clock;
  #begunAtMs: number;
  #longest = { ms: 0, atMs: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begunAtMs = clock.monotonicMs();
  }

  /** A claim began. `isFull`: with it, all places are taken. */
  begins(isFull: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    const ms = nowMs - this.#begunAtMs;
    if (isFull && ms >= this.#lately) this.#longest = { ms, atMs: nowMs };
    this.#begunAtMs = nowMs;
  }

  /** Nobody is idle whose claims pause no longer than that: twice the longest pause. 0 when there was always a place. */
  patienceMs(isFull: boolean): number {
    const pauseMs = isFull ? this.#clock.monotonicMs() - this.#begunAtMs : 0;
    return Math.min(2 * Math.max(this.#lately, pauseMs), limits.helpMs.paceMost);
  }

  /** The rush is over. */
  forget(): void {
    this.#longest = { ms: 0, atMs: 0 };
  }

  get #lately(): number {
    const { ms, atMs } = this.#longest;
    return this.#clock.monotonicMs() - atMs < limits.helpMs.lately ? ms : 0;
  }
}
