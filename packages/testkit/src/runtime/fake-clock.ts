/**
 * Purpose: virtual time for tests. Nothing happens unless the test moves it: `settle` runs what is ready now, `advance` lets
 *   time pass, `drive` lets exactly as much time pass as a promise needs.
 * States: idle, or moving (one of the three calls is running; a second one at the same time is refused).
 * What is authoritative: timers run by (due time, order of setting); after each callback all promise reactions run before the
 *   next callback, as in Node.
 * On failure: what a callback throws comes out of the call that moved the clock.
 * Not here: real I/O. `settle` waits for promise reactions, not for sockets or thread pools.
 */
import { setImmediate as nextTurn } from 'node:timers';
import type { Clock } from '@baton/core';

interface FakeTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** How many real milliseconds `drive` gives to real I/O when no virtual work is left. */
const IDLE_TURNS_MAX = 50;

export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #wallStartMs: number;
  /** Ascending by due time; equal due times keep the order of setting. */
  readonly #timers: FakeTimer[] = [];
  #immediates: (() => void)[] = [];
  #moving = false;

  constructor(options: { readonly wallStartMs?: number } = {}) {
    this.#wallStartMs = options.wallStartMs ?? Date.UTC(2030, 0, 1);
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer: FakeTimer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    const later = this.#timers.findIndex((other) => other.dueMs > timer.dueMs);
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index !== -1) this.#timers.splice(index, 1);
    };
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  /** Timers that are set and neither due nor cancelled: 0 at the end of a test, or something leaks. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** Runs all promise reactions and immediates that are ready, and those they make ready; time stands still. */
  async settle(): Promise<void> {
    await this.#move(() => this.#settle());
  }

  /** Lets `ms` pass: every timer due until then runs at its own time. */
  async advance(ms: number): Promise<void> {
    await this.#move(async () => {
      const untilMs = this.#nowMs + ms;
      await this.#settle();
      while (await this.#runNextTimer(untilMs));
      this.#nowMs = untilMs;
    });
  }

  /**
   * Lets as much time pass as `promise` needs, timer by timer, and gives its result.
   * @throws Error when it needs more than `withinMs`, or when nothing is left that could ever settle it.
   */
  async drive<T>(promise: Promise<T>, options: { readonly withinMs?: number } = {}): Promise<T> {
    let settled = false;
    const settle = () => (settled = true);
    promise.then(settle, settle);
    await this.#move(async () => {
      const untilMs = this.#nowMs + (options.withinMs ?? 600_000);
      await this.#settle();
      for (let idle = 0; !settled;) {
        if (await this.#runNextTimer(untilMs)) continue;
        if (this.#timers.length > 0)
          throw new Error(`not settled within ${options.withinMs ?? 600_000} virtual ms`);
        if (++idle > IDLE_TURNS_MAX)
          throw new Error('the promise cannot settle: no timer and no immediate is pending');
        await new Promise((resolve) => setTimeout(resolve, 1));
        await this.#settle();
      }
    });
    return promise;
  }

  /** Lets time pass until `predicate` holds. @throws Error when it does not within `withinMs`. */
  async advanceUntil(predicate: () => boolean, options: { readonly withinMs?: number } = {}): Promise<void> {
    const withinMs = options.withinMs ?? 60_000;
    await this.#move(async () => {
      const untilMs = this.#nowMs + withinMs;
      await this.#settle();
      while (!predicate()) {
        if (!(await this.#runNextTimer(untilMs)))
          throw new Error(`did not happen within ${withinMs} virtual ms: ${predicate.toString()}`);
      }
    });
  }

  /** Runs the earliest timer due at or before `untilMs`; false when there is none. */
  async #runNextTimer(untilMs: number): Promise<boolean> {
    const timer = this.#timers[0];
    if (timer === undefined || timer.dueMs > untilMs) return false;
    this.#timers.shift();
    this.#nowMs = timer.dueMs;
    timer.callback();
    await this.#settle();
    return true;
  }

  async #settle(): Promise<void> {
    await turn();
    while (this.#immediates.length > 0) {
      const due = this.#immediates;
      this.#immediates = [];
      for (const callback of due) {
        callback();
        await turn();
      }
    }
  }

  async #move(work: () => Promise<void>): Promise<void> {
    if (this.#moving) throw new Error('the clock is being moved already: await the earlier call first');
    this.#moving = true;
    try {
      await work();
    } finally {
      this.#moving = false;
    }
  }
}

/** One real turn of the event loop: every promise reaction that was ready has run afterwards. */
function turn(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}
