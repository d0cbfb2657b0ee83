import { expect, it } from '@jest/globals';
import { SimulatedDocumentService, SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { openPersistence } from './persistence.js';

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
