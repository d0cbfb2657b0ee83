import { expect } from '@jest/globals';
import { type Case, casesOf } from '../contract.js';
import { binary, bytes, expectRefusal, range, text } from '../expectations.js';
import { connect, type CoordinationWorld } from './coordination-world.js';

const EMPTY = new Uint8Array();

const BAD_PATHS = ['', 'a', '/a/', '//', '//a', '/a//b', '/.', '/..', '/a/./b', '/a/../b', '/a\u0000b'];

export const nodeCases: readonly Case<CoordinationWorld>[] = casesOf<CoordinationWorld>({
  'the root is there and empty at the start': async (world, scope) => {
    const session = await connect(world, scope);
    expect(await session.children('/')).toEqual([]);
    await expectRefusal(session.create('/', EMPTY), 'BATON_CONFLICT_NODE_EXISTS');
  },

  'a created node has its data, version 0, no owner, and one transaction as its beginning': async (
    world,
    scope,
  ) => {
    const session = await connect(world, scope);
    await session.create('/a', bytes('one'));
    const { data, stat } = await session.get('/a');
    expect(text(data)).toBe('one');
    expect(stat.version).toBe(0);
    expect(stat.ephemeralOwner).toBe(0n);
    expect(stat.czxid).toBeGreaterThan(0n);
    expect(stat.mzxid).toBe(stat.czxid);
    expect(stat.mtimeMs).toBe(stat.ctimeMs);
    expect(stat.ctimeMs).toBeGreaterThan(1_600_000_000_000);
  },

  'set raises the version by one and gives the new stat; later changes have higher transactions': async (
    world,
    scope,
  ) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    const first = await session.set('/a', bytes('1'));
    const second = await session.set('/a', bytes('2'));
    const { data, stat } = await session.get('/a');
    expect([first.version, second.version]).toEqual([1, 2]);
    expect(text(data)).toBe('2');
    expect(stat).toEqual(second);
    expect(second.mzxid).toBeGreaterThan(first.mzxid);
    expect(first.mzxid).toBeGreaterThan(first.czxid);
    expect(second.czxid).toBe(first.czxid);
    expect(await session.exists('/a')).toEqual(second);
  },

  'data is exact for any bytes, also none and 500 KiB': async (world, scope) => {
    const session = await connect(world, scope);
    for (const [index, data] of [EMPTY, binary(256), binary(500 * 1024)].entries()) {
      await session.create(`/n${index}`, data);
      expect(Buffer.compare((await session.get(`/n${index}`)).data, data)).toBe(0);
      await session.set(`/n${index}`, binary(data.length, 7));
      expect(Buffer.compare((await session.get(`/n${index}`)).data, binary(data.length, 7))).toBe(0);
    }
  },

  'bytes are taken when the operation is called and given as a copy': async (world, scope) => {
    const session = await connect(world, scope);
    const given = bytes('before');
    const creating = session.create('/a', given);
    given.fill(0);
    await creating;
    const { data } = await session.get('/a');
    expect(text(data)).toBe('before');
    data.fill(0);
    expect(text((await session.get('/a')).data)).toBe('before');
  },

  'version 0 means exactly 0; undefined means any': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    await session.set('/a', bytes('1'), 0);
    await expectRefusal(session.set('/a', bytes('no'), 0), 'BATON_CONFLICT_BAD_VERSION');
    await expectRefusal(session.delete('/a', 0), 'BATON_CONFLICT_BAD_VERSION');
    await expectRefusal(session.set('/a', bytes('no'), 2), 'BATON_CONFLICT_BAD_VERSION');
    expect(text((await session.get('/a')).data)).toBe('1');
    await session.set('/a', bytes('2'), 1);
    await session.set('/a', bytes('3'));
    await session.delete('/a', 3);
    expect(await session.exists('/a')).toBeUndefined();
  },

  'a node made again starts at version 0 with a higher transaction': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    const before = await session.set('/a', EMPTY);
    await session.delete('/a');
    await session.create('/a', EMPTY);
    const after = await session.exists('/a');
    expect(after?.version).toBe(0);
    expect(after?.czxid).toBeGreaterThan(before.mzxid);
  },

  'what is not there, there already, or not empty is told by its code, and nothing changes': async (
    world,
    scope,
  ) => {
    const session = await connect(world, scope);
    await session.create('/a', bytes('kept'));
    await session.create('/a/b', EMPTY);
    await expectRefusal(session.create('/a', bytes('new')), 'BATON_CONFLICT_NODE_EXISTS');
    await expectRefusal(session.create('/none/b', EMPTY), 'BATON_NOT_FOUND_NODE');
    await expectRefusal(session.get('/none'), 'BATON_NOT_FOUND_NODE');
    await expectRefusal(session.children('/none'), 'BATON_NOT_FOUND_NODE');
    await expectRefusal(session.set('/none', EMPTY), 'BATON_NOT_FOUND_NODE');
    await expectRefusal(session.delete('/none'), 'BATON_NOT_FOUND_NODE');
    await expectRefusal(session.delete('/a'), 'BATON_CONFLICT_NOT_EMPTY');
    expect(await session.exists('/none')).toBeUndefined();
    const { data, stat } = await session.get('/a');
    expect([text(data), stat.version]).toEqual(['kept', 0]);
    await session.delete('/a/b');
    await session.delete('/a');
    expect(await session.children('/')).toEqual([]);
  },

  'children are names, complete for 1,000 of them, without grandchildren': async (world, scope) => {
    const session = await connect(world, scope);
    const names = range(1_000).map((n) => `child-${n}`);
    await session.create('/dir', EMPTY);
    await Promise.all(names.map((name) => session.create(`/dir/${name}`, EMPTY)));
    await session.create('/dir/child-7/grandchild', EMPTY);
    expect([...(await session.children('/dir'))].sort()).toEqual([...names].sort());
    expect(await session.children('/dir/child-7')).toEqual(['grandchild']);
    expect(await session.children('/dir/child-8')).toEqual([]);
  },

  'names may hold any letters': async (world, scope) => {
    const session = await connect(world, scope);
    const names = ['a b', 'J1.0', 'ünïcode-名前', '..a', '%2F', 'a'.repeat(140)];
    await session.create('/dir', EMPTY);
    for (const name of names) await session.create(`/dir/${name}`, bytes(name));
    expect([...(await session.children('/dir'))].sort()).toEqual([...names].sort());
    for (const name of names) expect(text((await session.get(`/dir/${name}`)).data)).toBe(name);
  },

  'a bad path is an InputError and costs nothing': async (world, scope) => {
    const session = await connect(world, scope);
    for (const path of BAD_PATHS) {
      await expectRefusal(session.create(path, EMPTY), 'BATON_INPUT_INVALID');
      await expectRefusal(session.get(path), 'BATON_INPUT_INVALID');
      await expectRefusal(session.exists(path), 'BATON_INPUT_INVALID');
      await expectRefusal(session.children(path), 'BATON_INPUT_INVALID');
      await expectRefusal(session.set(path, EMPTY), 'BATON_INPUT_INVALID');
      await expectRefusal(session.delete(path), 'BATON_INPUT_INVALID');
      await expectRefusal(session.multi([{ type: 'check', path, version: 0 }]), 'BATON_INPUT_INVALID');
    }
    await expectRefusal(session.delete('/'), 'BATON_INPUT_INVALID');
    expect(session.state).toBe('connected');
    expect(await session.children('/')).toEqual([]);
  },

  'more than a request may hold is refused before sending, and the session goes on': async (world, scope) => {
    const session = await connect(world, scope);
    await session.create('/a', EMPTY);
    const tooMuch = new Uint8Array(1024 * 1024 + 1);
    const tooMuchForTwo = new Uint8Array(600 * 1024);
    await expectRefusal(session.create('/b', tooMuch), 'BATON_INPUT_TOO_LARGE');
    await expectRefusal(session.set('/a', tooMuch), 'BATON_INPUT_TOO_LARGE');
    await expectRefusal(
      session.multi([
        { type: 'set', path: '/a', data: tooMuchForTwo },
        { type: 'create', path: '/b', data: tooMuchForTwo },
      ]),
      'BATON_INPUT_TOO_LARGE',
    );
    expect(session.state).toBe('connected');
    expect(await session.exists('/b')).toBeUndefined();
    expect((await session.exists('/a'))?.version).toBe(0);
  },

  'another root sees nothing of this one': async (world, scope) => {
    const here = await connect(world, scope);
    const there = await connect({ primitive: await world.elsewhere() }, scope);
    await here.create('/a', bytes('here'));
    expect(await there.children('/')).toEqual([]);
    await there.create('/a', bytes('there'));
    expect(text((await here.get('/a')).data)).toBe('here');
    const details = await expectRefusal(there.create('/a', EMPTY), 'BATON_CONFLICT_NODE_EXISTS');
    expect(details['path'] ?? '/a').toBe('/a');
  },

  'another client of the same root sees the same': async (world, scope) => {
    const one = await connect(world, scope);
    const other = await connect({ primitive: await world.peer() }, scope);
    await one.create('/a', bytes('1'));
    await other.barrier();
    expect(text((await other.get('/a')).data)).toBe('1');
  },
});
