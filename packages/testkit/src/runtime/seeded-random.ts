import type { Clock, Random } from '@baton/core';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Repeatable randomness: the same seed and the same calls give the same values. (mulberry32; not for secrets.) */
export class SeededRandom implements Random {
  #state: number;
  readonly #clock: Clock;
  #lastUlidMs = -1;
  #lastUlidTail = 0n;

  constructor(seed: number, clock: Clock) {
    this.#state = seed >>> 0;
    this.#clock = clock;
  }

  fraction(): number {
    return this.#uint32() / 4_294_967_296;
  }

  nonce(): string {
    return Array.from({ length: 4 }, () => this.#uint32().toString(16).padStart(8, '0')).join('');
  }

  /** Ascending also within one millisecond. */
  ulid(): string {
    const nowMs = Math.floor(this.#clock.wallMs());
    this.#lastUlidTail = nowMs === this.#lastUlidMs ? this.#lastUlidTail + 1n : this.#bits79();
    this.#lastUlidMs = nowMs;
    return crockford(BigInt(nowMs), 10) + crockford(this.#lastUlidTail, 16);
  }

  #uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** One bit less than the field is wide, so that counting up never overflows it. */
  #bits79(): bigint {
    return (
      (BigInt(this.#uint32() & 0x7fff) << 64n) | (BigInt(this.#uint32()) << 32n) | BigInt(this.#uint32())
    );
  }
}

function crockford(value: bigint, length: number): string {
  let text = '';
  for (let index = 0; index < length; index++) {
    text = (CROCKFORD[Number(value & 31n)] ?? '') + text;
    value >>= 5n;
  }
  return text;
}
