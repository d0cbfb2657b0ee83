/**
 * Purpose: what goes wrong, by seed: one fault after the other, each a kind with its victim, until time is up; some last, so several are there at once.
 * What is authoritative: `struck`: what was really done, to whom and when.
 * On failure: a kind that finds nobody to strike gives way to another.
 * Not here: the kinds (member-faults.ts, link-faults.ts, service-faults.ts); starting again what ended (chaos-cluster.ts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@baton/testkit';
import { streamOf } from '../simulation/choices.js';
import type { ChaosCluster } from './chaos-cluster.js';
import type { Blow, Cause, FaultKind, Hit } from './fault-kind.js';
import { linkFaults } from './link-faults.js';
import { memberFaults } from './member-faults.js';
import { serviceFaults } from './service-faults.js';

export interface StruckFault {
  readonly kind: string;
  readonly cause: Cause;
  /** Name of the member or service. */
  readonly victim: string;
  /** Of the one process that was struck; undefined where links or services were. */
  readonly pid: number | undefined;
  atMs: number;
  /** Undefined while it lasts. */
  untilMs: number | undefined;
  /** SIGKILLs. */
  readonly kills: number;
}

export const faultKinds: readonly FaultKind[] = [...memberFaults, ...linkFaults, ...serviceFaults];

export class Faults {
  readonly struck: StruckFault[] = [];
  readonly #cluster: ChaosCluster;
  readonly #options: { readonly seed: number; readonly gapMs: number };
  readonly #kinds: readonly FaultKind[];
  readonly #lasting = new Set<Promise<unknown>>();

  constructor(
    cluster: ChaosCluster,
    o: { readonly seed: number; readonly only: string; readonly gapMs: number },
  ) {
    this.#cluster = cluster;
    this.#options = o;
    this.#kinds = faultKinds.filter(({ name }) => name.includes(o.only));
  }

  /** Resolves when time is up and everything is healed. */
  async run({ untilMs }: { readonly untilMs: number }): Promise<void> {
    const { seed, gapMs } = this.#options;
    for (let number = 1; ; number++) {
      const random = streamOf(seed, 'faults', number);
      const pauseMs = gapMs * (0.5 + random.fraction());
      if (Date.now() + pauseMs >= untilMs) break;
      await delay(pauseMs);
      this.#strike({ cluster: this.#cluster, random, untilMs });
    }
    await Promise.all(this.#lasting);
  }

  #strike(blow: Blow): void {
    for (let left = this.#kinds; left.length > 0;) {
      const kind = weighted(blow.random, left);
      const atMs = Date.now();
      const hit = kind.strike(blow);
      if (hit !== undefined) return this.#note(kind, hit, atMs);
      left = left.filter((each) => each !== kind);
    }
  }

  #note({ name, cause }: FaultKind, hit: Hit, atMs: number): void {
    const { victim, pid, kills = 0, over, liesInWait } = hit;
    const untilMs = over === undefined ? atMs : undefined;
    const fault: StruckFault = { kind: name, cause, victim, pid, atMs, untilMs, kills };
    this.struck.push(fault);
    if (over === undefined) return;
    const lasting = over.then((didStrike) => {
      fault.untilMs = Date.now();
      if (liesInWait === true) fault.atMs = fault.untilMs;
      if (!didStrike) this.struck.splice(this.struck.indexOf(fault), 1);
      this.#lasting.delete(lasting);
    });
    this.#lasting.add(lasting);
  }
}

function weighted(random: SeededRandom, from: readonly FaultKind[]): FaultKind {
  let at = random.fraction() * from.reduce((total, { weight }) => total + weight, 0);
  return from.find(({ weight }) => (at -= weight) < 0) ?? (from[0] as FaultKind);
}
