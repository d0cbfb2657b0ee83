import type { Clock } from '@baton/core';

/** One point in time that several steps share: each is waited for until then, and goes on unwatched after it. */
export class Deadline {
  readonly #over: Promise<void>;
  #cancelTimer: () => void = () => undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#over = new Promise((resolve) => (this.#cancelTimer = clock.setTimer(timeoutMs, resolve)));
  }

  async within(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#over]);
  }

  end(): void {
    this.#cancelTimer();
  }
}
