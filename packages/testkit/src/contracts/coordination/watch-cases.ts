import { expect } from '@jest/globals';
import type { CoordinationSession, NodeWatcher } from '@baton/core';
import { type Case, casesOf, type Scope } from '../contract.js';
import { bytes, expectRefusal } from '../expectations.js';
import { connect, type CoordinationWorld, noMoreNotices, noticed } from './coordination-world.js';

const EMPTY = new Uint8Array();

interface Watching {
  readonly watcher: NodeWatcher;
  readonly calls: number;
}

function counter(): Watching {
  let calls = 0;
  return {
    watcher: () => void calls++,
    get calls() {
      return calls;
    },
  };
}

/** A session that watches and another client's session that changes. */
async function pair(
  world: CoordinationWorld,
  scope: Scope,
): Promise<[CoordinationSession, CoordinationSession]> {
  const changing = await connect({ primitive: await world.peer() }, scope);
  await changing.create('/a', EMPTY);
  const watching = await connect(world, scope);
  await watching.barrier();
  return [watching, changing];
}

export const watchCases: readonly Case<CoordinationWorld>[] = casesOf<CoordinationWorld>({
  'get notices the next change of the data, once': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const seen = counter();
    await watching.get('/a', seen.watcher);
    await changing.set('/a', bytes('1'));
    await noticed(world, 'notice of a set', () => seen.calls === 1);
    await changing.set('/a', bytes('2'));
    await changing.delete('/a');
    await noMoreNotices(watching);
    expect(seen.calls).toBe(1);
  },

  'get notices the deletion': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const seen = counter();
    await watching.get('/a', seen.watcher);
    await changing.delete('/a');
    await noticed(world, 'notice of a deletion', () => seen.calls === 1);
    await changing.create('/a', EMPTY);
    await noMoreNotices(watching);
    expect(seen.calls).toBe(1);
  },

  'exists notices creation, change and deletion, each time once': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const changes = [
      () => changing.create('/b', EMPTY),
      () => changing.set('/b', bytes('1')),
      () => changing.delete('/b'),
    ];
    for (const change of changes) {
      const seen = counter();
      await watching.exists('/b', seen.watcher);
      await change();
      await noticed(world, 'notice for exists', () => seen.calls === 1);
      await noMoreNotices(watching);
      expect(seen.calls).toBe(1);
    }
  },

  'get of a node that is not there sets no watcher': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const seen = counter();
    await expectRefusal(watching.get('/b', seen.watcher), 'BATON_NOT_FOUND_NODE');
    await expectRefusal(watching.children('/b', seen.watcher), 'BATON_NOT_FOUND_NODE');
    await changing.create('/b', EMPTY);
    await noMoreNotices(watching);
    expect(seen.calls).toBe(0);
  },

  'children notices a child that comes, a child that goes, and the end of the node': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const changes = [
      () => changing.create('/a/c', EMPTY),
      () => changing.delete('/a/c'),
      () => changing.delete('/a'),
    ];
    for (const change of changes) {
      const seen = counter();
      await watching.children('/a', seen.watcher);
      await change();
      await noticed(world, 'notice of children', () => seen.calls === 1);
    }
  },

  'children notices several changes of one multi once': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const seen = counter();
    await watching.children('/a', seen.watcher);
    await changing.multi([
      { type: 'create', path: '/a/x', data: EMPTY },
      { type: 'create', path: '/a/y', data: EMPTY },
    ]);
    await noticed(world, 'notice of a multi', () => seen.calls === 1);
    await noMoreNotices(watching);
    expect(seen.calls).toBe(1);
    expect(await watching.children('/a')).toHaveLength(2);
  },

  'data watchers do not notice children, nor children watchers data or grandchildren': async (
    world,
    scope,
  ) => {
    const [watching, changing] = await pair(world, scope);
    await changing.create('/a/c', EMPTY);
    await watching.barrier();
    const data = counter();
    const children = counter();
    await watching.get('/a', data.watcher);
    await watching.children('/a', children.watcher);
    await changing.create('/a/d', EMPTY);
    await noticed(world, 'notice of children', () => children.calls === 1);
    await watching.children('/a', children.watcher);
    await changing.create('/a/c/g', EMPTY);
    await changing.set('/a/c', bytes('1'));
    await noMoreNotices(watching);
    expect([data.calls, children.calls]).toEqual([0, 1]);
    await changing.set('/a', bytes('1'));
    await noticed(world, 'notice of data', () => data.calls === 1);
    expect(children.calls).toBe(1);
  },

  'a failed multi is not noticed': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const seen = counter();
    await watching.get('/a', seen.watcher);
    await watching.children('/', seen.watcher);
    const failing = changing.multi([
      { type: 'set', path: '/a', data: EMPTY },
      { type: 'create', path: '/b', data: EMPTY },
      { type: 'check', path: '/a', version: 9 },
    ]);
    await expectRefusal(failing, 'BATON_CONFLICT_BAD_VERSION');
    await noMoreNotices(watching);
    expect(seen.calls).toBe(0);
  },

  'the same function on one path counts once, different functions each': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const same = counter();
    const other = counter();
    await watching.get('/a', same.watcher);
    await watching.get('/a', same.watcher);
    await watching.exists('/a', same.watcher);
    await watching.get('/a', other.watcher);
    await changing.set('/a', bytes('1'));
    await noticed(world, 'notice of both', () => same.calls > 0 && other.calls > 0);
    await noMoreNotices(watching);
    expect([same.calls, other.calls]).toEqual([1, 1]);
  },

  'a function can be set again, also while it is called': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    let calls = 0;
    const again = async (): Promise<void> => void (await watching.get('/a', watcher));
    const setting: Promise<void>[] = [];
    const watcher = () => {
      calls++;
      setting.push(again());
    };
    await again();
    for (const round of [1, 2, 3]) {
      await changing.set('/a', bytes(String(round)));
      await noticed(world, `notice ${round}`, () => calls === round);
      await Promise.all(setting);
    }
  },

  'a session notices its own changes': async (world, scope) => {
    const session = await connect(world, scope);
    const seen = counter();
    await session.children('/', seen.watcher);
    await session.create('/a', EMPTY);
    await noticed(world, 'notice of an own change', () => seen.calls === 1);
  },

  'a closed session is told nothing': async (world, scope) => {
    const [watching, changing] = await pair(world, scope);
    const seen = counter();
    await watching.get('/a', seen.watcher);
    await watching.close();
    await changing.set('/a', bytes('1'));
    await noMoreNotices(changing);
    expect(seen.calls).toBe(0);
  },

  'the end of a session is noticed by those who watch its ephemerals': async (world, scope) => {
    const [watching, owner] = await pair(world, scope);
    await owner.create('/a/lock', EMPTY, { ephemeral: true });
    await watching.barrier();
    const lock = counter();
    const directory = counter();
    await watching.exists('/a/lock', lock.watcher);
    await watching.children('/a', directory.watcher);
    await owner.close();
    await noticed(world, 'notice of the lock', () => lock.calls === 1 && directory.calls === 1);
  },
});
