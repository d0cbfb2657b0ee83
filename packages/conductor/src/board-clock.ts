/**
 * Purpose: the clock of the board, which is the same for all members, whatever their own clocks say (P-1106).
 * States: not asked → asked; asked again when it is used and the last answer is half a minute old.
 * What is authoritative: the board's answer; from then on the monotonic clock counts.
 * On failure: an older answer is as good for a while; without one, the error is the caller's.
 */
import type { Clock } from '@baton/core';
import type { JobBoard } from '@baton/jobboard';
import { limits } from './options.js';

export class BoardClock {
  readonly #board: Pick<JobBoard, 'timeMs'>;
  readonly #clock: Clock;
  /** Compared to the monotonic clock. */
  #aheadMs: number | undefined;
  #askedAtMs = 0;

  constructor(board: Pick<JobBoard, 'timeMs'>, clock: Clock) {
    this.#board = board;
    this.#clock = clock;
  }

  /** ms since 1970. @throws UnavailableError while it has never been told */
  async nowMs(): Promise<number> {
    const isOld = this.#clock.monotonicMs() - this.#askedAtMs > limits.boardTimeMs;
    if (this.#aheadMs === undefined || isOld) await this.#ask();
    return this.#clock.monotonicMs() + (this.#aheadMs ?? 0);
  }

  async #ask(): Promise<void> {
    try {
      const timeMs = await this.#board.timeMs();
      this.#askedAtMs = this.#clock.monotonicMs();
      this.#aheadMs = timeMs - this.#askedAtMs;
    } catch (error) {
      if (this.#aheadMs === undefined) throw error;
    }
  }
}
