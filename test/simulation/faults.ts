/**
 * Purpose: what goes wrong in one run: a seeded choice of kinds (P-1505), each struck at a seeded moment or at the next step of its victim that another
 *   process can see, until the world is healed.
 * What is authoritative: the plan, which follows from the seed. `struck` tells what really happened, by kind.
 * On failure: a fault that finds nobody to strike is not counted.
 * Not here: how a service behaves under a fault (simulated substrates in @baton/testkit).
 */
import type { SeededRandom } from '@baton/testkit';
import { below, chance, pick, streamOf } from './choices.js';
import type { Cluster, Member } from './cluster.js';
import type { Direction, ServiceName } from './network.js';
import type { Place } from './process.js';
import type { User } from './user.js';

interface Blow {
  readonly cluster: Cluster;
  readonly users: readonly User[];
  /** Of this fault alone. */
  readonly random: SeededRandom;
  readonly sessionTimeoutMs: number;
}

/** False: there was nobody to strike. */
type Strike = (blow: Blow) => boolean;

export interface PlannedFault {
  readonly number: number;
  readonly kind: string;
  /** True ms. */
  readonly atMs: number;
}

const places: readonly Place[] = ['before', 'after', 'answer'];
const directions: readonly Direction[] = ['there', 'back', 'both'];
const conditions = ['lose-reply', 'lose-request', 'land-late', 'refuse'] as const;

const kinds: Readonly<Record<string, Strike>> = {
  'kill conductor': (blow) => onMember('conductor', blow, kill({ guard: true })),
  'kill worker': (blow) => onMember('worker', blow, kill({ guard: true })),
  'lose host of conductor': (blow) => onMember('conductor', blow, kill({ guard: false })),
  'lose host of worker': (blow) => onMember('worker', blow, kill({ guard: false })),
  'pause conductor': (blow) => onMember('conductor', blow, pause),
  'pause worker': (blow) => onMember('worker', blow, pause),
  'drain conductor': (blow) => onMember('conductor', blow, drain),
  'drain worker': (blow) => onMember('worker', blow, drain),
  'kill conductor and worker': (blow) => {
    const killed = onMember('conductor', blow, kill({ guard: true }));
    return onMember('worker', blow, kill({ guard: true })) || killed;
  },
  'job kills its owners': ({ cluster, users, random }) => {
    const { jobId } = pick(random, users).job;
    return whenever(cluster.history.onEntry, 1 + below(random, 5), (entry) => {
      if (entry.flowId !== jobId || entry.kind !== 'claim') return false;
      const owner = cluster.members.get(entry.claim.member);
      if (owner === undefined) return false;
      owner.process.strikeAt(pick(random, places), below(random, 3), () =>
        kill({ guard: true })(owner, { cluster, users, random, sessionTimeoutMs: 0 }),
      );
      return true;
    });
  },
  'task kills its workers': ({ cluster, users, random }) => {
    const atom = `t${1 + below(random, 4)}`;
    return whenever(cluster.history.onCall, 1 + below(random, 4), (call) => {
      const worker = cluster.ofKind('worker').find(({ process }) => process.name === call.process);
      if (call.atom !== atom || worker === undefined) return false;
      cluster.time.schedule(random.fraction() * 20, () =>
        kill({ guard: chance(random, 0.8) })(worker, { cluster, users, random, sessionTimeoutMs: 0 }),
      );
      return true;
    });
  },
  'kill user': ({ users, random, cluster }) => {
    const alive = users.filter(({ process }) => process !== undefined);
    if (alive.length === 0) return false;
    const user = pick(random, alive);
    user.process?.strikeAt(pick(random, places), below(random, 12), () =>
      cluster.time.schedule(0, () => user.kill()),
    );
    return true;
  },
  'clock jumps': ({ cluster, random }) => {
    const processes = [...cluster.members.values()].filter(({ process }) => process.alive);
    if (processes.length === 0) return false;
    pick(random, processes).process.skewMs += (random.fraction() * 2 - 1) * 600_000;
    return true;
  },
  'cut session': (blow) =>
    onSession(blow, (session) =>
      blow.cluster.coordination.cut(session, { reconnectAfterMs: below(blow.random, 500) }),
    ),
  'silence session': (blow) =>
    onSession(blow, (session) => {
      const { cluster, random, sessionTimeoutMs } = blow;
      cluster.coordination.partition(session);
      const forMs = random.fraction() * 2 * sessionTimeoutMs;
      cluster.time.schedule(forMs, () => cluster.coordination.heal(session));
    }),
  'expire session': (blow) => onSession(blow, (session) => blow.cluster.coordination.expire(session)),
  'guard ends session of the living': (blow) =>
    onMember('conductor', blow, (member) => blow.cluster.endSession(member)),
  'lag session': (blow) =>
    onSession(blow, (session) => {
      const { cluster, random } = blow;
      cluster.coordination.lag(session);
      cluster.time.schedule(random.fraction() * 2_000, () => cluster.coordination.catchUp(session));
    }),
  'coordination away': ({ cluster, random }) => {
    if (cluster.coordination.down) return false;
    cluster.coordination.goDown();
    cluster.time.schedule(random.fraction() * 5_000, () => cluster.coordination.comeUp());
    return true;
  },
  'coordination request': ({ cluster, random }) => {
    const operation = chance(random, 0.6)
      ? { operation: pick(random, ['multi', 'create', 'set'] as const) }
      : {};
    // there are few transactions: claims, and the ways to end them
    const how = { skip: below(random, 'operation' in operation ? 3 : 8), delayMs: below(random, 800) };
    cluster.coordination.faults.next(pick(random, conditions), { ...operation, ...how });
    return true;
  },
  'lock removed by hand': ({ cluster, random }) => {
    const locks = [...cluster.history.entries.keys()]
      .map((jobId) => cluster.lockOf(jobId))
      .filter((path) => cluster.coordination.node(path) !== undefined);
    return locks.length > 0 && cluster.coordination.remove(pick(random, locks));
  },
  'log request': ({ cluster, random }) => {
    const kind = pick(random, [...conditions, 'tear', 'duplicate'] as const);
    const operation = kind === 'refuse' ? {} : { operation: 'append' as const };
    cluster.logs.faults.next(kind, { ...operation, skip: below(random, 5), delayMs: below(random, 2_500) });
    return true;
  },
  'log loses what it acknowledged': ({ cluster, random }) => {
    const topic = pick(random, ['sim.task.request', 'sim.task.reply']);
    const partitions = cluster.logs.partitions(topic);
    const partition = below(random, partitions);
    const count = 1 + below(random, 3);
    return partitions > 0 && cluster.logs.cutEnd({ topic, partition, count }) > 0;
  },
  'coordination slow': (blow) => onLink(blow, { slowMs: 1 + below(blow.random, 600) }, ['coordination']),
  'log slow': (blow) => onLink(blow, { slowMs: 1 + below(blow.random, 400) }, ['log']),
  'store slow': (blow) => onLink(blow, { slowMs: 1 + below(blow.random, 400) }, ['store']),
  'link cut': (blow) => onLink(blow, { cut: pick(blow.random, directions) }, ['log', 'store']),
  'store request': ({ cluster, random }) => {
    const kind = pick(random, [...conditions, 'tear'] as const);
    const writes = ['insert', 'insert', 'insert', 'replace', 'delete'] as const;
    const operation = kind === 'refuse' ? {} : { operation: pick(random, writes) };
    cluster.documents.faults.next(kind, {
      ...operation,
      skip: below(random, 4),
      delayMs: below(random, 2_500),
    });
    return true;
  },
  'store reads stale': ({ cluster, random }) => {
    cluster.documents.lag();
    cluster.time.schedule(random.fraction() * 1_500, () => cluster.documents.catchUp());
    return true;
  },
};

/** The next `count` times that `strike` finds what it waits for. */
function whenever<T>(told: Set<(what: T) => void>, count: number, strike: (what: T) => boolean): boolean {
  let left = count;
  const listener = (what: T): void => {
    if (strike(what) && --left === 0) told.delete(listener);
  };
  told.add(listener);
  return true;
}

/** Each run knows only some kinds: what they do together is seen when they do not drown each other. */
export function planFaults(
  seed: number,
  { count, untilMs }: { readonly count: number; readonly untilMs: number },
): readonly PlannedFault[] {
  const random = streamOf(seed, 'faults');
  const names = Object.keys(kinds);
  const chosen = names.filter(() => chance(random, 0.25));
  if (chosen.length === 0) chosen.push(pick(random, names));
  return Array.from({ length: count }, (_, number) => ({
    number,
    kind: pick(random, chosen),
    atMs: 20 + random.fraction() * (untilMs - 20),
  }));
}

export class Faults {
  readonly struck = new Map<string, number>();
  readonly #cluster: Cluster;
  readonly #users: readonly User[];

  /** Strikes as planned, and heals at `untilMs`. */
  constructor(
    { cluster, users }: { readonly cluster: Cluster; readonly users: readonly User[] },
    plan: readonly PlannedFault[],
    o: { readonly seed: number; readonly untilMs: number; readonly sessionTimeoutMs: number },
  ) {
    this.#cluster = cluster;
    this.#users = users;
    const { seed, untilMs, sessionTimeoutMs } = o;
    for (const { kind, atMs, number } of plan)
      cluster.time.schedule(atMs, () => {
        const random = streamOf(seed, 'faults', number + 1);
        if (kinds[kind]?.({ cluster, users, random, sessionTimeoutMs }) === true)
          this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1);
      });
    cluster.time.schedule(untilMs, () => this.#heal());
  }

  #heal(): void {
    const { coordination, logs, documents, network, history, members } = this.#cluster;
    coordination.faults.clear();
    logs.faults.clear();
    documents.faults.clear();
    documents.catchUp();
    network.healAll();
    history.onEntry.clear();
    history.onCall.clear();
    if (coordination.down) coordination.comeUp();
    for (const { process } of this.#users) process?.disarm();
    for (const member of members.values()) {
      member.process.disarm();
      startAgain(this.#cluster, member, 100);
    }
  }
}

/** On one of them: at once, or at a step it takes soon. */
function onMember(kind: Member['kind'], blow: Blow, strike: (member: Member, blow: Blow) => void): boolean {
  const { cluster, random } = blow;
  const candidates = cluster.ofKind(kind).filter(({ process }) => !process.isHeld);
  if (candidates.length === 0) return false;
  const member = pick(random, candidates);
  if (chance(random, 0.2)) strike(member, blow);
  else member.process.strikeAt(pick(random, places), below(random, 12), () => strike(member, blow));
  return true;
}

function kill({ guard }: { readonly guard: boolean }) {
  return (member: Member, { cluster, random }: Blow): void => {
    cluster.killMember(member, { guard });
    startAgain(cluster, member, 5 + random.fraction() ** 2 * 4_000);
  };
}

function pause(member: Member, { cluster, random, sessionTimeoutMs }: Blow): void {
  cluster.pause(member, random.fraction() ** 2 * 4 * sessionTimeoutMs);
}

function drain(member: Member, { cluster, random }: Blow): void {
  cluster.time.schedule(0, () => member.drain());
  startAgain(cluster, member, 50 + random.fraction() * 2_000);
}

/** As an init system does; not while the old one lives. */
function startAgain(cluster: Cluster, old: Member, afterMs: number): void {
  const again = (): void => {
    if (cluster.members.get(old.id) !== old) return;
    if (!old.process.alive || old.hasEnded) cluster.start(old.kind, old.id);
    else if (old.isLeaving) cluster.time.schedule(200, again);
  };
  cluster.time.schedule(afterMs, again);
}

function onSession(
  { cluster, random }: Blow,
  strike: (session: Member['sessions'][number]) => void,
): boolean {
  const sessions = [...cluster.members.values()]
    .filter(({ process }) => process.alive)
    .flatMap((member) => member.sessions.slice(-1));
  if (sessions.length === 0) return false;
  strike(pick(random, sessions));
  return true;
}

/** Between a service and one process, or everybody. */
function onLink(
  { cluster, random }: Blow,
  trouble: { readonly cut?: Direction; readonly slowMs?: number },
  services: readonly ServiceName[],
): boolean {
  const service = pick(random, services);
  const processes = [...cluster.members.values()].map(({ process }) => process).filter(({ alive }) => alive);
  if (processes.length === 0) return false;
  const process = pick(random, processes);
  const link = chance(random, 0.4) ? { service } : { service, process };
  cluster.network.trouble(link, trouble);
  cluster.time.schedule(random.fraction() * 4_000, () => cluster.network.heal(link));
  return true;
}
