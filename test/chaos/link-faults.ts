/** Links of one member, or of the users, that are cut, swallow everything, are slow, or lose one request or one reply. */
import type { BlackHole, FaultProxy } from '@baton/testkit';
import { below, pick } from '../simulation/choices.js';
import type { ChaosCluster, Linked } from './chaos-cluster.js';
import { lasts, type Blow, type FaultKind, type Hit } from './fault-kind.js';
import { wayNames, type WayName } from './links.js';

const trouble = { least: 0.1, most: 4 };
/** Often longer than a session. */
const absence = { least: 0.5, most: 5 };
const holes: readonly BlackHole[] = [{}, { toService: false }, { toClient: false }];
/** So long does one lie in wait for a request. */
const waitMs = 20_000;

/** Requests whose answer matters most, as they begin: a transaction of ZooKeeper, a produce of Kafka, an insert into the journal. */
const decisive: Readonly<Record<WayName, (request: Buffer) => boolean>> = {
  zookeeper: (request) => request.length > 12 && request.readInt32BE(8) === 14,
  kafka: (request) => request.length > 6 && request.readInt16BE(4) === 0,
  mongodb: (request) => request.includes('insert\0\x08\0\0\0journal\0', 0, 'latin1'),
};

export const linkFaults: readonly FaultKind[] = [
  lasting('black hole', 5, (proxies, { random }) => {
    const hole = pick(random, holes);
    for (const proxy of proxies) proxy.blackHole(hole);
  }),
  lasting('slow link', 4, (proxies, { random }) => {
    const delayMs = 5 + below(random, 400);
    for (const proxy of proxies) proxy.slow(delayMs);
  }),
  lasting('connections refused', 2, (proxies) => {
    for (const proxy of proxies) void proxy.refuse();
  }),
  {
    name: 'connections cut',
    cause: 'cut',
    weight: 4,
    strike: (blow) => {
      const found = wayOf(blow);
      if (found === undefined) return undefined;
      for (const proxy of found.place.links.way(found.way)) proxy.cut();
      return { victim: found.place.id };
    },
  },
  cutOff('cut off from everything', 4, { ways: wayNames, from: ({ linked }) => linked }),
  // answers still come in: what it writes of them arrives when it is over, and finds the next owner's entries
  cutOff('conductor cut off from board and store', 6, {
    ways: ['zookeeper', 'mongodb'],
    from: (cluster) => cluster.ofKind('conductor'),
  }),
  once('request delivered, reply cut', 8, (proxy, matches) => proxy.cutReplyTo(matches)),
  once('request cut', 3, (proxy, matches) => proxy.cutRequest(matches)),
];

function cutOff(
  name: string,
  weight: number,
  o: { readonly ways: readonly WayName[]; readonly from: (cluster: ChaosCluster) => readonly Linked[] },
): FaultKind {
  const { ways, from } = o;
  return {
    name,
    cause: 'cut',
    weight,
    strike: (blow) => {
      const place = soundOf(from(blow.cluster), ways, blow);
      if (place === undefined) return undefined;
      for (const proxy of ways.flatMap((way) => place.links.way(way))) proxy.blackHole();
      return { victim: place.id, over: healed(place, ways, lasts(blow, absence)) };
    },
  };
}

function lasting(
  name: string,
  weight: number,
  begin: (proxies: readonly FaultProxy[], blow: Blow) => void,
): FaultKind {
  return {
    name,
    cause: 'cut',
    weight,
    strike: (blow) => {
      const found = wayOf(blow);
      if (found === undefined) return undefined;
      const { place, way } = found;
      begin(place.links.way(way), blow);
      return { victim: place.id, over: healed(place, [way], lasts(blow, trouble)) };
    },
  };
}

/** Strikes the next decisive request on that way, if one comes. */
function once(
  name: string,
  weight: number,
  arm: (proxy: FaultProxy, matches: (request: Buffer) => boolean) => void,
): FaultKind {
  return {
    name,
    cause: 'cut',
    weight,
    strike: (blow): Hit | undefined => {
      const found = wayOf(blow);
      if (found === undefined) return undefined;
      const { place, way } = found;
      let didStrike = false;
      const struck = new Promise<void>((resolve) => {
        for (const proxy of place.links.way(way))
          arm(proxy, (request) => {
            if (didStrike || !decisive[way](request)) return false;
            didStrike = true;
            resolve();
            return true;
          });
      });
      const timeUp = new Promise<void>((resolve) => {
        setTimeout(resolve, Math.max(0, Math.min(waitMs, blow.untilMs - Date.now()))).unref();
      });
      const over = healed(place, [way], Promise.race([struck, timeUp]));
      return { victim: place.id, liesInWait: true, over: over.then(() => didStrike) };
    },
  };
}

function soundOf(from: readonly Linked[], ways: readonly WayName[], { random }: Blow): Linked | undefined {
  const free = from.filter(({ links }) => ways.every((way) => links.isSound(way)));
  return free.length === 0 ? undefined : pick(random, free);
}

/** Of the users, or of a member, ready or not: links fail at its start too. */
function wayOf(blow: Blow): { readonly place: Linked; readonly way: WayName } | undefined {
  const way = pick(blow.random, wayNames);
  const place = soundOf(blow.cluster.linked, [way], blow);
  return place && { place, way };
}

async function healed({ links }: Linked, ways: readonly WayName[], over: Promise<void>): Promise<boolean> {
  for (const way of ways) links.inTrouble.add(way);
  await over;
  await links.heal(ways);
  for (const way of ways) links.inTrouble.delete(way);
  return true;
}
