/** H48: what a primary alone has taken may be rolled back, so every write asks for a majority, and for its journal. */
import { afterEach, expect, it, jest } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { Db } from 'mongodb';
import { MongoDocumentStore } from './mongo-document-store.js';

afterEach(() => void jest.restoreAllMocks());

it('every write that the driver is given asks for a majority and its journal', async () => {
  const command = jest.spyOn(Db.prototype, 'command').mockResolvedValue({ ok: 1, n: 1 });
  const url = 'mongodb://127.0.0.1:1/?w=0&journal=false'; // whatever the url says
  const store = new MongoDocumentStore({ url, database: 'd', logger: new CapturingLogger() });
  await store.insert('journal', [{ _id: 'a' }]);
  await store.replace('flows', [{ _id: 'a' }]);
  await store.delete('flows', ['a']);
  await store.close();
  const writes = command.mock.calls.map(([write]) => write).filter((write) => !('buildInfo' in write));
  expect(writes.map((write) => Object.keys(write)[0])).toEqual(['insert', 'update', 'delete']);
  for (const write of writes) expect(write).toMatchObject({ writeConcern: { w: 'majority', j: true } });
});
