import { describe, expect, it } from '@jest/globals';
import { linear, task } from '@baton/flow';
import {
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  fakeRuntime,
} from '@baton/testkit';
import { Client } from './client.js';

const flow = linear('f').add(task('a', { execute: () => undefined }));

/** No conductor runs: what is posted stays as it is. */
function newClient() {
  const runtime = fakeRuntime();
  const client = new Client({
    runtime,
    coordination: new SimulatedCoordination(runtime, { service: new SimulatedCoordinationService(runtime) }),
    store: new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) }),
    board: 'default',
    clientId: 'client',
  });
  return { client, drive: <T>(promise: Promise<T>): Promise<T> => runtime.clock.drive(promise) };
}

describe('the client', () => {
  it('shows a cancel that nobody has applied yet', async () => {
    const { client, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    expect((await drive(client.job('j'))).pending).toEqual([]);
    await drive(client.cancel('j', { by: 'me', reason: 'enough' }));
    expect((await drive(client.job('j'))).pending).toEqual([
      {
        n: 1,
        command: 'cancel',
        arguments: { revert: true },
        by: 'me',
        reason: 'enough',
        atMs: expect.any(Number),
      },
    ]);
    await drive(client.close());
  });

  it('refuses what cannot be the id of a job before it asks any service', async () => {
    const { client } = newClient();
    const asks = [
      (id: string) => client.job(id),
      (id: string) => client.wait(id),
      (id: string) => client.cancel(id),
      (id: string) => client.watch(id).next(),
    ];
    for (const ask of asks)
      for (const id of ['../x', '', 'a/b'])
        await expect(ask(id)).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
  });
});
