import type { Random } from '@baton/core';

/** An integer in [0, below). */
export function integerBelow(random: Random, below: number): number {
  return Math.floor(random.fraction() * below);
}

/** The items in another order: for answers that promise none. */
export function shuffled<T>(random: Random, items: Iterable<T>): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = integerBelow(random, last + 1);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
