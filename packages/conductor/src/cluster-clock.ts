/**
 * Purpose: the clock that a conductor decides by: the time of the board, which is the same for all members, whatever their own clocks say (P-1106).
 * States: as the host's until it was set for the first time; set again and again, and in between it goes on by the monotonic clock.
 * What is authoritative: the board's answer.
 * On failure: what it was set to before is as good for a while.
 */
import type { Clock } from '@baton/core';
import type { JobBoard } from '@baton/jobboard';
import { limits } from './options.js';

const TRIES = 5;

export class ClusterClock implements Clock {
  readonly #host: Clock;
  /** Compared to the monotonic clock. */
  #aheadMs: number;

  constructor(host: Clock) {
    this.#host = host;
    this.#aheadMs = host.wallMs() - host.monotonicMs();
  }

  /** Nobody knows when an answer that took long was given: then it is asked again, and the quickest counts. @throws as `JobBoard.timeMs` */
  async set(board: Pick<JobBoard, 'timeMs'>): Promise<void> {
    let quickestMs = Infinity;
    let aheadMs = 0;
    for (let tries = 0; tries < TRIES && quickestMs > limits.clusterTimeAnswerMs; tries++) {
      const askedAtMs = this.#host.monotonicMs();
      const timeMs = await board.timeMs();
      const tookMs = this.#host.monotonicMs() - askedAtMs;
      if (tookMs >= quickestMs) continue;
      quickestMs = tookMs;
      aheadMs = timeMs - askedAtMs - tookMs / 2;
    }
    this.#aheadMs = aheadMs;
  }

  /** ms since 1970 by the clock of the board. */
  wallMs(): number {
    return Math.round(this.#host.monotonicMs() + this.#aheadMs);
  }

  monotonicMs(): number {
    return this.#host.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    return this.#host.setTimer(delayMs, callback);
  }

  setImmediate(callback: () => void): void {
    this.#host.setImmediate(callback);
  }
}
