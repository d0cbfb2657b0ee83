import { expect } from '@jest/globals';
import type { CoordinationSession, SessionState } from '@baton/core';
import { eventually } from '../../runtime/eventually.js';
import { type Case, casesOf } from '../contract.js';
import { bytes, expectRefusal, range, text } from '../expectations.js';
import { connect, type CoordinationWorld } from './coordination-world.js';

const EMPTY = new Uint8Array();

export const sessionCases: readonly Case<CoordinationWorld>[] = casesOf<CoordinationWorld>({
  'each session has its own id, a timeout and a token of two texts': async (world, scope) => {
    const one = await connect(world, scope);
    const two = await connect(world, scope);
    expect(one.state).toBe('connected');
    expect(one.id).not.toBe(0n);
    expect(one.id).not.toBe(two.id);
    expect(one.timeoutMs).toBeGreaterThan(0);
    expect(JSON.parse(JSON.stringify(one.token))).toEqual(one.token);
    expect(one.token.sessionId).toMatch(/./);
    expect(one.token.secret).toMatch(/./);
    expect(one.token.secret).not.toBe(two.token.secret);
  },

  'an ephemeral belongs to its session and vanishes when that closes; the rest stays': async (
    world,
    scope,
  ) => {
    const owner = await connect(world, scope);
    const other = await connect(world, scope);
    await owner.create('/kept', EMPTY);
    await owner.create('/lock', bytes('mine'), { ephemeral: true });
    await owner.multi([{ type: 'create', path: '/kept/lock', data: EMPTY, ephemeral: true }]);
    await other.barrier();
    expect((await other.get('/lock')).stat.ephemeralOwner).toBe(owner.id);
    await owner.close();
    await other.barrier();
    expect(await other.children('/')).toEqual(['kept']);
    expect(await other.children('/kept')).toEqual([]);
  },

  'an ephemeral has no children': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/lock', EMPTY, { ephemeral: true });
    await expectRefusal(session.create('/lock/child', EMPTY), 'BATON_INPUT_INVALID');
    const operation = { type: 'create', path: '/lock/child', data: EMPTY } as const;
    await expectRefusal(session.multi([operation]), 'BATON_INPUT_INVALID');
    expect(await session.children('/lock')).toEqual([]);
  },

  'anybody may delete an ephemeral, and its owner may make it again': async (world, scope) => {
    const owner = await connect(world, scope);
    const other = await connect(world, scope);
    await owner.create('/lock', EMPTY, { ephemeral: true });
    await other.barrier();
    await other.delete('/lock');
    await owner.create('/lock', EMPTY, { ephemeral: true });
    await owner.close();
    await other.barrier();
    expect(await other.exists('/lock')).toBeUndefined();
  },

  'operations of one session are applied in the order issued, reads among them': async (world, scope) => {
    const session = await connect(world, scope);
    const results = await Promise.all([
      session.create('/a', bytes('0')),
      session.get('/a').then(({ data }) => text(data)),
      session.set('/a', bytes('1'), 0).then(({ version }) => version),
      session.get('/a').then(({ data }) => text(data)),
      session.multi([{ type: 'set', path: '/a', data: bytes('2'), version: 1 }]).then(() => 'set'),
      session.exists('/a').then((stat) => stat?.version),
      session.children('/'),
      session.delete('/a', 2),
      session.exists('/a'),
    ]);
    expect(results).toEqual([undefined, '0', 1, '1', 'set', 2, ['a'], undefined, undefined]);
  },

  'an operation that fails does not disturb those behind it': async (world, scope) => {
    const session = await connect(world, scope);
    const outcomes = await Promise.allSettled([
      session.create('/a', EMPTY),
      session.create('/a', EMPTY),
      session.set('/a', bytes('1'), 5),
      session.set('/a', bytes('2'), 0),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(text((await session.get('/a')).data)).toBe('2');
  },

  '3,000 operations can be issued at once': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    const stats = await Promise.all(range(1_500).map(() => session.set('/a', bytes('x'))));
    expect(stats.map(({ version }) => version)).toEqual(range(1_500).map((n) => n + 1));
    const read = await Promise.all(range(1_500).map(() => session.get('/a')));
    expect(new Set(read.map(({ stat }) => stat.version))).toEqual(new Set([1_500]));
  },

  'after a barrier reads see what others did before it': async (world, scope) => {
    const writer = await connect(world, scope);
    const reader = await connect({ primitive: await world.peer() }, scope);
    await writer.create('/a', EMPTY);
    for (const round of range(30)) {
      await writer.set('/a', bytes(String(round)));
      await reader.barrier();
      expect(text((await reader.get('/a')).data)).toBe(String(round));
    }
  },

  'after a barrier reads see what this session had in flight': async (world, scope) => {
    const session = await connect(world, scope);
    const creating = session.create('/a', EMPTY);
    await session.barrier();
    expect(await session.exists('/a')).toBeDefined();
    await creating;
  },

  'close is told once, can be repeated, and ends everything': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    const told: SessionState[] = [];
    session.onState((state) => told.push(state));
    const stop = session.onState(() => told.push('suspended'));
    stop();
    await Promise.all([session.close(), session.close()]);
    await session.close();
    expect(told).toEqual(['lost']);
    expect(session.state).toBe('lost');
    const code = 'BATON_UNAVAILABLE_SESSION_LOST';
    await expectRefusal(session.create('/b', EMPTY), code);
    await expectRefusal(session.get('/a'), code);
    await expectRefusal(session.exists('/a'), code);
    await expectRefusal(session.children('/'), code);
    await expectRefusal(session.set('/a', EMPTY), code);
    await expectRefusal(session.delete('/a'), code);
    await expectRefusal(session.multi([{ type: 'check', path: '/a', version: 0 }]), code);
    await expectRefusal(session.barrier(), code);
  },

  'every operation is answered although the session is closed behind it': async (world, scope) => {
    const session = await connect(world, scope);
    const creating = range(100).map((n) => session.create(`/n${n}`, EMPTY, { ephemeral: true }));
    const settled = Promise.allSettled(creating);
    await session.close();
    const refused = (await settled).filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of refused)
      expect((reason as { code?: string }).code).toMatch(/^BATON_UNAVAILABLE_/);
    const other = await connect(world, scope);
    await other.barrier();
    expect(await other.children('/')).toEqual([]);
  },

  'endSession ends the session of a token, for another client too': async (world, scope) => {
    const owner = await connect(world, scope);
    const other = await connect({ primitive: await world.peer() }, scope);
    await owner.create('/lock', EMPTY, { ephemeral: true });
    const token = JSON.parse(JSON.stringify(owner.token)) as typeof owner.token;
    await (await world.peer()).endSession(token, { timeoutMs: 5_000 });
    await other.barrier();
    expect(await other.exists('/lock')).toBeUndefined();
    await lost(world, owner);
    await expectRefusal(owner.create('/b', EMPTY), 'BATON_UNAVAILABLE_SESSION_LOST');
    await world.primitive.endSession(token, { timeoutMs: 5_000 });
  },

  'endSession with a wrong secret or for an unknown session is no error and ends nothing': async (
    world,
    scope,
  ) => {
    const owner = await connect(world, scope);
    const other = await connect(world, scope);
    await owner.create('/lock', EMPTY, { ephemeral: true });
    const wrong = { sessionId: owner.token.sessionId, secret: other.token.secret };
    await world.primitive.endSession(wrong, { timeoutMs: 5_000 });
    const gone = await world.primitive.connect({ timeoutMs: 5_000 });
    await gone.close();
    await world.primitive.endSession(gone.token, { timeoutMs: 5_000 });
    await other.barrier();
    expect((await other.exists('/lock'))?.ephemeralOwner).toBe(owner.id);
    // its connection may have been broken once
    await eventually(() => owner.exists('/lock'), {
      withinMs: world.patienceMs ?? 10_000,
      what: 'session goes on',
    });
    expect(owner.state).toBe('connected');
  },

  'last words are there when the ephemerals are gone': async (world, scope) => {
    const owner = await connect(world, scope);
    const other = await connect(world, scope);
    await owner.create('/kept', EMPTY);
    for (const round of range(20)) {
      const dying = await connect(world, scope);
      await dying.create('/lock', EMPTY, { ephemeral: true });
      await other.barrier();
      let seen = '';
      let isSeen = false;
      // what the notice of the lost lock leads to: the words are read without a barrier, in the same session
      await other.exists('/lock', () => {
        void other.get('/kept').then(({ data }) => {
          seen = text(data);
          isSeen = true;
        });
      });
      const lastWords = { path: '/kept', data: bytes(`of ${round}`) };
      await world.primitive.endSession(dying.token, { timeoutMs: 5_000, lastWords });
      await eventually(() => isSeen, { withinMs: world.patienceMs ?? 10_000, what: 'the lock is gone' });
      expect(seen).toBe(`of ${round}`);
    }
  },

  'last words that cannot be said keep no session alive': async (world, scope) => {
    const other = await connect(world, scope);
    await other.create('/kept', EMPTY);
    const unsayable = [
      { path: '/missing', data: bytes('x') },
      { path: '/missing/child', data: bytes('x') },
      { path: 'not a path', data: bytes('x') },
      { path: '/kept', data: new Uint8Array(1_200_000) },
    ];
    for (const lastWords of unsayable) {
      const owner = await connect(world, scope);
      await owner.create('/lock', EMPTY, { ephemeral: true });
      await world.primitive.endSession(owner.token, { timeoutMs: 5_000, lastWords });
      await other.barrier();
      expect(await other.children('/')).toEqual(['kept']);
    }
    expect((await other.get('/kept')).stat.version).toBe(0);
  },

  'nobody speaks for a session that is over, or whose secret he does not know': async (world, scope) => {
    const owner = await connect(world, scope);
    const other = await connect(world, scope);
    await other.create('/kept', EMPTY);
    const lastWords = { path: '/kept', data: bytes('x') };
    const wrong = { sessionId: owner.token.sessionId, secret: other.token.secret };
    await world.primitive.endSession(wrong, { timeoutMs: 5_000, lastWords });
    const gone = await world.primitive.connect({ timeoutMs: 5_000 });
    await gone.close();
    await world.primitive.endSession(gone.token, { timeoutMs: 5_000, lastWords });
    await other.barrier();
    // its connection may have been broken once
    await eventually(() => owner.exists('/kept'), { withinMs: world.patienceMs ?? 10_000 });
    expect((await other.get('/kept')).stat.version).toBe(0);
  },

  'connect and endSession give up in time when the service cannot be reached': async (world) => {
    const unreachable = await world.unreachable();
    const startedMs = performance.now();
    const connecting = unreachable.connect({ timeoutMs: 5_000, connectTimeoutMs: 200 });
    await expectRefusal(connecting, 'BATON_UNAVAILABLE_DISCONNECTED');
    const ending = unreachable.endSession({ sessionId: '1', secret: '00' }, { timeoutMs: 200 });
    await expect(ending).rejects.toMatchObject({ code: expect.stringMatching(/^BATON_UNAVAILABLE_/) });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  },
});

async function lost(world: CoordinationWorld, session: CoordinationSession): Promise<void> {
  await eventually(() => session.state === 'lost', {
    withinMs: world.patienceMs ?? 10_000,
    what: 'session is lost',
  });
}
