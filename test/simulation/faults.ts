/**
 * Purpose: which faults strike in one run, and when, until the world is healed: a seeded choice of a theme, of a few kinds and moments of it (P-1505).
 * What is authoritative: the plan, which follows from the seed. `struck` tells what really happened, by kind.
 * On failure: a fault whose moment does not come, that finds nobody to strike, or that waits for a step that nobody takes, is not counted.
 * Not here: what each kind does (fault-kinds.ts).
 */
import type { Random } from '@baton/core';
import type { SeededRandom } from '@baton/testkit';
import { below, chance, pick, streamOf } from './choices.js';
import type { Cluster } from './cluster.js';
import { kinds, startAgain, type FaultKind } from './fault-kinds.js';
import { atMoment, type Concerned, type Moment } from './moments.js';
import type { User } from './user.js';

export interface PlannedFault {
  readonly number: number;
  /** They strike together. */
  readonly kinds: readonly FaultKind[];
  /** True ms: it strikes then, or at the next such moment of any job. */
  readonly atMs: number;
  readonly moment: Moment | undefined;
  /** Such moments that pass before, and how long after it. */
  readonly skip: number;
  readonly afterMs: number;
  /** What then befalls the same job, at a later moment. */
  readonly next: (Pick<PlannedFault, 'kinds' | 'afterMs'> & { readonly moment: Moment }) | undefined;
}

/** Faults that meet each other only when they are not drowned by others, and the moments at which they hurt. */
interface Theme {
  readonly kinds: readonly FaultKind[];
  readonly moments: readonly Moment[];
}

const themes = {
  // who owns a job, and whether the board says so
  ownership: {
    kinds: [
      'next transaction',
      'lock removed by hand',
      'cut session',
      'lag session',
      'coordination slow',
      'pause conductor',
      'expire session',
      'kill conductor',
    ],
    moments: ['posted', 'claimed', 'stored', 'ended'],
  },
  // an answer is there, and nobody is left who knows of it
  answers: {
    kinds: [
      'kill conductor',
      'kill worker',
      'kill conductor and worker',
      'lose host of worker',
      'expire session',
      'log slow',
      'pause conductor',
    ],
    moments: ['claimed', 'assigned', 'started', 'answered'],
  },
  // what the journal took, and what its writer knows of it
  writes: {
    kinds: [
      'store request',
      'one of a group not stored',
      'store slow',
      'store reads stale',
      'owner lost while reads differ',
      'link cut',
      'pause conductor',
      'guard ends session of the living',
      'kill conductor',
    ],
    moments: ['posted', 'claimed', 'assigned', 'answered', 'stored', 'ended'],
  },
  // requests that come late, twice or never, to somebody else
  delivery: {
    kinds: [
      'log request',
      'log slow',
      'log loses what it acknowledged',
      'kill worker',
      'expire session',
      'store slow',
      'pause worker',
      'pause conductor',
    ],
    moments: ['assigned', 'sent', 'sent', 'started', 'answered', 'not run'],
  },
  // what people want, at any moment
  people: {
    kinds: ['user cancels', 'kill user', 'kill conductor', 'kill worker', 'drain conductor', 'store slow'],
    moments: [
      'posted',
      'claimed',
      'assigned',
      'parked',
      'started',
      'waiting',
      'stored',
      'commanded',
      'ended',
    ],
  },
  // who meets it dies
  crashes: {
    kinds: [
      'job kills its owners',
      'task kills its workers',
      'kill conductor',
      'kill worker',
      'drain worker',
    ],
    moments: ['claimed', 'assigned', 'started', 'waiting'],
  },
} satisfies Record<string, Theme>;

export type ThemeName = keyof typeof themes | 'mixed';

/** Of all kinds a few, at any time: what nobody thought of. */
function mixed(random: Random): Theme {
  const names = Object.keys(kinds) as FaultKind[];
  const chosen = names.filter(() => chance(random, 0.25));
  return { kinds: chosen.length > 0 ? chosen : [pick(random, names)], moments: [] };
}

function some<T>(random: Random, items: readonly T[], count: number): readonly T[] {
  return Array.from({ length: count }, () => pick(random, items));
}

export function themeOf(seed: number): ThemeName {
  return nextTheme(streamOf(seed, 'faults'));
}

function nextTheme(random: Random): ThemeName {
  if (chance(random, 0.4)) return 'mixed';
  return pick(random, Object.keys(themes) as (keyof typeof themes)[]);
}

/** Each run knows only some kinds: what they do together is seen when they do not drown each other. */
export function planFaults(
  seed: number,
  { count, untilMs }: { readonly count: number; readonly untilMs: number },
): readonly PlannedFault[] {
  const random = streamOf(seed, 'faults');
  const name = nextTheme(random);
  if (name === 'mixed') return plan(random, mixed(random), { count, untilMs });
  const theme: Theme = themes[name];
  const chosen = {
    kinds: some(random, theme.kinds, 2 + below(random, 3)),
    moments: some(random, theme.moments, 1 + below(random, 3)),
  };
  return plan(random, chosen, { count: 1 + below(random, 10), untilMs });
}

function plan(
  random: Random,
  theme: Theme,
  { count, untilMs }: { readonly count: number; readonly untilMs: number },
): readonly PlannedFault[] {
  const afterMs = (): number => (chance(random, 0.5) ? 0 : 30 * random.fraction() ** 2);
  const together = (): readonly FaultKind[] => some(random, theme.kinds, chance(random, 0.4) ? 2 : 1);
  return Array.from({ length: count }, (_, number) => {
    if (theme.moments.length === 0 || chance(random, 0.15)) {
      const atMs = 20 + random.fraction() * (untilMs - 20);
      return {
        number,
        kinds: some(random, theme.kinds, 1),
        moment: undefined,
        atMs,
        skip: 0,
        afterMs: 0,
        next: undefined,
      };
    }
    const moment = pick(random, theme.moments);
    const next = { kinds: together(), moment: pick(random, theme.moments), afterMs: afterMs() };
    return {
      number,
      kinds: together(),
      moment,
      // waiting for a moment begins early, or it would not come any more
      atMs: random.fraction() ** 2 * 0.6 * untilMs,
      skip: below(random, 4),
      afterMs: afterMs(),
      next: chance(random, 0.4) ? next : undefined,
    };
  });
}

export class Faults {
  readonly struck = new Map<string, number>();
  readonly #cluster: Cluster;
  readonly #users: readonly User[];
  readonly #seed: number;
  readonly #sessionTimeoutMs: number;
  #isOver = false;

  /** Strikes as planned, and heals at `untilMs`. */
  constructor(
    { cluster, users }: { readonly cluster: Cluster; readonly users: readonly User[] },
    planned: readonly PlannedFault[],
    o: { readonly seed: number; readonly untilMs: number; readonly sessionTimeoutMs: number },
  ) {
    this.#cluster = cluster;
    this.#users = users;
    this.#seed = o.seed;
    this.#sessionTimeoutMs = o.sessionTimeoutMs;
    for (const fault of planned) cluster.time.schedule(fault.atMs, () => this.#arm(fault));
    cluster.time.schedule(o.untilMs, () => this.#heal());
  }

  #arm(fault: PlannedFault): void {
    const { kinds: together, number, moment, skip, next } = fault;
    const random = streamOf(this.#seed, 'faults', number + 1);
    if (moment === undefined) return this.#strike(together, random, undefined);
    // not within the step of a service that tells it
    const soon = (afterMs: number, kinds: readonly FaultKind[]) => (concerned: Concerned) =>
      void this.#cluster.time.schedule(afterMs, () => this.#strike(kinds, random, concerned));
    atMoment(this.#cluster, { moment, skip }, (concerned) => {
      soon(fault.afterMs, together)(concerned);
      if (next !== undefined)
        atMoment(this.#cluster, { ...next, skip: 0, jobId: concerned.jobId }, soon(next.afterMs, next.kinds));
    });
  }

  #strike(together: readonly FaultKind[], random: SeededRandom, concerned: Concerned | undefined): void {
    if (this.#isOver) return;
    const blow = {
      cluster: this.#cluster,
      users: this.#users,
      random,
      sessionTimeoutMs: this.#sessionTimeoutMs,
      concerned,
    };
    for (const kind of together) {
      const struck = (): void => void this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1);
      if (kinds[kind]({ ...blow, struck })) struck();
    }
  }

  #heal(): void {
    this.#isOver = true;
    const { coordination, logs, documents, network, history, members } = this.#cluster;
    coordination.faults.clear();
    logs.faults.clear();
    documents.faults.clear();
    documents.catchUp();
    network.healAll();
    history.onHappening.clear();
    if (coordination.down) coordination.comeUp();
    for (const { process } of this.#users) process?.disarm();
    for (const member of members.values()) {
      member.process.disarm();
      startAgain(this.#cluster, member, 100);
    }
  }
}
