/**
 * Purpose: what goes wrong in one run: a seeded choice of kinds (P-1505), each struck at seeded times or at a seeded event, until the world is healed.
 * What is authoritative: the seed. `struck` tells what really happened, by kind.
 * On failure: a fault that finds nobody to strike is not counted.
 * Not here: how a service behaves under a fault (simulated substrates in @baton/testkit).
 */
import type { Cluster, Member } from './cluster.js';
import { below, pick } from './workload.js';

type Strike = (faults: Faults) => boolean;

/** Ordered by how often they are chosen; every name is counted in the report. */
const kinds: Readonly<Record<string, Strike>> = {
  'kill conductor': (faults) => faults.kill('conductor', { guard: true }),
  'kill worker': (faults) => faults.kill('worker', { guard: true }),
  'lose host of conductor': (faults) => faults.kill('conductor', { guard: false }),
  'lose host of worker': (faults) => faults.kill('worker', { guard: false }),
  'pause conductor': (faults) => faults.pause('conductor'),
  'pause worker': (faults) => faults.pause('worker'),
  'drain conductor': (faults) => faults.drain('conductor'),
  'drain worker': (faults) => faults.drain('worker'),
  'cut session': (faults) =>
    faults.session((cluster, session) =>
      cluster.coordination.cut(session, { reconnectAfterMs: below(cluster.random, 500) }),
    ),
  'silence session': (faults) =>
    faults.session((cluster, session) => {
      cluster.coordination.partition(session);
      cluster.time.schedule(cluster.random.fraction() * 6_000, () => cluster.coordination.heal(session));
    }),
  'expire session': (faults) => faults.session((cluster, session) => cluster.coordination.expire(session)),
  'lag session': (faults) =>
    faults.session((cluster, session) => {
      cluster.coordination.lag(session);
      cluster.time.schedule(cluster.random.fraction() * 2_000, () => cluster.coordination.catchUp(session));
    }),
  'coordination away': ({ cluster }) => {
    if (cluster.coordination.down) return false;
    cluster.coordination.goDown();
    cluster.time.schedule(cluster.random.fraction() * 5_000, () => cluster.coordination.comeUp());
    return true;
  },
  'coordination request': ({ cluster }) => {
    const kind = pick(cluster.random, ['lose-reply', 'lose-request', 'land-late', 'refuse'] as const);
    cluster.coordination.faults.next(kind, {
      skip: below(cluster.random, 10),
      delayMs: below(cluster.random, 800),
    });
    return true;
  },
  'log request': ({ cluster }) => {
    const kind = pick(cluster.random, [
      'lose-request',
      'lose-reply',
      'tear',
      'land-late',
      'duplicate',
      'refuse',
    ] as const);
    const operation = kind === 'refuse' ? {} : { operation: 'append' as const };
    cluster.logs.faults.next(kind, {
      ...operation,
      skip: below(cluster.random, 5),
      delayMs: below(cluster.random, 800),
    });
    return true;
  },
  'log slow': ({ cluster }) => {
    cluster.logs.faults.slowMs = 1 + below(cluster.random, 300);
    cluster.time.schedule(cluster.random.fraction() * 3_000, () => (cluster.logs.faults.slowMs = 0));
    return true;
  },
  'store request': ({ cluster }) => {
    const kind = pick(cluster.random, ['lose-request', 'lose-reply', 'tear', 'land-late', 'refuse'] as const);
    const operation =
      kind === 'refuse'
        ? {}
        : { operation: pick(cluster.random, ['insert', 'insert', 'replace', 'delete'] as const) };
    cluster.documents.faults.next(kind, {
      ...operation,
      skip: below(cluster.random, 5),
      delayMs: below(cluster.random, 800),
    });
    return true;
  },
  'store reads stale': ({ cluster }) => {
    cluster.documents.lag();
    cluster.time.schedule(cluster.random.fraction() * 800, () => cluster.documents.catchUp());
    return true;
  },
};

export class Faults {
  readonly cluster: Cluster;
  readonly struck = new Map<string, number>();
  #healed = false;

  /** Strikes until `untilMs`, then heals. */
  constructor(cluster: Cluster, { untilMs, count }: { readonly untilMs: number; readonly count: number }) {
    this.cluster = cluster;
    const { random, time } = cluster;
    const names = Object.keys(kinds);
    // each run knows only some kinds: what they do together is seen when they do not drown each other
    const chosen = names.filter(() => random.fraction() < 0.35);
    for (let n = 0; n < count && chosen.length > 0; n++) {
      const name = pick(random, chosen);
      time.schedule(200 + random.fraction() * (untilMs - 200), () => this.#strike(name));
    }
    time.schedule(untilMs, () => this.#heal());
  }

  kill(kind: Member['kind'], options: { readonly guard: boolean }): boolean {
    return this.#onOne(kind, (member) => {
      this.cluster.kill(member, options);
      this.#startAgain(member);
    });
  }

  pause(kind: Member['kind']): boolean {
    const { random } = this.cluster;
    return this.#onOne(kind, (member) => this.cluster.pause(member, random.fraction() ** 2 * 12_000));
  }

  drain(kind: Member['kind']): boolean {
    return this.#onOne(kind, (member) => {
      member.drain();
      this.#startAgain(member);
    });
  }

  session(strike: (cluster: Cluster, session: Member['sessions'][number]) => void): boolean {
    const { cluster } = this;
    const sessions = [...cluster.members.values()]
      .filter(({ process }) => process.alive)
      .flatMap((member) => member.sessions.slice(-1));
    if (sessions.length === 0) return false;
    strike(cluster, pick(cluster.random, sessions));
    return true;
  }

  #strike(name: string): void {
    if (this.#healed || kinds[name]?.(this) !== true) return;
    this.struck.set(name, (this.struck.get(name) ?? 0) + 1);
  }

  #onOne(kind: Member['kind'], strike: (member: Member) => void): boolean {
    const candidates = this.cluster.ofKind(kind).filter(({ process }) => !process.isHeld);
    if (candidates.length === 0) return false;
    strike(pick(this.cluster.random, candidates));
    return true;
  }

  /** As an init system does, after a while; not while the old one lives. */
  #startAgain(old: Member): void {
    const { cluster } = this;
    const again = (): void => {
      if (cluster.members.get(old.id) !== old) return;
      if (old.process.alive && !old.hasEnded) cluster.time.schedule(200, again);
      else cluster.start(old.kind, old.id);
    };
    cluster.time.schedule(50 + cluster.random.fraction() * 3_000, again);
  }

  #heal(): void {
    this.#healed = true;
    const { coordination, logs, documents } = this.cluster;
    coordination.faults.clear();
    logs.faults.clear();
    documents.faults.clear();
    documents.catchUp();
    if (coordination.down) coordination.comeUp();
  }
}
