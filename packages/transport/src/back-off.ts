import type { Runtime } from '@baton/core';

const FIRST_MS = 50;
const LONGEST_MS = 2_000;

/** Pauses between failing attempts: 50 ms doubling to 2 s, each between half and all of it, so that many do not come at once. */
export class BackOff {
  readonly #runtime: Runtime;
  #failures = 0;
  #wake: (() => void) | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Attempts that failed since the last `reset`. */
  get failures(): number {
    return this.#failures;
  }

  /** After a success: the next pause is short again. */
  reset(): void {
    this.#failures = 0;
  }

  /** The pause after one more failure; `cancel` ends it early. */
  pause(): Promise<void> {
    const longestMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures++;
    return new Promise((resolve) => {
      const cancelTimer = this.#runtime.clock.setTimer(
        longestMs * (0.5 + this.#runtime.random.fraction() / 2),
        resolve,
      );
      this.#wake = () => {
        cancelTimer();
        resolve();
      };
    });
  }

  cancel(): void {
    this.#wake?.();
  }
}
