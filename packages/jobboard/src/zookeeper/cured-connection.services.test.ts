/** Every rule of reliability 12.1 against a real server, through the fault proxy. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codeOf, type CoordinationSession } from '@baton/core';
import { FaultProxy, eventually, leakCheck, realRuntime } from '@baton/testkit';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { ZookeeperCoordination } from './index.js';

const nothing = new Uint8Array(0);
const multiType = 14;
const closeType = -11;
const setWatchesType = 101;

describe('the ZooKeeper client, cured', () => {
  const { random, logger } = realRuntime();
  const leaks = leakCheck();
  let hosts: string;
  let chroot: string;
  let proxy: FaultProxy;
  const sessions: CoordinationSession[] = [];
  let direct: ZookeeperCoordination;
  let faulty: ZookeeperCoordination;

  beforeEach(async () => {
    hosts = realServices().zookeeper;
    chroot = `/test-${random.nonce().slice(0, 12)}`;
    proxy = await FaultProxy.start(hosts.split(',')[0] ?? '');
    direct = new ZookeeperCoordination({ hosts, chroot, logger });
    faulty = new ZookeeperCoordination({ hosts: proxy.address, chroot, logger });
  });

  afterEach(async () => {
    await proxy.pass();
    await Promise.all(sessions.splice(0).map((session) => session.close()));
    await proxy.close();
    await leaks.verify();
  });

  async function open(timeoutMs: number, through = faulty): Promise<CoordinationSession> {
    const session = await through.connect({ timeoutMs });
    sessions.push(session);
    return session;
  }

  async function reaches(session: CoordinationSession, state: CoordinationSession['state']): Promise<void> {
    await eventually(() => session.state === state, { what: `session ${state}` });
  }

  async function codeFrom(operation: Promise<unknown>): Promise<string | undefined> {
    return operation.then(() => 'resolved', codeOf);
  }

  /** Request frames as they pass the proxy, by connection: the handshake, then `[request id, type]`. */
  function tapRequests(): [id: number, type: number][][] {
    const connections: [number, number][][] = [];
    let rest: Buffer = Buffer.alloc(0);
    proxy.onConnection = () => {
      connections.push([]);
      rest = Buffer.alloc(0);
    };
    proxy.onRequest = (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        connections.at(-1)?.push([rest.readInt32BE(4), rest.readInt32BE(8)]);
        rest = rest.subarray(4 + rest.readInt32BE(0));
      }
    };
    return connections;
  }

  it('P-1201 notices a partition by silence: suspended after two thirds of the timeout, lost after all of it', async () => {
    const session = await open(1_000);
    const states: [string, number][] = [];
    const startMs = performance.now();
    session.onState((state) => states.push([state, performance.now() - startMs]));
    proxy.blackHole();
    const pending = codeFrom(session.get('/'));
    await reaches(session, 'lost');
    expect(await pending).toBe('BATON_UNAVAILABLE_OUTCOME_UNKNOWN');
    expect(states.map(([state]) => state)).toEqual(['suspended', 'lost']);
    expect(states[0]?.[1]).toBeGreaterThan(300); // the last byte may have come up to a third of the timeout before
    expect(states[0]?.[1]).toBeLessThan(states[1]?.[1] ?? 0);
    expect(states[1]?.[1]).toBeGreaterThan(600);
    expect(states[1]?.[1]).toBeLessThan(2_000);
    expect(await codeFrom(session.get('/'))).toBe('BATON_UNAVAILABLE_SESSION_LOST');
  });

  it('P-1201 survives a partition that ends in time', async () => {
    const session = await open(3_000);
    await session.create('/mine', nothing, { ephemeral: true });
    proxy.blackHole();
    await reaches(session, 'suspended');
    await proxy.pass();
    await reaches(session, 'connected');
    expect((await session.exists('/mine'))?.ephemeralOwner).toBe(session.id);
  });

  it('P-1202 refuses what is issued again the moment it failed, instead of spinning', async () => {
    const session = await open(3_000);
    proxy.blackHole();
    const codes: unknown[] = [];
    const stubborn = (async () => {
      for (;;) {
        try {
          return await session.get('/');
        } catch (error) {
          codes.push(codeOf(error));
          if (codes.length > 1) await delay(5); // retrying at some pace is the subject of this test
        }
      }
    })();
    proxy.cut();
    await proxy.pass();
    await stubborn;
    expect(codes[0]).toBe('BATON_UNAVAILABLE_OUTCOME_UNKNOWN');
    expect(new Set(codes.slice(1))).toEqual(new Set(['BATON_UNAVAILABLE_DISCONNECTED']));
  });

  it.each([1, 3, 4, 9, 21, 60])(
    'P-1203 forgets half a frame of %i bytes with its connection',
    async (bytes) => {
      const session = await open(3_000);
      await session.create('/node', new Uint8Array(100));
      proxy.cutReplyAfter(bytes);
      expect(await codeFrom(session.get('/node'))).toBe('BATON_UNAVAILABLE_OUTCOME_UNKNOWN');
      await reaches(session, 'connected');
      expect((await session.get('/node')).data.length).toBe(100);
    },
  );

  it('P-1204 takes version 0 in a transaction for 0', async () => {
    const session = await open(3_000);
    await session.create('/node', nothing);
    await session.set('/node', nothing, 0);
    const path = '/node';
    for (const operation of [
      { type: 'check', path, version: 0 },
      { type: 'set', path, data: nothing, version: 0 },
      { type: 'delete', path, version: 0 },
    ] as const)
      expect(await codeFrom(session.multi([operation]))).toBe('BATON_CONFLICT_BAD_VERSION');
    expect((await session.multi([{ type: 'set', path, data: nothing, version: 1 }])).zxid).toBe(
      (await session.exists(path))?.mzxid,
    );
  });

  it('P-1205 refuses requests without a connection and carries none over to the next', async () => {
    const session = await open(3_000);
    await proxy.refuse();
    await reaches(session, 'suspended');
    expect(await codeFrom(session.create('/late', nothing))).toBe('BATON_UNAVAILABLE_DISCONNECTED');
    await proxy.pass();
    await reaches(session, 'connected');
    await session.barrier();
    expect(await session.exists('/late')).toBeUndefined();
  });

  it('P-1206 closes before it is connected, twice, and after it is lost', async () => {
    await proxy.refuse();
    const startMs = performance.now();
    expect(await codeFrom(faulty.connect({ timeoutMs: 2_000, connectTimeoutMs: 100 }))).toBe(
      'BATON_UNAVAILABLE_DISCONNECTED',
    );
    expect(performance.now() - startMs).toBeLessThan(1_500);
    await proxy.pass();
    const session = await open(1_000);
    proxy.blackHole();
    await reaches(session, 'lost');
    await Promise.all([session.close(), session.close()]);
    await session.close();
  });

  it('P-1206 closes during the handshake', async () => {
    proxy.blackHole({ toService: false });
    expect(await codeFrom(faulty.connect({ timeoutMs: 2_000, connectTimeoutMs: 100 }))).toBe(
      'BATON_UNAVAILABLE_DISCONNECTED',
    );
  });

  it('P-1206 ends a session that was closed without a connection, as soon as there is one', async () => {
    const session = await open(10_000);
    const witness = await open(4_000, direct);
    await session.create('/mine', nothing, { ephemeral: true });
    await proxy.refuse();
    await reaches(session, 'suspended');
    const closed = session.close();
    expect(session.state).toBe('lost');
    await proxy.pass();
    const startMs = performance.now();
    await closed;
    expect(await witness.exists('/mine')).toBeUndefined();
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });

  it('P-1206 closes again when the answer to the first close was lost', async () => {
    const session = await open(10_000);
    const witness = await open(4_000, direct);
    await session.create('/mine', nothing, { ephemeral: true });
    proxy.cutReplyTo();
    const startMs = performance.now();
    await session.close();
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(await witness.exists('/mine')).toBeUndefined();
  });

  it('P-1206 closes again when the server dropped the first close without a word', async () => {
    const session = await open(10_000);
    const witness = await open(4_000, direct);
    await session.create('/mine', nothing, { ephemeral: true });
    proxy.swallowRequest((chunk) => chunk.readInt32BE(8) === closeType);
    const startMs = performance.now();
    await session.close();
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(await witness.exists('/mine')).toBeUndefined();
  });

  it('P-1207 keeps a session that only receives', async () => {
    const [session, writer] = [await open(600), await open(4_000, direct)];
    let notices = 0;
    const nodes = Array.from({ length: 20 }, (_, n) => `/n${n}`);
    for (const node of nodes) {
      await writer.create(node, nothing);
      await session.get(node, () => notices++);
    }
    const states: string[] = [];
    session.onState((state) => states.push(state));
    for (const [count, node] of nodes.entries()) {
      await writer.set(node, nothing);
      await eventually(() => notices === count + 1);
      await new Promise((resolve) => setTimeout(resolve, 70)); // paces the notices: the subject of this test
    }
    expect(states).toEqual([]);
  });

  it.each([-127, -125, -1234])('P-1208 turns the unknown server code %i into an error', async (code) => {
    const session = await open(3_000);
    proxy.rewriteReply((reply) => {
      reply.writeInt32BE(code, 16); // length, request id, transaction, error
      return reply.subarray(0, 20).fill(Buffer.from([0, 0, 0, 16]), 0, 4);
    });
    const states: string[] = [];
    session.onState((state) => states.push(state));
    expect(await codeFrom(session.get('/'))).toBe('BATON_UNAVAILABLE_REFUSED');
    await session.get('/');
    expect(states).toEqual([]);
  });

  it('P-1209 counts request ids from 1 on each connection', async () => {
    const connections = tapRequests();
    const session = await open(3_000);
    await session.get('/');
    const again = new Promise<void>((resolve) => {
      session.onState((state) => {
        if (state === 'connected') resolve();
      });
    });
    proxy.cut();
    await again;
    await session.get('/');
    const ids = connections.map((requests) =>
      requests
        .slice(1)
        .map(([id]) => id)
        .filter((id) => id > 0),
    );
    expect(ids).toHaveLength(2);
    for (const each of ids) expect(each).toEqual(each.map((_, index) => index + 1));
  });

  it('P-1210 sets the watches again before any request, and they still fire', async () => {
    const connections = tapRequests();
    const [session, writer] = [await open(3_000), await open(4_000, direct)];
    let notices = 0;
    await session.children('/', () => notices++);
    session.onState((state) => {
      if (state === 'connected') void session.get('/').catch(() => undefined);
    });
    await proxy.refuse();
    await reaches(session, 'suspended');
    await writer.create('/new', nothing);
    await proxy.pass();
    await eventually(() => notices === 1);
    await session.barrier();
    expect(connections.at(-1)?.[1]?.[1]).toBe(setWatchesType);
  });

  it('P-1211 does not pile up packets while handshakes fail', async () => {
    const session = await open(4_000);
    await session.children('/', () => undefined);
    proxy.hangUp();
    await reaches(session, 'suspended');
    await new Promise((resolve) => setTimeout(resolve, 300)); // time for many handshakes: the subject of this test
    const connections = tapRequests();
    await proxy.pass();
    await reaches(session, 'connected');
    await session.barrier();
    const types = connections.at(-1)?.map(([, type]) => type) ?? [];
    expect(types.filter((type) => type === setWatchesType)).toHaveLength(1);
  });

  it('P-1212 keeps at most 1,000 requests in flight, the rest in order behind', async () => {
    const connections = tapRequests();
    const session = await open(4_000);
    const before = connections[0]?.length ?? 0;
    proxy.blackHole({ toService: false });
    const answers = Array.from({ length: 2_500 }, (_, n) => session.create(`/n${n}`, nothing).then(() => n));
    const requests = () => connections[0]?.slice(before).filter(([id]) => id > 0).length ?? 0;
    await eventually(() => requests() >= 1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(requests()).toBe(1_000);
    await proxy.pass();
    await Promise.all(answers);
    const zxids = await Promise.all([0, 999, 1_000, 2_499].map((n) => session.exists(`/n${n}`)));
    const order = zxids.map((stat) => stat?.czxid ?? 0n);
    expect(order).toEqual([...order].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('P-1212 tells what was waiting behind the bound that it was not sent', async () => {
    const session = await open(4_000);
    proxy.blackHole();
    const codes = Promise.all(Array.from({ length: 1_010 }, () => codeFrom(session.get('/'))));
    proxy.cut();
    expect((await codes).filter((code) => code === 'BATON_UNAVAILABLE_DISCONNECTED')).toHaveLength(10);
  });

  it('P-1213 has a read barrier that goes through the leader, and needs no root', async () => {
    const connections = tapRequests();
    const [session, root] = [
      await open(3_000),
      await open(3_000, new ZookeeperCoordination({ hosts, logger })),
    ];
    await session.barrier();
    expect(connections[0]?.at(-1)?.[1]).toBe(multiType);
    await root.delete(chroot);
    await session.barrier();
  });

  it('P-1214 takes a session that the server replaced for lost', async () => {
    const session = await open(3_000);
    await proxy.refuse();
    await reaches(session, 'suspended');
    await proxy.pass();
    proxy.rewriteReply((reply) => {
      reply.writeBigInt64BE(session.id + 1n, 12); // length, protocol version, timeout, session id
      return reply;
    });
    await reaches(session, 'lost');
  });

  it('P-1216 reads 64-bit fields exactly', async () => {
    const session = await open(3_000);
    const { zxid } = await session.multi([
      { type: 'set', path: '/', data: nothing },
      { type: 'create', path: '/mine', data: nothing, ephemeral: true },
    ]);
    const stat = await session.exists('/mine');
    expect([stat?.czxid, stat?.ephemeralOwner]).toEqual([zxid, session.id]);
    expect(session.token.sessionId).toBe(BigInt.asUintN(64, session.id).toString(16).padStart(16, '0'));
  });

  it('P-303 refuses what is too large without harm to the session', async () => {
    const session = await open(3_000);
    const states: string[] = [];
    session.onState((state) => states.push(state));
    const data = new Uint8Array(1_048_576);
    expect(await codeFrom(session.create('/big', data))).toBe('BATON_INPUT_TOO_LARGE');
    expect(await codeFrom(session.multi([{ type: 'set', path: '/', data }]))).toBe('BATON_INPUT_TOO_LARGE');
    await session.create('/large', data.subarray(0, 990_000));
    expect(states).toEqual([]);
  });

  it('tells that an outcome is unknown when the answer was lost, and the barrier decides it', async () => {
    const session = await open(3_000);
    proxy.cutReplyTo((request) => request.includes('/made'));
    expect(await codeFrom(session.create('/made', nothing))).toBe('BATON_UNAVAILABLE_OUTCOME_UNKNOWN');
    await reaches(session, 'connected');
    await session.barrier();
    expect(await session.exists('/made')).toBeDefined();
  });

  it('P-1007 ends the session of another process; a wrong secret or a session that is over is no error', async () => {
    const [holder, witness] = [await open(10_000), await open(4_000, direct)];
    await holder.create('/mine', nothing, { ephemeral: true });
    const gone = new Promise<void>((resolve) => void witness.exists('/mine', resolve));
    proxy.blackHole(); // the holder is hung
    await direct.endSession({ ...holder.token, secret: '00'.repeat(16) }, { timeoutMs: 2_000 });
    expect(await witness.exists('/mine')).toBeDefined();
    await direct.endSession(holder.token, { timeoutMs: 2_000 });
    await gone;
    await direct.endSession(holder.token, { timeoutMs: 2_000 });
    await proxy.pass();
    await reaches(holder, 'lost');
  });

  it('gives up ending a session in time when the service cannot be reached', async () => {
    const session = await open(2_000, direct);
    await proxy.refuse();
    expect(await codeFrom(faulty.endSession(session.token, { timeoutMs: 200 }))).toBe(
      'BATON_UNAVAILABLE_DEADLINE',
    );
  });
});
