import { randomBytes } from 'node:crypto';
import type { Clock, Logger, Random, Runtime } from '@baton/core';

/**
 * The real clock. Monotonic time is the machine's (CLOCK_MONOTONIC), so that times logged by different processes of one machine can be
 * compared; timers do not keep the process alive.
 */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
  setImmediate: (callback) => void setImmediate(callback),
};

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export const systemRandom: Random = {
  ulid() {
    let time = Date.now();
    let head = '';
    for (let digit = 0; digit < 10; digit++) {
      head = (CROCKFORD[time % 32] ?? '0') + head;
      time = Math.floor(time / 32);
    }
    return head + Array.from(randomBytes(16), (byte) => CROCKFORD[byte % 32]).join('');
  },
  nonce: () => randomBytes(16).toString('hex'),
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};

export function systemRuntime(logger: Logger): Runtime {
  return Object.freeze({ clock: systemClock, random: systemRandom, logger });
}
