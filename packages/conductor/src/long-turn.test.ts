import { afterEach, describe, expect, it } from '@jest/globals';
import type { DocumentStore } from '@baton/core';
import type { RoutedDefinition } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster } from './fixtures/cluster.js';

const text = 'x'.repeat(7_000);
const names = Array.from({ length: 60 }, (_, n) => `next${n}`);
const root: RoutedDefinition = {
  kind: 'routed',
  name: 'f',
  atoms: [
    { name: 'ask', delegate: 'ask', onSuccess: { next: names.map((to) => ({ to })) } },
    ...names.map((name) => ({
      name,
      publish: { branch: { text } },
      onSuccess: { next: [{ to: `after-${name}` }] },
    })),
    ...names.map((name) => ({ name: `after-${name}`, delegate: 'next' })),
  ],
};

describe('a turn of several entries', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  it('keeps the command it came from when its owner dies behind the first of them', async () => {
    cluster = new Cluster();
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    let partsLeft = Infinity;
    let isCut = false;
    const dying: DocumentStore = {
      ensureCollections: (collections) => store.ensureCollections(collections),
      insert: (collection, documents) => {
        if (collection !== 'journal' || partsLeft-- > 0) return store.insert(collection, documents);
        isCut = true;
        return new Promise(() => undefined);
      },
      get: (collection, ids) => store.get(collection, ids),
      find: (collection, query) => store.find(collection, query),
      replace: (collection, documents) => store.replace(collection, documents),
      delete: (collection, ids) => store.delete(collection, ids),
      close: () => store.close(),
    };
    const owner = cluster.conductor('c1', { drainTimeoutMs: 1_000 }, { store: dying });
    const jobId = await cluster.drive(cluster.client.post({ schemaVersion: 1, root }));
    const waiting = async () =>
      (await cluster.drive(cluster.client.job(jobId))).atoms.filter(({ delegate }) => delegate !== undefined);
    await cluster.runtime.clock.advance(1_000);
    expect((await waiting()).map(({ name }) => name)).toEqual(['ask']);

    partsLeft = 1;
    await cluster.drive(cluster.client.answerDelegate(jobId, { atom: 'ask', value: 'yes' }));
    await cluster.runtime.clock.advanceUntil(() => isCut);
    expect(await cluster.drive(cluster.client.job(jobId))).toMatchObject({
      commands: [],
      pending: [{ n: 1 }],
    });
    cluster.conductor('c2');
    await cluster.drive(owner.stop());
    await cluster.runtime.clock.advance(10_000);

    expect(await waiting()).toHaveLength(names.length);
    expect(await cluster.drive(cluster.client.job(jobId))).toMatchObject({
      commands: [{ n: 1 }],
      pending: [],
    });
  });
});
