/**
 * Purpose: fences before loads. Whoever takes over many jobs at once makes itself the only writer of all of them before it spends its time
 * on reading and folding the first: a job without a fence has no owner, a job that is being loaded has one.
 * States of a claim here: pending until its fence is stored, it is given up, or it has taken too long: one that hangs holds up nobody.
 * Not here: the fence itself (`install-claim.ts`).
 */
import type { Clock } from '@baton/core';
import { limits } from './options.js';

export interface PendingFence {
  /** It is stored, or will never be, or not soon. Idempotent. */
  settled(): void;
  /** Resolves when the fences that are pending now are settled. */
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
    const settled = (): void => {
      cancelTimer();
      this.#pending.delete(pending);
      settle();
    };
    const cancelTimer = this.#clock.setTimer(limits.fencesFirstMs, settled);
    return { settled, others: () => Promise.all(this.#pending).then(() => undefined) };
  }
}
