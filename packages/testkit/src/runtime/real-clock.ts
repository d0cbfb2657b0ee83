import { performance } from 'node:perf_hooks';
import type { Clock } from '@baton/core';

/** The clock of this machine, for tests against real processes. Pending timers do not keep the process alive. */
export const realClock: Clock = Object.freeze({
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  setImmediate(callback: () => void) {
    setImmediate(callback);
  },
});
