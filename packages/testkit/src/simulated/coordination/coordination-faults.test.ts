import { describe, expect, it } from '@jest/globals';
import type { CoordinationSession, SessionState } from '@baton/core';
import { bytes, expectRefusal, text } from '../../contracts/expectations.js';
import { fakeRuntime } from '../../runtime/runtimes.js';
import { SimulatedCoordination } from './simulated-coordination.js';

const EMPTY = new Uint8Array();
const UNKNOWN = 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN';

async function setUp(seed = 1) {
  const runtime = fakeRuntime({ seed });
  const { clock } = runtime;
  const coordination = new SimulatedCoordination(runtime);
  const { service } = coordination;
  const connect = (timeoutMs = 3_000) => clock.drive(coordination.connect({ timeoutMs }));
  const session = await connect();
  const other = await connect();
  const drive = <T>(promise: Promise<T>) => clock.drive(promise, { withinMs: 100 });
  await drive(session.create('/a', bytes('0')));
  return { clock, coordination, service, connect, session, other, drive };
}

function states(session: CoordinationSession): SessionState[] {
  const told: SessionState[] = [];
  session.onState((state) => told.push(state));
  return told;
}

describe('SimulatedCoordination under faults', () => {
  it('lose-reply: the write stands, the outcome is unknown, the connection breaks and comes back', async () => {
    const { clock, service, session, other, drive } = await setUp();
    const told = states(session);
    service.faults.next('lose-reply', { operation: 'set' });
    await drive(expectRefusal(session.set('/a', bytes('1')), UNKNOWN));
    expect(session.state).toBe('suspended');
    await drive(expectRefusal(session.get('/a'), 'BATON_UNAVAILABLE_DISCONNECTED'));
    expect(text((await drive(other.get('/a'))).data)).toBe('1');
    await clock.advance(10);
    expect(told).toEqual(['suspended', 'connected']);
    expect(service.faults.pending).toBe(0);
  });

  it('lose-request: the write never stands, and nothing behind it', async () => {
    const { clock, service, session, drive } = await setUp();
    service.faults.next('lose-request');
    const outcomes = Promise.allSettled([session.set('/a', bytes('1')), session.create('/b', EMPTY)]);
    expect((await drive(outcomes)).map((each) => each.status === 'rejected' && each.reason)).toMatchObject([
      { code: UNKNOWN },
      { code: UNKNOWN },
    ]);
    await clock.advance(1_000);
    await drive(session.barrier());
    expect(text((await drive(session.get('/a'))).data)).toBe('0');
    expect(await drive(session.exists('/b'))).toBeUndefined();
  });

  it('land-late: reads may not see it yet, after a barrier they do', async () => {
    const { clock, service, session, drive } = await setUp();
    service.faults.next('land-late');
    await drive(expectRefusal(session.set('/a', bytes('late')), UNKNOWN));
    await clock.advance(10);
    expect(text((await drive(session.get('/a'))).data)).toBe('0');
    await drive(session.barrier());
    expect(text((await drive(session.get('/a'))).data)).toBe('late');
  });

  it('land-late: lands by itself, but never after its session', async () => {
    const { clock, service, session, other, drive } = await setUp();
    service.faults.next('land-late', { delayMs: 500 });
    await drive(expectRefusal(session.set('/a', bytes('late')), UNKNOWN));
    await clock.advance(500);
    expect(text((await drive(other.get('/a'))).data)).toBe('late');
    service.faults.next('land-late', { delayMs: 500 });
    await drive(expectRefusal(session.set('/a', bytes('too late')), UNKNOWN));
    service.expire(session);
    await clock.advance(1_000);
    expect(text((await drive(other.get('/a'))).data)).toBe('late');
  });

  it('refuse: nothing happens and the session goes on', async () => {
    const { service, session, drive } = await setUp();
    service.faults.next('refuse');
    await drive(expectRefusal(session.set('/a', bytes('1')), 'BATON_UNAVAILABLE_REFUSED'));
    expect(text((await drive(session.get('/a'))).data)).toBe('0');
  });

  it('slow: takes its time in both directions', async () => {
    const { clock, service, session } = await setUp();
    service.faults.slowMs = 40;
    const startedMs = clock.monotonicMs();
    await clock.drive(session.get('/a'));
    expect(clock.monotonicMs() - startedMs).toBe(80);
  });

  it('a cut applies a part of what was sent, in order, and all of it is unknown', async () => {
    const applied = new Set<number>();
    for (let seed = 1; seed <= 12; seed++) {
      const { clock, service, session, drive } = await setUp(seed);
      const sets = [1, 2, 3].map((n) => session.set('/a', bytes(String(n)), n - 1));
      const refused = Promise.all(sets.map((each) => expectRefusal(each, UNKNOWN)));
      await Promise.resolve();
      service.cut(session);
      await drive(refused);
      await clock.advance(10);
      applied.add((await drive(session.get('/a'))).stat.version);
    }
    expect([...applied].sort()).toEqual([0, 1, 2, 3]);
  });

  it('an expired session is told when it reaches the service; its ephemerals are gone before', async () => {
    const { clock, service, session, other, drive } = await setUp();
    const told = states(session);
    await drive(session.create('/lock', EMPTY, { ephemeral: true }));
    service.expire(session);
    expect(await drive(other.exists('/lock'))).toBeUndefined();
    await clock.advance(10);
    expect(told).toEqual(['suspended', 'lost']);
    await drive(expectRefusal(session.get('/a'), 'BATON_UNAVAILABLE_SESSION_LOST'));
  });

  it('a service that was away and is back does not reach a partitioned session, and ends it', async () => {
    const { clock, service, session, other, drive } = await setUp();
    await drive(session.create('/lock', EMPTY, { ephemeral: true }));
    service.partition(session);
    service.goDown();
    await clock.advance(100);
    service.comeUp();
    await clock.advance(10_000);
    expect(await drive(other.exists('/lock'))).toBeUndefined();
    service.heal(session);
    await clock.advance(10);
    expect(session.state).toBe('lost');
  });

  it('a partitioned session finds out by its own clock; the service may have ended it before', async () => {
    const { clock, service, session, other, drive } = await setUp();
    const told = states(session);
    await drive(session.create('/lock', EMPTY, { ephemeral: true }));
    service.partition(session);
    const hanging = expectRefusal(session.get('/a'), UNKNOWN);
    await clock.advance(1_999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['suspended']);
    await hanging;
    await clock.advance(1_000);
    expect(told).toEqual(['suspended', 'lost']);
    await clock.advance(200);
    expect(await drive(other.exists('/lock'))).toBeUndefined();
  });

  it('the service counts a timeout from a ping that may be a third of it old, and rounds up to a tick', async () => {
    const ends = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const { clock, service, session } = await setUp(seed);
      const cutMs = clock.monotonicMs();
      service.cut(session, { reconnectAfterMs: Infinity });
      await clock.advanceUntil(() => service.openSessions === 1);
      ends.add(clock.monotonicMs() - cutMs);
    }
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...ends)).toBeLessThanOrEqual(3_200);
    expect(ends.size).toBeGreaterThan(2);
    for (const each of ends) expect(each % 200).toBe(0);
  });

  it('a healed session goes on, and notices what it missed', async () => {
    const { clock, service, session, other, drive } = await setUp();
    let notices = 0;
    await drive(session.get('/a', () => notices++));
    service.partition(session);
    await drive(other.set('/a', bytes('1')));
    await clock.advance(500);
    expect(notices).toBe(0);
    service.heal(session);
    await clock.settle();
    expect([notices, session.state]).toEqual([1, 'connected']);
  });

  it('a notice that was under way when the connection broke comes after it is back, once', async () => {
    const { clock, service, session, other, drive } = await setUp();
    let notices = 0;
    await drive(session.get('/a', () => notices++));
    service.faults.slowMs = 20;
    const setting = other.set('/a', bytes('1'));
    await clock.advance(30);
    service.cut(session, { reconnectAfterMs: 50 });
    await clock.advance(40);
    expect(notices).toBe(0);
    await clock.advance(200);
    await setting;
    expect(notices).toBe(1);
  });

  it('a session that lags reads the past, until it writes or asks for a barrier', async () => {
    const { clock, service, session, other, drive } = await setUp();
    let notices = 0;
    service.lag(session);
    await drive(other.set('/a', bytes('1')));
    await drive(other.create('/b', EMPTY));
    expect(text((await drive(session.get('/a', () => notices++))).data)).toBe('0');
    expect(await drive(session.exists('/b'))).toBeUndefined();
    await clock.advance(1_000);
    expect(notices).toBe(0);
    await drive(session.barrier());
    expect(notices).toBe(1);
    expect(text((await drive(session.get('/a'))).data)).toBe('1');
    service.lag(session);
    await drive(other.delete('/b'));
    expect(await drive(session.exists('/b'))).toBeDefined();
    await drive(expectRefusal(session.set('/a', EMPTY, 9), 'BATON_CONFLICT_BAD_VERSION'));
    expect(await drive(session.exists('/b'))).toBeUndefined();
  });

  it('while the service is down no session ends there; each client gives up by its own clock', async () => {
    const { clock, coordination, service, session, other, drive } = await setUp();
    await drive(session.create('/lock', EMPTY, { ephemeral: true }));
    service.goDown();
    const refused = expectRefusal(
      coordination.connect({ timeoutMs: 3_000, connectTimeoutMs: 500 }),
      'BATON_UNAVAILABLE_DISCONNECTED',
    );
    await clock.advance(2_000);
    await refused;
    expect(other.state).toBe('suspended');
    const waiting = coordination.connect({ timeoutMs: 3_000, connectTimeoutMs: 9_000 });
    await clock.advance(2_000);
    expect([session.state, service.openSessions]).toEqual(['lost', 2]);
    service.comeUp();
    const next = await drive(waiting);
    expect(await drive(next.exists('/lock'))).toBeDefined();
    await clock.advance(3_200);
    expect(await drive(next.exists('/lock'))).toBeUndefined();
  });

  it('close of a session that is cut ends it here at once and there when its timeout has passed', async () => {
    const { clock, service, session, other, drive } = await setUp();
    await drive(session.create('/lock', EMPTY, { ephemeral: true }));
    service.cut(session, { reconnectAfterMs: Infinity });
    await drive(session.close());
    expect(session.state).toBe('lost');
    expect(await drive(other.exists('/lock'))).toBeDefined();
    await clock.advance(3_200);
    expect(await drive(other.exists('/lock'))).toBeUndefined();
  });

  it('leaves no timer behind', async () => {
    const { clock, service, session, other, drive } = await setUp();
    service.cut(session);
    await clock.advance(50);
    service.partition(other);
    service.heal(other);
    await drive(Promise.all([session.close(), other.close()]));
    expect([service.openSessions, clock.pendingTimers]).toEqual([0, 0]);
  });
});
