import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DocumentStore } from '@baton/core';
import { CapturingLogger } from '@baton/testkit';
import { documentStoreContract, journalSuite, type DocumentStoreWorld } from '@baton/testkit/suites';
import { MongoClient } from 'mongodb';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { startServices, type Services } from '../../../../test/support/services/start-services.js';
import { MongoDocumentStore } from './mongo-document-store.js';

/** Two databases of this world's own, dropped at its end. */
async function openWorld(url: string): Promise<DocumentStoreWorld> {
  const databases = [0, 1].map(() => `baton-test-${randomUUID()}`);
  const opened: DocumentStore[] = [];
  const open = (database = ''): DocumentStore => {
    const store = new MongoDocumentStore({ url, database, logger: new CapturingLogger() });
    opened.push(store);
    return store;
  };
  return {
    primitive: open(databases[0]),
    peer: async () => open(databases[0]),
    elsewhere: async () => open(databases[1]),
    async dispose() {
      await Promise.all(opened.map((store) => store.close()));
      const admin = new MongoClient(url);
      for (const database of databases) await admin.db(database).dropDatabase();
      await admin.close();
    },
  };
}

const given = (): Promise<DocumentStoreWorld> => openWorld(realServices().mongodb);
documentStoreContract('MongoDocumentStore', given);
journalSuite('MongoDocumentStore', given);

// what many processes change at once took all connections of FerretDB to its own database, for good
it('many processes change many documents at once', async () => {
  const { peer, dispose } = await given();
  const stores = await Promise.all(Array.from({ length: 12 }, () => peer()));
  await stores[0]?.ensureCollections([{ name: 'changed' }]);
  const documents = (store: number, call: number) =>
    Array.from({ length: 10 }, (_, n) => ({ _id: `${store}-${call}-${n}`, at: call }));
  const replaced = stores.flatMap((store, index) =>
    Array.from({ length: 40 }, (_, call) => store.replace('changed', documents(index, call % 16))),
  );
  await Promise.all(replaced);
  expect((await stores[0]?.find('changed', { limit: 2_000 }))?.length).toBe(12 * 16 * 10);
  await dispose();
}, 60_000);

// FerretDB, which the tests run on where nothing else is given, is asked for ids one by one: here MongoDB's way is taken, `$in`
let services: Services;
beforeAll(async () => {
  services = await startServices({ only: ['mongodb'], store: 'mongo-java-server' });
}, 300_000);
afterAll(() => services.stop());
const indexed = (): Promise<DocumentStoreWorld> => openWorld(services.endpoints.mongodb as string);
documentStoreContract('MongoDocumentStore on mongo-java-server', indexed);
journalSuite('MongoDocumentStore on mongo-java-server', indexed);
