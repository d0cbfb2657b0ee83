import { describe, expect, it } from '@jest/globals';
import type { CoordinationSession, NodeOperation } from '@baton/core';
import type { SimulatedCoordinationService } from '../simulated/coordination/simulated-coordination-service.js';
import { simulatedCoordinationWorld } from '../simulated/simulated-worlds.js';
import { caseNamed, runCase } from './contract.js';
import { coordinationCases, coordinationContract, type CoordinationWorld } from './coordination-contract.js';
import { mutant } from './mutant.js';

coordinationContract('SimulatedCoordination', simulatedCoordinationWorld);

type SimulatedWorld = Awaited<ReturnType<typeof simulatedCoordinationWorld>>;
type Mutation = (
  session: CoordinationSession,
  service: SimulatedCoordinationService,
) => Partial<CoordinationSession>;

/** A world whose sessions have the planted mistake, for every client of it. */
async function worldWith(mutation: Mutation): Promise<SimulatedWorld> {
  const world = await simulatedCoordinationWorld();
  const mutate = <C extends typeof world.primitive>(client: C): C =>
    mutant(client, {
      connect: async (options) => {
        const session = await client.connect(options);
        return mutant(session, mutation(session, world.service));
      },
    } as Partial<C>);
  return {
    ...world,
    primitive: mutate(world.primitive),
    peer: async () => mutate(await world.peer()),
    elsewhere: async () => mutate(await world.elsewhere()),
    dispose: async () => undefined,
  };
}

const zeroIsAny = <T extends { version?: number }>(operation: T): T => {
  const { version, ...rest } = operation;
  return (version === 0 ? rest : operation) as T;
};

async function oneByOne(session: CoordinationSession, operations: readonly NodeOperation[]): Promise<void> {
  for (const [index, operation] of operations.entries())
    await session.multi([operation]).catch((error: Error) => {
      throw Object.assign(error, { details: { index } });
    });
}

/** The mistake, the case that finds it, the mistake in code. */
const mutants: readonly (readonly [string, string, Mutation])[] = [
  [
    'version 0 of a set means any',
    'version 0 means exactly 0; undefined means any',
    (session) => ({
      set: (path, data, version) => session.set(path, data, version === 0 ? undefined : version),
    }),
  ],
  [
    'version 0 in a multi means any',
    'version 0 in a multi means exactly 0, for set, delete and check',
    (session) => ({
      multi: (operations) =>
        session.multi(
          operations.map(
            (each) =>
              (each.type === 'check' ? each : zeroIsAny(each as { version?: number })) as NodeOperation,
          ),
        ),
    }),
  ],
  [
    'version 0 in a multi means any',
    'of two sessions that claim by multi exactly one wins, in each of 500 rounds',
    (session) => ({
      multi: (operations) =>
        session.multi(operations.map((each) => zeroIsAny(each as { version?: number }) as NodeOperation)),
    }),
  ],
  [
    'a multi is carried out one by one',
    'a multi that fails changes nothing and tells which operation failed first, and why',
    (session) => ({ multi: async (operations) => ({ zxid: void (await oneByOne(session, operations)) }) }),
  ],
  [
    'a move is two writes',
    'a move is never seen half',
    (session) => ({ multi: async (operations) => ({ zxid: void (await oneByOne(session, operations)) }) }),
  ],
  [
    'a multi tells a zxid that is not its own',
    'multi does all; its zxid is that of everything it made and set',
    (session) => ({
      multi: async (operations) => {
        const { zxid } = await session.multi(operations);
        return { zxid: zxid === undefined ? undefined : zxid + 1n };
      },
    }),
  ],
  [
    'zxids pass through a JavaScript number',
    'zxids of claims rise',
    (session) => ({
      multi: async (operations) => {
        const { zxid } = await session.multi(operations);
        return { zxid: zxid === undefined ? undefined : BigInt(Number(zxid)) };
      },
    }),
  ],
  [
    'a watch goes on after its first notice',
    'get notices the next change of the data, once',
    (session) => ({
      get: (path, watcher) => {
        const again = (): void => {
          watcher?.();
          session.exists(path, again).catch(() => undefined);
        };
        return session.get(path, watcher && again);
      },
    }),
  ],
  [
    'a get that fails watches all the same',
    'get of a node that is not there sets no watcher',
    (session) => ({
      get: async (path, watcher) => {
        if (watcher !== undefined) await session.exists(path, watcher);
        return session.get(path);
      },
    }),
  ],
  [
    'the same watcher counts as often as it is set',
    'the same function on one path counts once, different functions each',
    (session) => ({ get: (path, watcher) => session.get(path, watcher && (() => watcher())) }),
  ],
  [
    'a lost session still calls its watchers',
    'a closed session is told nothing',
    (session) => ({
      get: async (path, watcher) => {
        session.onState(() => void Promise.resolve().then(watcher));
        return session.get(path);
      },
    }),
  ],
  [
    'children are not watched',
    'the end of a session is noticed by those who watch its ephemerals',
    (session) => ({ children: (path) => session.children(path) }),
  ],
  [
    'ephemerals are persistent',
    'an ephemeral belongs to its session and vanishes when that closes; the rest stays',
    (session) => ({ create: (path, data) => session.create(path, data) }),
  ],
  [
    'close leaves the session to time out',
    'an ephemeral belongs to its session and vanishes when that closes; the rest stays',
    (session, service) => ({
      close: async () => {
        service.partition(session);
        void session.close();
      },
    }),
  ],
  [
    'close is told as nothing',
    'close is told once, can be repeated, and ends everything',
    () => ({ onState: () => () => undefined }),
  ],
  [
    'a barrier does nothing for a session that lags',
    'after a barrier reads see what others did before it',
    (session, service) => ({
      barrier: async () => service.lag(session),
    }),
  ],
  [
    'reads overtake writes',
    'operations of one session are applied in the order issued, reads among them',
    (session) => ({
      set: async (path, data, version) => {
        await Promise.resolve();
        await new Promise(setImmediate);
        return session.set(path, data, version);
      },
    }),
  ],
  [
    'large data is cut',
    'data is exact for any bytes, also none and 500 KiB',
    (session) => ({ create: (path, data) => session.create(path, data.subarray(0, 65_536)) }),
  ],
  [
    'too much data is accepted',
    'more than a request may hold is refused before sending, and the session goes on',
    (session) => ({ create: (path, data) => session.create(path, data.subarray(0, 1_000)) }),
  ],
  [
    'a long listing is cut',
    'children are names, complete for 1,000 of them, without grandchildren',
    (session) => ({ children: async (path) => (await session.children(path)).slice(0, 999) }),
  ],
  [
    'a bad path is nothing special',
    'a bad path is an InputError and costs nothing',
    (session) => ({ exists: (path) => session.exists(path).catch(() => undefined) }),
  ],
  [
    'deleting ignores children',
    'what is not there, there already, or not empty is told by its code, and nothing changes',
    (session) => ({
      delete: async (path, version) => {
        for (const child of await session.children(path).catch(() => []))
          await session.delete(`${path}/${child}`);
        await session.delete(path, version);
      },
    }),
  ],
];

describe('the contract of Coordination finds', () => {
  it.each(mutants)('%s (%s)', async (_mistake, name, mutation) => {
    const each = caseNamed(coordinationCases, name);
    await expect(runCase(each, () => worldWith(mutation))).rejects.toThrow();
  });

  it('a secret that is not compared', async () => {
    const open = async (): Promise<CoordinationWorld> => {
      const world = await worldWith(() => ({}));
      const { service } = world;
      const primitive = mutant(world.primitive, {
        endSession: async ({ sessionId }) => service.expire({ id: BigInt(sessionId) } as CoordinationSession),
      });
      return { ...world, primitive };
    };
    const name = 'endSession with a wrong secret or for an unknown session is no error and ends nothing';
    await expect(runCase(caseNamed(coordinationCases, name), open)).rejects.toThrow();
  });

  it('last words that are said after the end', async () => {
    const open = async (): Promise<CoordinationWorld> => {
      const world = await worldWith(() => ({}));
      const { primitive } = world;
      const late = mutant(primitive, {
        endSession: async (token, { timeoutMs, lastWords }) => {
          await primitive.endSession(token, { timeoutMs });
          if (lastWords === undefined) return;
          const session = await primitive.connect({ timeoutMs });
          await session.set(lastWords.path, lastWords.data);
          await session.close();
        },
      });
      return { ...world, primitive: late };
    };
    const name = 'last words are there when the ephemerals are gone';
    await expect(runCase(caseNamed(coordinationCases, name), open)).rejects.toThrow('of 0');
  });

  it('two roots that are one', async () => {
    const open = async (): Promise<CoordinationWorld> => {
      const world = await worldWith(() => ({}));
      return { ...world, elsewhere: world.peer };
    };
    const name = 'another root sees nothing of this one';
    await expect(runCase(caseNamed(coordinationCases, name), open)).rejects.toThrow();
  });
});
