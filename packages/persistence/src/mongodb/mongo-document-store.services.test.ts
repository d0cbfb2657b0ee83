import { randomUUID } from 'node:crypto';
import { afterAll } from '@jest/globals';
import type { DocumentStore } from '@baton/core';
import { CapturingLogger } from '@baton/testkit';
import { documentStoreContract, journalSuite, type DocumentStoreWorld } from '@baton/testkit/suites';
import { MongoClient } from 'mongodb';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { MongoDocumentStore } from './mongo-document-store.js';

const url = realServices().mongodb;
const admin = new MongoClient(url);
afterAll(() => admin.close());

/** Two databases of this world's own, dropped at its end. */
async function openWorld(): Promise<DocumentStoreWorld> {
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
      for (const database of databases) await admin.db(database).dropDatabase();
    },
  };
}

documentStoreContract('MongoDocumentStore', openWorld);
journalSuite('MongoDocumentStore', openWorld);
