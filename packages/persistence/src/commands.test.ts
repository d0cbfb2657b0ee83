import { expect, it } from '@jest/globals';
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
