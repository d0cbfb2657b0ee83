/** What every kind of fault is made of. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@baton/testkit';
import { sessionTimeoutMs, type ChaosCluster } from './chaos-cluster.js';

/** Why a job has another owner, or none. `killed`: the child alone, so its guard ends its session at once. */
export type Cause = 'killed' | 'guard killed' | 'host lost' | 'stopped' | 'cut' | 'drained' | 'service away';
/** What the process that it strikes cannot survive. */
export const finalCauses: ReadonlySet<Cause> = new Set(['killed', 'guard killed', 'host lost', 'drained']);

export interface Blow {
  readonly cluster: ChaosCluster;
  /** Of this fault alone. */
  readonly random: SeededRandom;
  /** What lasts is over by then. */
  readonly untilMs: number;
}

export interface Hit {
  readonly victim: string;
  /** Of the one process that was struck; not where links or services are. */
  readonly pid?: number;
  readonly kills?: number;
  /** Resolves when it is over; false: what it lay in wait for did not come. */
  readonly over?: Promise<boolean>;
  /** It lies in wait first, and strikes when it is over. */
  readonly liesInWait?: boolean;
}

export interface FaultKind {
  readonly name: string;
  readonly cause: Cause;
  readonly weight: number;
  /** Undefined: there is nobody to strike. */
  strike(blow: Blow): Hit | undefined;
}

/** So many session timeouts, from `least` to `most`, short ones more often; never longer than the run. */
export async function lasts(
  { random, untilMs }: Blow,
  { least, most }: { readonly least: number; readonly most: number },
): Promise<void> {
  const timeouts = least * (most / least) ** (random.fraction() ** 2);
  await delay(Math.max(0, Math.min(timeouts * sessionTimeoutMs, untilMs - Date.now())));
}
