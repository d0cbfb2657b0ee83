/**
 * Newest journal entry by job, of the jobs that changed last: bounded, because they are a hint only and nobody misses those of jobs
 * that have not moved for long.
 */
import type { HeadChange } from './guard-message.js';

/** Five times as many as a conductor owns by default. */
export const recentHeadsMax = 10_000;

export class RecentHeads {
  /** In the order of their last change. */
  readonly #heads = new Map<string, number>();

  apply(changes: readonly HeadChange[]): void {
    for (const [jobId, seq] of changes) {
      this.#heads.delete(jobId);
      if (seq !== null) this.#heads.set(jobId, seq);
    }
    for (const jobId of this.#heads.keys()) {
      if (this.#heads.size <= recentHeadsMax) return;
      this.#heads.delete(jobId);
    }
  }

  /** The newest first. */
  entries(): readonly (readonly [jobId: string, seq: number])[] {
    return [...this.#heads].reverse();
  }
}
