/** The six jobs of the demo: four releases, one that is refused at the end, and a fan-out. */
import type { JsonValue } from '@baton/core';
import { linear, unordered } from '@baton/flow';
import type { Postable } from '@baton/client';
import type { Source } from './source-files.js';
import { compress, gate, hash, list, manifest, publish, sign, touch, verify } from './tasks.js';
import type { Order } from './tasks.js';
import type { Workplace } from './workplace.js';

/** A job to post, and what must be true when it has ended. */
export interface PlannedJob {
  readonly name: string;
  readonly kind: 'release' | 'refused' | 'fan-out';
  readonly flow: Postable;
  readonly store: Readonly<Record<string, JsonValue>>;
  /** Names of its atoms. */
  readonly atoms: readonly string[];
  /** Of a release. */
  readonly source?: Source;
}

/** How long tasks take, ms: long enough that a kill meets running ones, short enough to watch. */
export interface Pace {
  readonly stepMs: number;
  readonly hashMs: number;
  readonly compressMs: number;
  readonly touchMs: number;
}

export function releaseJob(
  source: Source,
  {
    place,
    pace,
    refuse = false,
  }: { readonly place: Workplace; readonly pace: Pace; readonly refuse?: boolean },
): PlannedJob {
  const name = `${refuse ? 'refused' : 'release'}-${source.name}`;
  const packing = source.files.flatMap((file, index) => [
    hash.as(`hash-${index}`, { inject: { file, pauseMs: pace.hashMs } }),
    compress.as(`compress-${index}`, { inject: { file, pauseMs: pace.compressMs } }),
  ]);
  const step = { inject: { pauseMs: pace.stepMs } };
  const last = refuse ? [gate.as('gate', step)] : [verify.as('verify', step)];
  const chain = [
    list.as('list', step),
    unordered('pack').addAll(packing),
    manifest.as('manifest', step),
    sign.as('sign', step),
    publish.as('publish', step),
    ...last,
  ];
  const order: Order = { place, release: name, folder: source.folder, files: source.files };
  return {
    name,
    kind: refuse ? 'refused' : 'release',
    flow: linear(name).addAll(chain),
    store: { order: { ...order, place: { ...place } } },
    atoms: [
      ...chain.map((atom) => atom.name).filter((atom) => atom !== 'pack'),
      ...packing.map((atom) => atom.name),
    ],
    source,
  };
}

export function fanOutJob(
  count: number,
  { place, pace }: { readonly place: Workplace; readonly pace: Pace },
): PlannedJob {
  const atoms = Array.from({ length: count }, (_, number) =>
    touch.as(`touch-${number}`, { inject: { number, pauseMs: pace.touchMs } }),
  );
  return {
    name: `fan-out-${count}`,
    kind: 'fan-out',
    flow: unordered(`fan-out-${count}`).addAll(atoms),
    store: { place: { ...place } },
    atoms: atoms.map((atom) => atom.name),
  };
}
