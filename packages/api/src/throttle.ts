/**
 * Purpose: a bound on how often one principal asks (T09): a token bucket each, full at first, that holds what may be asked in a second or two.
 * States: none but the buckets. Of very many, those that are full again are forgotten.
 */
import { UnavailableError } from '@baton/core';
import type { Clock } from '@baton/core';

/** What may be asked at once, in seconds of the rate. */
const BURST_S = 2;
const BUCKETS_MAX = 10_000;

export class Throttle {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  /** `perSecond` 0: no bound. */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** @throws UnavailableError `BATON_UNAVAILABLE_THROTTLED` with `details.retryAfterS` */
  take(principal: string): void {
    if (this.#perSecond === 0) return;
    const nowMs = this.#clock.monotonicMs();
    const most = this.#perSecond * BURST_S;
    if (this.#buckets.size >= BUCKETS_MAX) this.#forget(nowMs - BURST_S * 1_000);
    const bucket = this.#buckets.get(principal) ?? { left: most, atMs: nowMs };
    this.#buckets.set(principal, bucket);
    bucket.left = Math.min(most, bucket.left + ((nowMs - bucket.atMs) / 1_000) * this.#perSecond);
    bucket.atMs = nowMs;
    if (bucket.left < 1) throw throttled(`${principal} asks more than ${this.#perSecond} times a second`, 1);
    bucket.left -= 1;
  }

  #forget(beforeMs: number): void {
    for (const [principal, { atMs }] of this.#buckets) if (atMs <= beforeMs) this.#buckets.delete(principal);
  }
}

export function throttled(message: string, retryAfterS: number): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_THROTTLED', message, { details: { retryAfterS } });
}
