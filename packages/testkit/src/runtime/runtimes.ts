import { randomInt } from 'node:crypto';
import type { Clock, Runtime } from '@baton/core';
import { CapturingLogger } from './capturing-logger.js';
import { FakeClock } from './fake-clock.js';
import { realClock } from './real-clock.js';
import { SeededRandom } from './seeded-random.js';

export interface TestRuntime<C extends Clock = Clock> extends Runtime {
  readonly clock: C;
  readonly random: SeededRandom;
  readonly logger: CapturingLogger;
}

/** Virtual time and repeatable randomness: the same test does the same each time. Move it by `runtime.clock`. */
export function fakeRuntime(options: { readonly seed?: number } = {}): TestRuntime<FakeClock> {
  const clock = new FakeClock();
  return { clock, random: new SeededRandom(options.seed ?? 1, clock), logger: new CapturingLogger() };
}

/** Real time, for tests against processes and services. Without a seed, names made from it differ in each run. */
export function realRuntime(options: { readonly seed?: number } = {}): TestRuntime {
  const seed = options.seed ?? randomInt(2 ** 32);
  return { clock: realClock, random: new SeededRandom(seed, realClock), logger: new CapturingLogger() };
}
