import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import { linear, task } from '@baton/flow';
import { openPersistence } from '@baton/persistence';
import {
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  fakeRuntime,
} from '@baton/testkit';
import { claimEntry, fenceOf, terminalEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { Client } from './client.js';

const flow = linear('f').add(task('a', { execute: () => undefined }));

/** Answers nothing while it is away. */
class FlickeringStore extends SimulatedDocumentStore {
  isAway = false;

  #answer<T>(work: () => Promise<T>): Promise<T> {
    return this.isAway
      ? Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the store is away'))
      : work();
  }

  override ensureCollections(...args: Parameters<SimulatedDocumentStore['ensureCollections']>) {
    return this.#answer(() => super.ensureCollections(...args));
  }

  override get(...args: Parameters<SimulatedDocumentStore['get']>) {
    return this.#answer(() => super.get(...args));
  }

  override find(...args: Parameters<SimulatedDocumentStore['find']>) {
    return this.#answer(() => super.find(...args));
  }
}

/** The job `j` is posted and has ended, which a new client finds out; `told` is what it says about the services. */
async function newWorld() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const drive = <T>(promise: Promise<T>): Promise<T> => clock.drive(promise);
  const store = new FlickeringStore(runtime, { service: new SimulatedDocumentService(runtime) });
  const coordination = new SimulatedCoordination(runtime, {
    service: new SimulatedCoordinationService(runtime),
  });
  const newClient = () => new Client({ runtime, coordination, store, board: 'default', clientId: 'c' });
  const poster = newClient();
  await drive(poster.post(flow, { key: 'j' }));
  await drive(poster.close());
  const session = await drive(coordination.connect({ timeoutMs: 60_000 }));
  const owner = await drive(openPersistence({ store, runtime }));
  const end = async (): Promise<void> => {
    await owner.journal.append(claimEntry({ flowId: 'j', seq: 1, fence: fenceOf(1) }));
    await owner.journal.append(terminalEntry({ flowId: 'j', seq: 2, fence: fenceOf(1) }, 'SUCCESS'));
    for (const bucket of await session.children('/boards/default/jobs'))
      for (const name of await session.children(`/boards/default/jobs/${bucket}`))
        await session.delete(`/boards/default/jobs/${bucket}/${name}`);
  };
  const client = newClient();
  const told: string[] = [];
  const listener = {
    onOutage: (error: Error) => void told.push(error.message),
    onRecovery: () => void told.push('back'),
  };
  const awayFor = (ms: number): void => {
    store.isAway = true;
    clock.setTimer(ms, () => void (store.isAway = false));
  };
  const close = async (): Promise<void> => {
    await drive(client.close());
    await drive(session.close());
    owner.close();
  };
  return { clock, drive, client, end, told, listener, awayFor, close };
}

describe('while the store is away', () => {
  let world: Awaited<ReturnType<typeof newWorld>>;
  beforeEach(async () => void (world = await newWorld()));
  afterEach(() => world.close());

  it.each([12_000, 45_000])(
    'a client that waits for a job goes on (from its start, for %d ms)',
    async (ms) => {
      const { client, drive, end, told, listener, awayFor } = world;
      await drive(end());
      awayFor(ms);
      const { outcome } = await drive(client.wait('j', { timeoutMs: 110_000, ...listener }));
      expect(outcome).toBe('SUCCESS');
      expect(told).toEqual(['the store did not answer within 5000 ms', 'back']);
    },
  );

  it('so does one that waits already when the store goes away, and the job ends', async () => {
    const { clock, client, drive, end, told, listener, awayFor } = world;
    const waiting = client.wait('j', { timeoutMs: 110_000, ...listener });
    await clock.advance(3_000);
    awayFor(45_000);
    await drive(end());
    expect((await drive(waiting)).outcome).toBe('SUCCESS');
    expect(told).toEqual(['the store is away', 'back']);
  });

  it('so does one that watches a job', async () => {
    const { client, drive, end, told, listener, awayFor } = world;
    await drive(end());
    const seen: string[] = [];
    awayFor(12_000);
    const watching = (async () => {
      for await (const { kind } of client.watch('j', listener)) {
        seen.push(kind);
        if (kind === 'claim') awayFor(45_000);
      }
    })();
    await drive(watching);
    expect(seen).toEqual(['post', 'claim', 'terminal']);
    expect(told.slice(0, 2)).toEqual(['the store did not answer within 5000 ms', 'back']);
  });

  it('the time-out names the job, and what is away', async () => {
    const { clock, client, drive, listener, awayFor } = world;
    awayFor(1_000_000);
    const since = clock.monotonicMs();
    await expect(drive(client.wait('j', { timeoutMs: 20_000, ...listener }))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_DEADLINE',
      message: 'job j did not end within 20s, as far as is known: the store did not answer within 5000 ms',
    });
    expect(clock.monotonicMs() - since).toBe(20_000);
  });

  it('a client that is closed, or told to stop, waits no longer', async () => {
    const { clock, client, drive, awayFor } = world;
    awayFor(1_000_000);
    const controller = new AbortController();
    const aborted = expect(client.wait('j', { signal: controller.signal })).rejects.toThrow('enough');
    const closed = expect(client.watch('j').next()).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_DISCONNECTED',
    });
    await clock.advance(20_000);
    controller.abort(new Error('enough'));
    await aborted;
    await drive(client.close());
    await drive(closed);
  });
});
