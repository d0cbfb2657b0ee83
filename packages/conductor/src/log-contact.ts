import type { Clock } from '@baton/core';
import { limits } from './options.js';

export interface LogContactOptions {
  readonly clock: Clock;
  /** Why requests or answers do not get through at present. */
  readonly problem: () => string | undefined;
  readonly onBack: () => void;
  /** It lasts for so long that others should have a try. */
  readonly onCutOff: (problem: string) => void;
}

/**
 * Whether requests and answers get through. A conductor that is cut off from the log alone keeps its session, so nobody would take its jobs: it
 * must end that itself (P-616).
 */
export class LogContact {
  readonly #options: LogContactOptions;
  /** Monotonic ms. */
  #brokenSinceMs: number | undefined;

  constructor(options: LogContactOptions) {
    this.#options = options;
  }

  /** Whoever is told of one is told when it is over, however short it was. */
  get problem(): string | undefined {
    const problem = this.#options.problem();
    if (problem !== undefined) this.#brokenSinceMs ??= this.#options.clock.monotonicMs();
    return problem;
  }

  /** To be called every second or so. */
  look(): void {
    const { problem } = this;
    if (this.#brokenSinceMs === undefined) return;
    if (problem === undefined) {
      this.#brokenSinceMs = undefined;
      return this.#options.onBack();
    }
    const brokenMs = this.#options.clock.monotonicMs() - this.#brokenSinceMs;
    if (brokenMs >= limits.cutOffMs) this.#options.onCutOff(problem);
  }
}
