/**
 * Purpose: what goes wrong, by seed: one fault after the other, each a kind with its victim, until time is up; some last, so several are there at once.
 * What is authoritative: `struck`: what was really done, to whom and when.
 * On failure: a kind that finds nobody to strike gives way to another. One conductor and one worker are always left alone.
 * Not here: starting again what ended (chaos-cluster.ts).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@baton/testkit';
import { pick, streamOf } from '../simulation/choices.js';
import { sessionTimeoutMs, type ChaosCluster, type MemberKind, type Place } from './chaos-cluster.js';

/** Why a job has another owner, or none. */
export type Cause = 'killed' | 'stopped' | 'cut' | 'service away';

export interface StruckFault {
  readonly kind: string;
  readonly cause: Cause;
  /** Name of the member or service. */
  readonly victim: string;
  readonly atMs: number;
  readonly kills: number;
}

interface Blow {
  readonly cluster: ChaosCluster;
  /** Of this fault alone. */
  readonly random: SeededRandom;
}

interface Hit {
  readonly victim: string;
  /** SIGKILLs. */
  readonly kills?: number;
  /** Resolves when it is over; undefined: at once. */
  readonly over?: Promise<void>;
}

interface Kind {
  readonly name: string;
  readonly cause: Cause;
  readonly weight: number;
  /** Undefined: there is nobody to strike. */
  strike(blow: Blow): Hit | undefined;
}

const memberKinds: readonly MemberKind[] = ['conductor', 'worker'];

const kinds: readonly Kind[] = memberKinds.flatMap((kind): Kind[] => [
  kill(kind, { name: `kill ${kind}`, weight: 10, kills: 1, how: (place) => place.member?.killChild() }),
  kill(kind, {
    name: `kill guard of ${kind}`,
    weight: 3,
    kills: 1,
    how: (place) => place.member?.killGuard(),
  }),
  kill(kind, { name: `lose host of ${kind}`, weight: 4, kills: 2, how: (place) => place.member?.killBoth() }),
]);

export class Faults {
  readonly struck: StruckFault[] = [];
  readonly #blow: (number: number) => Blow;
  readonly #kinds: readonly Kind[];
  readonly #lasting = new Set<Promise<void>>();
  readonly #gapMs: number;

  constructor(
    cluster: ChaosCluster,
    o: { readonly seed: number; readonly only: string; readonly gapMs: number },
  ) {
    this.#blow = (number) => ({ cluster, random: streamOf(o.seed, 'faults', number) });
    this.#kinds = kinds.filter(({ name }) => name.includes(o.only));
    this.#gapMs = o.gapMs;
  }

  /** Resolves when time is up and everything is healed. */
  async run({ untilMs }: { readonly untilMs: number }): Promise<void> {
    for (let number = 1; ; number++) {
      const blow = this.#blow(number);
      const gapMs = this.#gapMs * (0.5 + blow.random.fraction());
      if (Date.now() + gapMs >= untilMs) break;
      await delay(gapMs);
      this.#strike(blow);
    }
    await Promise.all(this.#lasting);
  }

  #strike(blow: Blow): void {
    let left = [...this.#kinds];
    while (left.length > 0) {
      const kind = weighted(blow.random, left);
      const atMs = Date.now();
      const hit = kind.strike(blow);
      if (hit !== undefined) {
        const { name, cause } = kind;
        const { victim, kills = 0, over } = hit;
        this.struck.push({ kind: name, cause, victim, atMs, kills });
        if (over === undefined) return;
        this.#lasting.add(over);
        void over.finally(() => this.#lasting.delete(over));
        return;
      }
      left = left.filter((each) => each !== kind);
    }
  }
}

function weighted(random: SeededRandom, from: readonly Kind[]): Kind {
  const sum = from.reduce((total, { weight }) => total + weight, 0);
  let at = random.fraction() * sum;
  return from.find(({ weight }) => (at -= weight) < 0) ?? (from[0] as Kind);
}

/** One that works, of a kind of which another one works too. */
function victimOf(kind: MemberKind, { cluster, random }: Blow): Place | undefined {
  const sound = cluster.ofKind(kind).filter((place) => place.isReady && !place.isHeld);
  return sound.length < 2 ? undefined : pick(random, sound);
}

function kill(
  kind: MemberKind,
  o: {
    readonly name: string;
    readonly weight: number;
    readonly kills: number;
    readonly how: (place: Place) => void;
  },
): Kind {
  const { name, weight, kills, how } = o;
  return {
    name,
    cause: 'killed',
    weight,
    strike: (blow) => {
      const place = victimOf(kind, blow);
      if (place === undefined) return undefined;
      place.struck = place.starts;
      place.isReady = false;
      how(place);
      return { victim: place.id, kills };
    },
  };
}

export { sessionTimeoutMs };
