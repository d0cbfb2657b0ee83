/**
 * Purpose: streams that are open: no more than the server can bear, nor than one principal may have, and none beyond the end of its token (T03, T09).
 * States of one: open → over.
 */
import type { Clock } from '@baton/core';
import { limits } from './server-options.js';
import { throttled } from './throttle.js';
import type { Principal } from './tokens.js';

export class OpenStreams {
  readonly #clock: Clock;
  readonly #byName = new Map<string, number>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes a place; `end` is called when the token of the principal ends. Gives what frees the place, to be called once.
   * @throws UnavailableError `BATON_UNAVAILABLE_THROTTLED` when there is no place
   */
  open({ name, untilMs }: Principal, end: () => void): () => void {
    const own = this.#byName.get(name) ?? 0;
    if (this.#count >= limits.streamsMax) throw throttled(`${this.#count} streams are open`, 10);
    if (own >= limits.streamsOfOneMax) throw throttled(`${own} streams of ${name} are open`, 10);
    this.#count++;
    this.#byName.set(name, own + 1);
    const cancel =
      untilMs === Infinity ? undefined : this.#clock.setTimer(untilMs - this.#clock.wallMs(), end);
    return () => {
      cancel?.();
      this.#count--;
      const left = (this.#byName.get(name) ?? 1) - 1;
      if (left > 0) this.#byName.set(name, left);
      else this.#byName.delete(name);
    };
  }
}
