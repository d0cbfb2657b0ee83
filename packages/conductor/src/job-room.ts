/**
 * Purpose: how many jobs a conductor may still take on. `maxJobs` bounds those that have something under way. Jobs that only wait for a
 * worker nobody offers, for a time or for a person have a bound of their own, or enough of them would keep every other job waiting.
 * What is authoritative: the runners. Which of them rest is looked up once a second: those that begin to move in between are too many for
 * as long as they move, as after the start of a worker that many have waited for.
 */
import { limits } from './options.js';

interface Owned {
  readonly isResting: boolean;
}

export class JobRoom<R extends Owned> {
  readonly #runners: ReadonlyMap<string, R>;
  readonly #maxJobs: number;
  #resting = new Set<R>();

  constructor(runners: ReadonlyMap<string, R>, maxJobs: number) {
    this.#runners = runners;
    this.#maxJobs = maxJobs;
  }

  /** Jobs that may be taken on. */
  get free(): number {
    const owned = this.#runners.size;
    const active = owned - this.#resting.size;
    return Math.min(this.#maxJobs - active, this.#maxJobs * limits.ownedJobsFactor - owned);
  }

  /** Whether there is more room than before. */
  look(): boolean {
    const before = this.free;
    this.#resting = new Set([...this.#runners.values()].filter((runner) => runner.isResting));
    return this.free > before;
  }

  /** It is not owned any more. */
  left(runner: R): void {
    this.#resting.delete(runner);
  }
}
