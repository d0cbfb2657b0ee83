/** Seeded choices. Each part of a run has a stream of its own, so that leaving a fault or a job out leaves the others as they are (shrink.ts). */
import type { Random } from '@baton/core';
import { SeededRandom } from '@baton/testkit';
import { wallStartMs } from './process.js';

const noTime = {
  wallMs: () => wallStartMs,
  monotonicMs: () => 0,
  setTimer: () => () => undefined,
  setImmediate: () => undefined,
};

const streams = [
  'choices',
  'jobs',
  'faults',
  'world',
  'pauses',
  'routed',
  'schedules',
  'repairs',
  'waits',
] as const;
export type Stream = (typeof streams)[number];

export function streamOf(seed: number, stream: Stream, number = 0): SeededRandom {
  const mixed = Math.imul(seed * 31 + streams.indexOf(stream), 0x9e3779b1) + Math.imul(number, 0x85ebca6b);
  return new SeededRandom(mixed ^ (mixed >>> 15), noTime);
}

export function below(random: Pick<Random, 'fraction'>, limit: number): number {
  return Math.floor(random.fraction() * limit);
}

export function chance(random: Pick<Random, 'fraction'>, probability: number): boolean {
  return random.fraction() < probability;
}

export function pick<T>(random: Pick<Random, 'fraction'>, items: readonly T[]): T {
  return items[below(random, items.length)] as T;
}

/** Where one service is much slower than another, what usually comes first comes last. */
function tripOf(random: Random): number {
  return pick(random, [0.2, 0.2, 1, 1, 5, 5, 40]);
}

/** What stands at the beginning of a run. */
export function choicesOf(seed: number) {
  const random = streamOf(seed, 'choices');
  const faultsUntilMs = pick(random, [2_000, 5_000, 12_000]);
  return {
    sessionTimeoutMs: pick(random, [1_000, 2_000, 4_000]),
    /** Mean of one trip to each service. */
    tripMs: { coordination: tripOf(random), log: tripOf(random), store: tripOf(random) },
    skewMs: pick(random, [0, 0, 1_000, 600_000]),
    /** Clocks go that much too fast or too slow, at most. */
    drift: pick(random, [1, 1, 1.02, 2]),
    concurrency: pick(random, [1, 4, 16]),
    conductors: 1 + below(random, 4),
    workers: 1 + below(random, 4),
    /** A board nobody has laid out yet. */
    isNewBoard: chance(random, 0.02),
    faultsUntilMs,
    faults: pick(random, [0, 2, 5, 5, 10, 20]),
    jobs: {
      jobsMax: pick(random, [1, 2, 4, 10]),
      // now and then all at once
      untilMs: faultsUntilMs * pick(random, [0.6, 0.6, 0.01]),
      tasksMax: pick(random, [3, 6, 12]),
    },
    /** Jobs that a conductor owns at the same time. */
    maxJobs: pick(random, [2_000, 2_000, 2_000, 2_000, 2, 1]),
  };
}

export type Choices = ReturnType<typeof choicesOf>;
