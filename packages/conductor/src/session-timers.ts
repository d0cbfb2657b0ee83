import type { Clock } from '@baton/core';

/** What is to be done later, and again and again, while one session lasts; and what is to be taken back when it ends. */
export class SessionTimers {
  readonly #clock: Clock;
  readonly #timers = new Set<() => void>();
  readonly #cleanups: (() => void)[] = [];
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(delayMs: number, action: () => void): void {
    if (this.#isStopped) return;
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(cancel);
      action();
    });
    this.#timers.add(cancel);
  }

  /** For the first time after `periodMs`. */
  every(periodMs: number, action: () => void): void {
    this.after(periodMs, () => {
      action();
      this.every(periodMs, action);
    });
  }

  onStop(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  /** Nothing is done any more. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }
}
