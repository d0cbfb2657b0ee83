/**
 * Purpose: what can go wrong, by name (P-1505). Each strikes whom the moment concerns (moments.ts), or anybody when nothing but the clock chose the moment.
 * On failure: nothing is counted when there was nobody to strike.
 * Not here: which of them strike, and when (faults.ts); how a service behaves under one (simulated substrates in @baton/testkit).
 */
import type { SeededRandom } from '@baton/testkit';
import { below, chance, pick } from './choices.js';
import type { Cluster, Member } from './cluster.js';
import type { Happening } from './history.js';
import type { Concerned } from './moments.js';
import type { Direction, ServiceName } from './network.js';
import type { Place } from './process.js';
import type { User } from './user.js';

export interface Blow {
  readonly cluster: Cluster;
  readonly users: readonly User[];
  /** Of this fault alone. */
  readonly random: SeededRandom;
  readonly sessionTimeoutMs: number;
  readonly concerned?: Concerned | undefined;
  /** Told by what does not strike at once, when it does. */
  readonly struck: () => void;
}

/** True: it struck. False: there was nobody to strike, or it waits for a step of somebody. */
type Strike = (blow: Blow) => boolean;

const places: readonly Place[] = ['before', 'after', 'answer'];
const directions: readonly Direction[] = ['there', 'back', 'both'];
const conditions = ['lose-reply', 'lose-request', 'land-late', 'refuse'] as const;

/** So far, at most, in either direction. */
const clockJumpMs = 600_000;

export const kinds = {
  'kill conductor': (blow) => onMember('conductor', blow, kill({ guard: true })),
  'kill worker': (blow) => onMember('worker', blow, kill({ guard: true })),
  'lose host of conductor': (blow) => onMember('conductor', blow, kill({ guard: false })),
  'lose host of worker': (blow) => onMember('worker', blow, kill({ guard: false })),
  'pause conductor': (blow) => onMember('conductor', blow, pause),
  'pause worker': (blow) => onMember('worker', blow, pause),
  'drain conductor': (blow) => onMember('conductor', blow, drain),
  'drain worker': (blow) => onMember('worker', blow, drain),
  'kill conductor and worker': (blow) => {
    const once = { ...blow, struck: onceOf(blow.struck) };
    for (const kind of ['conductor', 'worker'] as const)
      if (onMember(kind, once, kill({ guard: true }))) once.struck();
    return false;
  },
  'job kills its owners': (blow) => {
    const { cluster, users, random, concerned } = blow;
    const jobId = concerned?.jobId ?? pick(random, users).job.jobId;
    whenever(cluster, 1 + below(random, 6), (what) => {
      if (what.kind !== 'entry' || what.entry.flowId !== jobId || what.entry.kind !== 'claim') return false;
      const owner = cluster.members.get(what.entry.claim.member);
      if (owner === undefined) return false;
      owner.process.strikeAt(pick(random, places), below(random, 3), () => {
        kill({ guard: true })(owner, blow);
        blow.struck();
      });
      return true;
    });
    return false;
  },
  'task kills its workers': (blow) => {
    const { cluster, random } = blow;
    const atom = `t${1 + below(random, 4)}`;
    whenever(cluster, 1 + below(random, 6), (what) => {
      if (what.kind !== 'call' || what.call.atom !== atom) return false;
      const worker = cluster.ofKind('worker').find(({ process }) => process.name === what.call.process);
      if (worker === undefined) return false;
      cluster.time.schedule(random.fraction() * 20, () => {
        if (worker.process.alive) blow.struck();
        kill({ guard: chance(random, 0.8) })(worker, blow);
      });
      return true;
    });
    return false;
  },
  'kill user': ({ users, random, cluster, concerned, struck }) => {
    const alive = users.filter(({ process }) => process !== undefined);
    if (alive.length === 0) return false;
    const user = alive.find(({ job }) => job.jobId === concerned?.jobId) ?? pick(random, alive);
    user.process?.strikeAt(pick(random, places), below(random, concerned ? 3 : 12), () =>
      cluster.time.schedule(0, () => {
        user.kill();
        struck();
      }),
    );
    return false;
  },
  'user cancels': ({ cluster, users, random, concerned, struck }) => {
    const user = users.find(({ job }) => job.jobId === concerned?.jobId) ?? pick(random, users);
    const revert = chance(random, 0.8);
    // some are impatient
    for (let more = below(random, 3); more > 0; more--)
      cluster.time.schedule(50 * random.fraction(), () => {
        if (user.cancel({ revert })) struck();
      });
    return user.cancel({ revert });
  },
  'clock jumps': ({ cluster, random, concerned }) => {
    const processes = [...cluster.members.values()].filter(({ process }) => process.alive);
    if (processes.length === 0) return false;
    (concerned?.conductor ?? pick(random, processes)).process.skewMs +=
      (random.fraction() * 2 - 1) * clockJumpMs;
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
  'expire session': (blow) => {
    const { cluster, random } = blow;
    const member = anyone(blow);
    if (member === undefined) return false;
    cluster.expire(member, { afterMs: chance(random, 0.5) ? 0 : 1_000 * random.fraction() ** 2 });
    return true;
  },
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
  'coordination request': ({ cluster, random, concerned, struck }) => {
    const operation =
      concerned !== undefined || chance(random, 0.6)
        ? { operation: pick(random, ['multi', 'create', 'set'] as const) }
        : {};
    // there are few transactions: claims, and the ways to end them
    const how = { skip: below(random, 'operation' in operation ? 3 : 8), delayMs: below(random, 800) };
    cluster.coordination.faults.next(pick(random, conditions), { ...operation, ...how, onMet: struck });
    return false;
  },
  'next transaction': ({ cluster, random, struck }) => {
    const how = { operation: 'multi', skip: below(random, 2), delayMs: below(random, 800) } as const;
    cluster.coordination.faults.next(pick(random, conditions), { ...how, onMet: struck });
    return false;
  },
  'lock removed by hand': ({ cluster, random, concerned }) => {
    const jobIds = concerned === undefined ? [...cluster.history.entries.keys()] : [concerned.jobId];
    const locks = jobIds
      .map((jobId) => cluster.lockOf(jobId))
      .filter((path) => cluster.coordination.node(path) !== undefined);
    return locks.length > 0 && cluster.coordination.remove(pick(random, locks));
  },
  'log request': ({ cluster, random, concerned, struck }) => {
    const kind = pick(random, [...conditions, 'tear', 'duplicate'] as const);
    const operation = kind === 'refuse' ? {} : { operation: 'append' as const };
    const how = { skip: below(random, concerned ? 2 : 5), delayMs: below(random, 2_500) };
    cluster.logs.faults.next(kind, { ...operation, ...how, onMet: struck });
    return false;
  },
  'log loses what it acknowledged': ({ cluster, random, concerned }) => {
    const topic = pick(random, ['sim.task.request', 'sim.task.reply'] as const);
    const partitions = cluster.logs.partitions(topic);
    const request = concerned?.request;
    const concernedPartition =
      topic === 'sim.task.request' ? request?.requestPartition : request?.replyPartition;
    const partition = concernedPartition ?? below(random, partitions);
    const count = 1 + below(random, 3);
    return partition < partitions && cluster.logs.cutEnd({ topic, partition, count }) > 0;
  },
  'coordination slow': (blow) => onLink(blow, { slowMs: 1 + below(blow.random, 600) }, ['coordination']),
  'log slow': (blow) => onLink(blow, { slowMs: 1 + below(blow.random, 400) }, ['log']),
  'store slow': (blow) => onLink(blow, { slowMs: 1 + below(blow.random, 400) }, ['store']),
  'link cut': (blow) => onLink(blow, { cut: pick(blow.random, directions) }, ['log', 'store']),
  'store request': ({ cluster, random, concerned, struck }) => {
    const kind = pick(random, [...conditions, 'tear'] as const);
    const writes = ['insert', 'insert', 'insert', 'replace', 'delete'] as const;
    const operation = kind === 'refuse' ? {} : { operation: pick(random, writes) };
    cluster.documents.faults.next(kind, {
      ...operation,
      skip: below(random, concerned ? 2 : 4),
      delayMs: below(random, 2_500),
      onMet: struck,
    });
    return false;
  },
  'one of a group not stored': ({ cluster, random, struck }) => {
    const how = { operation: 'insert', skip: below(random, 2), onMet: struck } as const;
    cluster.documents.faults.next('refuse-one', how);
    return false;
  },
  'store reads stale': ({ cluster, random }) => {
    cluster.documents.lag();
    cluster.time.schedule(random.fraction() * 1_500, () => cluster.documents.catchUp());
    return true;
  },
  'owner lost while reads differ': (blow) => {
    const { cluster, random } = blow;
    cluster.documents.lag({ share: 0.5 });
    const lostMs = 1_500 * random.fraction();
    cluster.time.schedule(
      lostMs,
      () => void onMember('conductor', blow, (member) => kill({ guard: true })(member, blow)),
    );
    cluster.time.schedule(lostMs + 500, () => cluster.documents.catchUp());
    return true;
  },
} satisfies Record<string, Strike>;

export type FaultKind = keyof typeof kinds;

/** The next `count` times that `strike` finds what it waits for. */
function whenever({ history }: Cluster, count: number, strike: (what: Happening) => boolean): void {
  let left = count;
  const listener = (what: Happening): void => {
    if (strike(what) && --left === 0) history.onHappening.delete(listener);
  };
  history.onHappening.add(listener);
}

function onceOf(callback: () => void): () => void {
  let isFirst = true;
  return () => {
    if (isFirst) callback();
    isFirst = false;
  };
}

/** On one of them: at once, or at a step it takes soon. */
function onMember(kind: Member['kind'], blow: Blow, strike: (member: Member, blow: Blow) => void): boolean {
  const { cluster, random, concerned } = blow;
  const candidates = cluster.ofKind(kind).filter(({ process }) => !process.isHeld);
  if (candidates.length === 0) return false;
  const own = candidates.find((member) => member === concerned?.[kind]);
  const member = own ?? pick(random, candidates);
  if (chance(random, own ? 0.6 : 0.2)) {
    strike(member, blow);
    return true;
  }
  member.process.strikeAt(pick(random, places), below(random, own ? 4 : 12), () => {
    strike(member, blow);
    blow.struck();
  });
  return false;
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
export function startAgain(cluster: Cluster, old: Member, afterMs: number): void {
  const again = (): void => {
    if (cluster.members.get(old.id) !== old) return;
    if (!old.process.alive || old.hasEnded) cluster.start(old.kind, old.id);
    else if (old.isLeaving) cluster.time.schedule(200, again);
  };
  cluster.time.schedule(afterMs, again);
}

function onSession(blow: Blow, strike: (session: Member['sessions'][number]) => void): boolean {
  const session = anyone(blow)?.sessions.at(-1);
  if (session !== undefined) strike(session);
  return session !== undefined;
}

/** Between a service and one process, or everybody. */
function onLink(
  blow: Blow,
  trouble: { readonly cut?: Direction; readonly slowMs?: number },
  services: readonly ServiceName[],
): boolean {
  const { cluster, random } = blow;
  const service = pick(random, services);
  // workers do not use the store
  const process = anyone(blow, service === 'store' ? 'conductor' : undefined)?.process;
  if (process === undefined) return false;
  const link = chance(random, 0.4) ? { service } : { service, process };
  cluster.network.trouble(link, trouble);
  cluster.time.schedule(random.fraction() * 4_000, () => cluster.network.heal(link));
  return true;
}

/** One of those the moment concerns, or of all that live. */
function anyone({ cluster, random, concerned }: Blow, kind?: Member['kind']): Member | undefined {
  const alive = [...cluster.members.values()].filter(
    (member) => member.process.alive && (kind === undefined || member.kind === kind),
  );
  const own = alive.filter((member) => member === concerned?.conductor || member === concerned?.worker);
  const from = own.length > 0 ? own : alive;
  return from.length > 0 ? pick(random, from) : undefined;
}
