/**
 * Purpose: fences before loads. Whoever takes over many jobs at once makes itself the only writer of all of them before it spends its time
 * on reading and folding the first: a job without a fence has no owner, a job that is being loaded has one.
 * States of a claim here: pending until its fence is stored, or it is given up.
 * Not here: the fence itself (`install-claim.ts`).
 */
import type { Clock } from '@baton/core';
import { limits } from './options.js';

export interface PendingFence {
  /** It is stored, or will never be. Idempotent. */
  settled(): void;
  /** Resolves when the fences that are pending now are settled, or have taken too long. */
  others(): Promise<void>;
}

export class PendingFences {
  readonly #clock: Clock;
  readonly #pending = new Set<Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): PendingFence {
    let settle: () => void = () => undefined;
    const pending = new Promise<void>((resolve) => (settle = resolve));
    this.#pending.add(pending);
    return {
      settled: () => {
        this.#pending.delete(pending);
        settle();
      },
      others: () => this.#others(),
    };
  }

  async #others(): Promise<void> {
    if (this.#pending.size === 0) return;
    let cancel: () => void = () => undefined;
    const tooLong = new Promise<void>(
      (resolve) => (cancel = this.#clock.setTimer(limits.fencesFirstMs, resolve)),
    );
    await Promise.race([tooLong, Promise.all(this.#pending)]);
    cancel();
  }
}
