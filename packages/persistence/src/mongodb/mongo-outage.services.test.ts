import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CapturingLogger, FaultProxy, eventually, realRuntime } from '@baton/testkit';
import { fenceOf, postEntry, turnEntry } from '@baton/testkit/suites';
import { MongoClient } from 'mongodb';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { openPersistence, type Persistence } from '../persistence.js';
import { MongoDocumentStore } from './mongo-document-store.js';

const isInsert = (request: Buffer): boolean => request.includes('insert') && request.includes('journal');

describe('the journal on a store behind a bad network', () => {
  const database = `baton-test-${randomUUID()}`;
  const { mongodb } = realServices();
  let proxy: FaultProxy;
  let logger: CapturingLogger;
  let store: MongoDocumentStore;
  let persistence: Persistence;

  beforeEach(async () => {
    proxy = await FaultProxy.start(new URL(mongodb).host);
    logger = new CapturingLogger();
    store = new MongoDocumentStore({ url: `mongodb://${proxy.address}/`, database, logger });
    persistence = await openPersistence({ store, runtime: realRuntime() });
  });

  afterEach(async () => {
    await proxy.pass();
    persistence.close();
    await store.close();
    await proxy.close();
    const admin = new MongoClient(mongodb);
    await admin.db(database).dropDatabase();
    await admin.close();
  });

  it('accepts its own entry when the answer was lost after it was stored', async () => {
    const flowId = randomUUID();
    proxy.cutReplyTo(isInsert);
    expect(await persistence.journal.append(postEntry(flowId))).toBe('accepted');
    expect((await persistence.journal.load(flowId)).entries).toHaveLength(1);
  });

  it('accepts its own entry when the request was lost', async () => {
    const flowId = randomUUID();
    proxy.cutRequest(isInsert);
    expect(await persistence.journal.append(postEntry(flowId))).toBe('accepted');
    expect((await persistence.journal.load(flowId)).entries).toHaveLength(1);
  });

  it('goes on by itself after an outage, and the outage is logged once', async () => {
    const flowId = randomUUID();
    await proxy.refuse();
    const appending = persistence.journal.append(postEntry(flowId));
    const loading = persistence.journal.load(flowId);
    await eventually(() => logger.messages('warn').includes('store.unreachable'));
    await proxy.pass();
    expect(await appending).toBe('accepted');
    expect((await loading).flowId).toBe(flowId);
    await eventually(() => logger.messages('info').filter((line) => line === 'store.reachable').length === 2);
    expect(logger.messages('warn')).toEqual(['store.unreachable']);
  });

  it('is connected to once the server is there, however late that is', async () => {
    await proxy.refuse();
    const early = new MongoDocumentStore({ url: `mongodb://${proxy.address}/`, database, logger });
    try {
      await expect(early.get('journal', ['x'])).rejects.toThrow('ECONNREFUSED');
      // by now the driver has closed itself; the reason is still the first one
      await expect(early.get('journal', ['x'])).rejects.toThrow('ECONNREFUSED');
      await proxy.pass();
      await eventually(async () => (await early.get('journal', ['x']).catch(() => [])).length === 1);
    } finally {
      await early.close();
    }
  });

  it('says within 3 s that nothing answers', async () => {
    await proxy.refuse();
    const startedMs = performance.now();
    const [verdicts, read] = await Promise.allSettled([
      store.insert('journal', [{ _id: randomUUID() }]),
      store.get('journal', ['x']),
    ]);
    expect(performance.now() - startedMs).toBeLessThan(3_500);
    expect(verdicts).toMatchObject({ status: 'fulfilled', value: [{ verdict: 'unknown' }] });
    expect(read).toMatchObject({
      status: 'rejected',
      reason: { code: expect.stringMatching(/^BATON_UNAVAILABLE_(DISC|OUTCOME)/) },
    });
  });

  it('does not call an insert refused that a stopped server carries out when it goes on', async () => {
    await store.get('journal', ['x']);
    const document = { _id: randomUUID() };
    proxy.blackHole();
    expect(await store.insert('journal', [document])).toMatchObject([
      {
        verdict: 'unknown',
        cause: { code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN', cause: { name: 'PoolClearedOnNetworkError' } },
      },
    ]);
    await proxy.pass();
    await eventually(
      async () => (await store.get('journal', [document._id]).catch(() => []))[0] !== undefined,
    );
  });

  it('lets the others through when the server refuses one document', async () => {
    const nested = { _id: randomUUID(), value: [[1]] as unknown as string };
    const fine = Array.from({ length: 3 }, () => ({ _id: randomUUID() }));
    const verdicts = await store.insert('journal', [...fine.slice(0, 1), nested, ...fine.slice(1)]);
    const found = verdicts.map(({ verdict }) => verdict);
    // FerretDB refuses arrays inside arrays; MongoDB takes them
    expect(found).toEqual(['stored', expect.stringMatching(/refused|stored/), 'stored', 'stored']);
    const turn = turnEntry({ flowId: randomUUID(), seq: 0, fence: fenceOf(1) });
    expect(await persistence.journal.append(turn)).toBe('accepted');
  });
});
