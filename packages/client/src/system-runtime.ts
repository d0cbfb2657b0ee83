import { randomFillSync } from 'node:crypto';
import type { Clock, Logger, Random, Runtime } from '@baton/core';

/** Node takes a longer delay for 1 ms. */
const timerMaxMs = 2 ** 31 - 1;

/**
 * The real clock. Monotonic time is the machine's (CLOCK_MONOTONIC), so that times logged by different processes of one machine can be
 * compared; timers do not keep the process alive.
 */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  setTimer(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      const partMs = Math.min(restMs, timerMaxMs);
      const onEnd = partMs < restMs ? () => wait(restMs - partMs) : callback;
      timer = setTimeout(onEnd, partMs).unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
  setImmediate: (callback) => void setImmediate(callback),
};

/** Random bytes are drawn some kilobytes at a time: asking the kernel for 16 of them costs more than encoding the entry they go into. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function random(bytes: number): Buffer {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.subarray(used - bytes, used);
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export const systemRandom: Random = {
  ulid() {
    let time = Date.now();
    let head = '';
    for (let digit = 0; digit < 10; digit++) {
      head = (CROCKFORD[time % 32] ?? '0') + head;
      time = Math.floor(time / 32);
    }
    return head + Array.from(random(16), (byte) => CROCKFORD[byte % 32]).join('');
  },
  nonce: () => random(16).toString('hex'),
  fraction: () => random(4).readUInt32BE() / 2 ** 32,
};

export function systemRuntime(logger: Logger): Runtime {
  return Object.freeze({ clock: systemClock, random: systemRandom, logger });
}
