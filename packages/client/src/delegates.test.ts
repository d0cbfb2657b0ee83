import { expect, it } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import type { RoutedFlowDefinition } from '@baton/flow';
import { openPersistence } from '@baton/persistence';
import { fakeRuntime, SimulatedDocumentService, SimulatedDocumentStore } from '@baton/testkit';
import { listDelegates } from './delegates.js';

const flow: RoutedFlowDefinition = {
  schemaVersion: 1,
  root: { kind: 'routed', name: 'f', atoms: [{ name: 'ask', delegate: 'approve' }] },
};

/** Documents of the read model, newest first: those that wait have definition `good`, `bad` or none. */
async function makeWorld(waiting: readonly (string | undefined)[]) {
  const runtime = fakeRuntime();
  const service = new SimulatedDocumentService(runtime);
  const store = new SimulatedDocumentStore(runtime, { service });
  const drive = runtime.clock.drive.bind(runtime.clock);
  const persistence = await drive(openPersistence({ store, runtime, clusterId: 'c' }));
  const hashes = {
    good: await drive(persistence.definitions.put(JSON.stringify(flow))),
    bad: await drive(persistence.definitions.put('{"schemaVersion":99}')),
  };
  const documents = waiting.map((definition, index) => ({
    ...{
      _id: `j${String(2_000 - index)}`,
      state: 'RUNNING',
      outcome: null,
      owner: null,
      fence: '0.0',
      seq: 3,
    },
    ...{ claims: 1, postedAt: 0, updatedAt: 0, waitsFor: definition === undefined ? null : 'delegate' },
    definitionHash: hashes[definition as 'good'] ?? 'ff'.repeat(32),
    body: JSON.stringify({
      ...{ name: 'f', counts: {}, failures: [] },
      ...(definition !== undefined && { delegates: [{ atom: 'ask', attempt: 1, sinceMs: 0 }] }),
    }),
  }));
  await drive(store.insert('flow_details', documents));
  return { persistence, drive, runtime };
}

it('jobs that wait for nobody are not read, and a definition that cannot be read leaves its delegates without a name', async () => {
  const others = Array.from({ length: 500 }, () => undefined);
  const { persistence, drive } = await makeWorld(['good', ...others, 'bad', 'lost', 'good']);
  const first = await drive(listDelegates(persistence, { limit: 3 }));
  expect(first.delegates.map(({ jobId, delegate }) => [jobId, delegate])).toEqual([
    ['j2000', 'approve'],
    ['j1499', ''],
    ['j1498', ''],
  ]);
  const rest = await drive(listDelegates(persistence, { limit: 3, after: first.next ?? '' }));
  expect(rest.delegates).toMatchObject([{ jobId: 'j1497', delegate: 'approve' }]);
  expect(rest.next).toBeUndefined();
});

it('a store that is away is told', async () => {
  const { persistence, drive } = await makeWorld(['good']);
  const away = () => Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));
  const { readModels } = persistence;
  await expect(
    drive(listDelegates({ readModels, definitions: { get: away } as never }, { limit: 3 })),
  ).rejects.toThrow('away');
});
