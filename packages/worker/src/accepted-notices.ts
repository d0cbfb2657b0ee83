import type { Clock } from '@baton/core';

/** A request answered sooner needs no notice that it was accepted: two messages a step instead of three (P-913). */
const AFTER_MS = 100;

/**
 * Tells which requests are old enough to be announced as accepted. One timer for all of them: the hot path only appends to a
 * list, and a request that was answered meanwhile is skipped by whoever is told.
 */
export class AcceptedNotices {
  readonly #clock: Clock;
  readonly #due: (requestId: string) => void;
  #waiting: { readonly requestId: string; readonly atMs: number }[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, due: (requestId: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  received(requestId: string): void {
    this.#waiting.push({ requestId, atMs: this.#clock.monotonicMs() + AFTER_MS });
    this.#cancelTimer ??= this.#clock.setTimer(AFTER_MS, () => this.#announce());
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waiting = [];
  }

  #announce(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const firstLater = this.#waiting.findIndex(({ atMs }) => atMs > nowMs);
    const due = this.#waiting.splice(0, firstLater === -1 ? this.#waiting.length : firstLater);
    const next = this.#waiting[0];
    if (next !== undefined)
      this.#cancelTimer = this.#clock.setTimer(next.atMs - nowMs, () => this.#announce());
    for (const { requestId } of due) this.#due(requestId);
  }
}
