import type { Clock } from '@baton/core';
import { limits } from './options.js';

/**
 * Whether requests and answers get through. A conductor that is cut off from the log alone keeps its session, so nobody would take its jobs: it
 * must end that itself (P-616).
 */
export class LogContact {
  readonly #clock: Clock;
  readonly #on: { back(): void; cutOff(problem: string): void };
  /** Monotonic ms. */
  #brokenSinceMs: number | undefined;

  constructor(clock: Clock, on: { back(): void; cutOff(problem: string): void }) {
    this.#clock = clock;
    this.#on = on;
  }

  /** To be called every second or so. */
  look(problem: string | undefined): void {
    const wasBroken = this.#brokenSinceMs !== undefined;
    const nowMs = this.#clock.monotonicMs();
    this.#brokenSinceMs = problem === undefined ? undefined : (this.#brokenSinceMs ?? nowMs);
    if (this.#brokenSinceMs === undefined) {
      if (wasBroken) this.#on.back();
    } else if (nowMs - this.#brokenSinceMs >= limits.cutOffMs) this.#on.cutOff(problem ?? '');
  }
}
