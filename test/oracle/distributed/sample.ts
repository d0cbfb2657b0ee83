import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realClock, SeededRandom } from '@baton/testkit';
import { recordsOf } from '../main.js';
import { postableOf, type Postable } from './postable.js';

export interface Corpus {
  readonly records: number;
  readonly postable: readonly Postable[];
  /** Why the others cannot be posted → how many. */
  readonly others: ReadonlyMap<string, number>;
}

const folder = fileURLToPath(new URL('../corpus/', import.meta.url));

export function readCorpus(): Corpus {
  const files = readdirSync(folder).filter((name) => /\.jsonl(\.gz)?$/.test(name));
  const found = files.toSorted().flatMap((name) => recordsOf(join(folder, name)).map(postableOf));
  const others = new Map<string, number>();
  const postable: Postable[] = [];
  for (const one of found)
    if ('reason' in one) others.set(one.reason, (others.get(one.reason) ?? 0) + 1);
    else postable.push(one);
  return { records: found.length, postable, others };
}

/** So many of them at random, all different; the same ones for the same seed, and fewer of them are the first ones. */
export function sample(from: readonly Postable[], seed: number, count: number): readonly Postable[] {
  const random = new SeededRandom(seed, realClock);
  return from
    .map((postable) => ({ postable, place: random.fraction() }))
    .toSorted((a, b) => a.place - b.place)
    .slice(0, count)
    .map(({ postable }) => postable);
}
