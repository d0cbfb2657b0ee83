import { expect } from '@jest/globals';
import type { CoordinationSession } from '@baton/core';
import { type Case, casesOf } from '../contract.js';
import { bytes, expectRefusal, range, text } from '../expectations.js';
import { connect, type CoordinationWorld } from './coordination-world.js';

const EMPTY = new Uint8Array();

/** How many rounds of the race are under way at the same time. */
const RACES_AT_ONCE = 50;

export const multiCases: readonly Case<CoordinationWorld>[] = casesOf<CoordinationWorld>({
  'multi does all; its zxid is that of everything it made and set': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/job', EMPTY);
    await session.create('/old', EMPTY);
    const { zxid } = await session.multi([
      { type: 'check', path: '/job', version: 0 },
      { type: 'set', path: '/job', data: bytes('claimed'), version: 0 },
      { type: 'create', path: '/lock', data: bytes('me'), ephemeral: true },
      { type: 'create', path: '/kept', data: EMPTY },
      { type: 'delete', path: '/old', version: 0 },
    ]);
    const job = await session.get('/job');
    const lock = await session.get('/lock');
    expect([text(job.data), job.stat.version, text(lock.data)]).toEqual(['claimed', 1, 'me']);
    expect(job.stat.mzxid).toBe(zxid);
    expect(lock.stat.czxid).toBe(zxid);
    expect((await session.exists('/kept'))?.czxid).toBe(zxid);
    expect(lock.stat.ephemeralOwner).toBe(session.id);
    expect((await session.exists('/kept'))?.ephemeralOwner).toBe(0n);
    expect(await session.exists('/old')).toBeUndefined();
  },

  'multi without a set tells no zxid': async (world, scope) => {
    const session = await connect(world, scope);
    const made = await session.multi([{ type: 'create', path: '/a', data: EMPTY }]);
    const checked = await session.multi([{ type: 'check', path: '/a', version: 0 }]);
    const removed = await session.multi([{ type: 'delete', path: '/a' }]);
    expect([made.zxid, checked.zxid, removed.zxid]).toEqual([undefined, undefined, undefined]);
  },

  'zxids of claims rise': async (world, scope) => {
    const session = await connect(world, scope);
    const other = await connect(world, scope);
    await session.create('/a', EMPTY);
    let last = 0n;
    for (const claimant of [session, other, session, other]) {
      const { zxid } = await claimant.multi([{ type: 'set', path: '/a', data: EMPTY }]);
      expect(zxid).toBeGreaterThan(last);
      last = zxid as bigint;
    }
  },

  'a multi that fails changes nothing and tells which operation failed first, and why': async (
    world,
    scope,
  ) => {
    const session = await connect(world, scope);
    await session.create('/a', bytes('before'));
    await session.create('/full', EMPTY);
    await session.create('/full/child', EMPTY);
    const set = { type: 'set', path: '/a', data: bytes('after') } as const;
    const create = { type: 'create', path: '/new', data: EMPTY } as const;
    const failures = [
      [{ type: 'set', path: '/a', data: EMPTY, version: 7 }, 'BATON_CONFLICT_BAD_VERSION'],
      [{ type: 'check', path: '/a', version: 7 }, 'BATON_CONFLICT_BAD_VERSION'],
      [{ type: 'check', path: '/none', version: 0 }, 'BATON_NOT_FOUND_NODE'],
      [{ type: 'create', path: '/full', data: EMPTY }, 'BATON_CONFLICT_NODE_EXISTS'],
      [{ type: 'create', path: '/none/b', data: EMPTY }, 'BATON_NOT_FOUND_NODE'],
      [{ type: 'delete', path: '/full' }, 'BATON_CONFLICT_NOT_EMPTY'],
      [{ type: 'delete', path: '/none' }, 'BATON_NOT_FOUND_NODE'],
    ] as const;
    for (const [failing, code] of failures) {
      const first = await expectRefusal(session.multi([failing, set, create]), code);
      const middle = await expectRefusal(session.multi([set, failing, create]), code);
      const last = await expectRefusal(session.multi([create, set, failing, failing]), code);
      expect([first['index'], middle['index'], last['index']]).toEqual([0, 1, 2]);
    }
    expect(text((await session.get('/a')).data)).toBe('before');
    expect((await session.exists('/a'))?.version).toBe(0);
    expect(await session.exists('/new')).toBeUndefined();
  },

  'version 0 in a multi means exactly 0, for set, delete and check': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    await session.set('/a', bytes('1'));
    const code = 'BATON_CONFLICT_BAD_VERSION';
    await expectRefusal(session.multi([{ type: 'set', path: '/a', data: EMPTY, version: 0 }]), code);
    await expectRefusal(session.multi([{ type: 'delete', path: '/a', version: 0 }]), code);
    await expectRefusal(session.multi([{ type: 'check', path: '/a', version: 0 }]), code);
    expect(text((await session.get('/a')).data)).toBe('1');
    await session.multi([{ type: 'set', path: '/a', data: bytes('2') }]);
    await session.multi([{ type: 'delete', path: '/a' }]);
    expect(await session.exists('/a')).toBeUndefined();
  },

  'an operation of a multi sees what those before it did': async (world, scope) => {
    const session = await connect(world, scope);
    await session.multi([
      { type: 'create', path: '/dir', data: EMPTY },
      { type: 'create', path: '/dir/a', data: EMPTY },
      { type: 'set', path: '/dir/a', data: bytes('1'), version: 0 },
      { type: 'check', path: '/dir/a', version: 1 },
    ]);
    expect(text((await session.get('/dir/a')).data)).toBe('1');
    await session.multi([
      { type: 'delete', path: '/dir/a', version: 1 },
      { type: 'delete', path: '/dir' },
    ]);
    expect(await session.children('/')).toEqual([]);
  },

  'a move is never seen half': async (world, scope) => {
    const mover = await connect(world, scope);
    const reader = await connect({ primitive: await world.peer() }, scope);
    await mover.create('/a', EMPTY);
    const moves = range(40).map((round) => {
      const [from, to] = round % 2 === 0 ? ['/a', '/b'] : ['/b', '/a'];
      return mover.multi([
        { type: 'delete', path: from as string },
        { type: 'create', path: to as string, data: EMPTY },
      ]);
    });
    const moved = Promise.allSettled(moves);
    for (let look = 0; look < 40; look++) expect(await reader.children('/')).toHaveLength(1);
    expect((await moved).map(({ status }) => status)).toEqual(range(40).map(() => 'fulfilled'));
  },

  'of two sessions that claim by multi exactly one wins, in each of 500 rounds': async (world, scope) => {
    const one = await connect(world, scope);
    const two = await connect({ primitive: await world.peer() }, scope);
    await one.create('/jobs', EMPTY);
    await one.create('/locks', EMPTY);
    await Promise.all(range(500).map((round) => one.create(`/jobs/${round}`, EMPTY)));
    for (let from = 0; from < 500; from += RACES_AT_ONCE)
      await Promise.all(range(RACES_AT_ONCE).map((offset) => race(one, two, from + offset)));
  },
});

async function race(one: CoordinationSession, two: CoordinationSession, round: number): Promise<void> {
  const claim = (session: CoordinationSession) =>
    session.multi([
      { type: 'set', path: `/jobs/${round}`, data: bytes(session.id.toString()), version: 0 },
      { type: 'create', path: `/locks/${round}`, data: bytes(session.id.toString()), ephemeral: true },
    ]);
  // the one that is asked first changes, so that both have a chance
  const order = round % 2 === 0 ? [one, two] : [two, one];
  const outcomes = await Promise.allSettled(order.map(claim));
  const winners = order.filter((_, index) => outcomes[index]?.status === 'fulfilled');
  const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(winners).toHaveLength(1);
  expect(losers.map((loser) => loser.reason as unknown)).toMatchObject([
    { code: 'BATON_CONFLICT_BAD_VERSION', details: { index: 0 } },
  ]);
  const winner = winners[0] as CoordinationSession;
  const won = outcomes.find((outcome) => outcome.status === 'fulfilled');
  const [job, lock] = await Promise.all([winner.get(`/jobs/${round}`), winner.get(`/locks/${round}`)]);
  expect([text(job.data), text(lock.data)]).toEqual([winner.id.toString(), winner.id.toString()]);
  expect([job.stat.version, lock.stat.ephemeralOwner]).toEqual([1, winner.id]);
  expect([job.stat.mzxid, lock.stat.czxid]).toEqual([won?.value.zxid, won?.value.zxid]);
}
