import { expect, it } from '@jest/globals';
import type { FindQuery } from '@baton/core';
import { SimulatedDocumentService, SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { openPersistence } from './persistence.js';

it('a command that is given twice under one key is stored once, whoever came between; another one under that key is refused', async () => {
  const runtime = fakeRuntime();
  const store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
  const { drive } = runtime.clock;
  const on = drive.bind(runtime.clock);
  const persistence = await on(openPersistence({ store, runtime, clusterId: 'c' }));
  const { commands } = persistence;
  const cancel = { command: 'cancel', arguments: { revert: true } };
  const twice = Promise.all([commands.append('f', cancel, 'k'), commands.append('f', cancel, 'k')]);
  expect(await on(twice)).toEqual([1, 1]);
  expect(await on(commands.append('f', cancel))).toBe(2);
  expect(await on(commands.append('f', cancel, 'k'))).toBe(1);
  expect(await on(commands.find('f', cancel, 'k'))).toBe(1);
  expect(await on(commands.find('f', cancel, 'other'))).toBeUndefined();
  expect(await on(commands.append('g', { command: 'other' }, 'k'))).toBe(1);
  expect(await on(commands.append('f', { ...cancel, by: 'somebody else' }, 'k'))).toBe(1);
  const refused = on(commands.append('f', { ...cancel, arguments: { revert: 7 } }, 'k'));
  await expect(refused).rejects.toMatchObject({ code: 'BATON_CONFLICT_KEY_REUSED' });
  expect(await on(commands.after('f', 0))).toHaveLength(2);
  persistence.close();
});

/** Counts what is read. */
class CountingStore extends SimulatedDocumentStore {
  read = 0;
  override async find(collection: string, query: FindQuery) {
    const found = await super.find(collection, query);
    this.read += found.length;
    return found;
  }
}

it('each of many commands of one flow costs the same, to give and to take in', async () => {
  const runtime = fakeRuntime();
  const service = new SimulatedDocumentService(runtime);
  const store = new CountingStore(runtime, { service });
  const { commands } = await runtime.clock.drive(openPersistence({ store, runtime, clusterId: 'c' }));
  const given = Array.from({ length: 1_000 }, (_, n) => ({ command: 'child-settled', arguments: { n } }));
  const numbers = await runtime.clock.drive(
    Promise.all(given.map((command, n) => commands.append('f', command, `k${n}`))),
  );
  expect(numbers).toEqual(given.map((_, n) => n + 1));
  expect(store.read).toBe(0);
  const { commands: elsewhere } = await runtime.clock.drive(
    openPersistence({ store, runtime, clusterId: 'c' }),
  );
  expect(await runtime.clock.drive(elsewhere.append('f', { command: 'cancel' }))).toBe(1_001);
  const last = await runtime.clock.drive(commands.after('f', 999));
  expect(last.map(({ n }) => n)).toEqual([1_000, 1_001]);
  expect(store.read).toBeLessThanOrEqual(3);
});

it('a command whose giver died behind its key is stored once, by all who give it again', async () => {
  const runtime = fakeRuntime();
  const service = new SimulatedDocumentService(runtime);
  const open = async () => {
    const store = new SimulatedDocumentStore(runtime, { service });
    return runtime.clock.drive(openPersistence({ store, runtime, clusterId: 'c' }));
  };
  const [one, other] = [await open(), await open()];
  const cancel = { command: 'cancel' };
  const body = JSON.stringify(cancel);
  const store = new SimulatedDocumentStore(runtime, { service });
  await runtime.clock.drive(store.insert('command_keys', [{ _id: 'f:key:k', flowId: 'f', body }]));
  expect(await runtime.clock.drive(one.commands.find('f', cancel, 'k'))).toBeUndefined();
  const twice = [one, other].map(({ commands }) => commands.append('f', cancel, 'k'));
  const between = one.commands.append('f', { command: 'suspend' });
  const [first, second] = await runtime.clock.drive(Promise.all(twice));
  await runtime.clock.drive(between);
  expect(first).toBe(second);
  expect(await runtime.clock.drive(one.commands.after('f', 0))).toHaveLength(2);
});

it.each(['by', 'reason'])(
  'a command whose %s is longer than an owner should write down is refused',
  async (text) => {
    const runtime = fakeRuntime();
    const store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
    const persistence = await runtime.clock.drive(openPersistence({ store, runtime, clusterId: 'c' }));
    const { commands } = persistence;
    const command = { command: 'cancel', [text]: 'ü'.repeat(512) };
    expect(await runtime.clock.drive(commands.append('f', command))).toBe(1);
    const longer = { ...command, [text]: 'ü'.repeat(512) + '!' };
    await expect(commands.append('f', longer)).rejects.toThrow(new RegExp(`"${text}" .* 1025 bytes`));
    await expect(commands.append('f', longer)).rejects.toMatchObject({ code: 'BATON_INPUT_TOO_LARGE' });
    expect(await runtime.clock.drive(commands.after('f', 0))).toHaveLength(1);
    persistence.close();
  },
);
