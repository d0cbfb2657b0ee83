import { describe, expect, it } from '@jest/globals';
import type { StoredDocument } from '@baton/core';
import { expectRefusal, range } from '../../contracts/expectations.js';
import { fakeRuntime } from '../../runtime/runtimes.js';
import { SimulatedDocumentStore } from './simulated-document-store.js';

const BATCH = range(6).map((n) => ({ _id: `n-${n}` }));

async function setUp() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const store = new SimulatedDocumentStore(runtime);
  const { service } = store;
  const drive = <T>(promise: Promise<T>) => clock.drive(promise, { withinMs: 100 });
  await drive(store.ensureCollections([{ name: 'c', indexes: ['group'] }]));
  const insert = async (documents: readonly StoredDocument[] = BATCH) =>
    (await drive(store.insert('c', documents))).map(({ verdict }) => verdict);
  const ids = () => service.documentsOf('c').map(({ _id }) => _id);
  return { clock, store, service, drive, insert, ids };
}

const UNKNOWN = range(6).map(() => 'unknown');

describe('SimulatedDocumentStore under faults', () => {
  it('lose-reply: stored, unknown; repeated, duplicate', async () => {
    const { service, insert, ids } = await setUp();
    service.faults.next('lose-reply');
    expect(await insert()).toEqual(UNKNOWN);
    expect(ids()).toHaveLength(6);
    expect(new Set(await insert())).toEqual(new Set(['duplicate']));
  });

  it('lose-request: not stored, unknown', async () => {
    const { service, insert, ids } = await setUp();
    service.faults.next('lose-request');
    expect(await insert()).toEqual(UNKNOWN);
    expect(ids()).toEqual([]);
  });

  it('land-late: unknown, then not there, then there; what came first stays', async () => {
    const { clock, service, insert, store, drive, ids } = await setUp();
    service.faults.next('land-late', { delayMs: 200 });
    expect(await insert()).toEqual(UNKNOWN);
    expect(await drive(store.get('c', ['n-0']))).toEqual([undefined]);
    expect(await insert([{ _id: 'n-1', mine: true }])).toEqual(['stored']);
    await clock.advance(200);
    expect(ids()).toHaveLength(6);
    expect(await drive(store.get('c', ['n-1']))).toEqual([{ _id: 'n-1', mine: true }]);
  });

  it('tear: a part of the batch is stored, all of it unknown', async () => {
    const { service, insert, ids } = await setUp();
    service.faults.next('tear');
    expect(await insert()).toEqual(UNKNOWN);
    expect(ids()).toHaveLength(3);
  });

  it('refuse: nothing is stored and repeating does not help that document', async () => {
    const { service, insert, ids } = await setUp();
    service.faults.next('refuse');
    expect(new Set(await insert())).toEqual(new Set(['refused']));
    expect(ids()).toEqual([]);
  });

  it('refuse-one: of several one is not stored, and each is told its own verdict', async () => {
    const { service, insert, ids } = await setUp();
    service.faults.next('refuse-one');
    expect(await insert([{ _id: 'alone' }])).toEqual(['stored']);
    const verdicts = await insert();
    expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(1);
    const stored = BATCH.filter((_, n) => verdicts[n] === 'stored').map(({ _id }) => _id);
    expect(ids()).toEqual(['alone', ...stored]);
    expect(service.faults.pending).toBe(0);
  });

  it('reads, replaces and deletes reject', async () => {
    const { service, store, drive, insert, ids } = await setUp();
    await insert();
    service.faults.next('refuse', { operation: 'find' });
    await drive(expectRefusal(store.find('c', { limit: 1 }), 'BATON_UNAVAILABLE_REFUSED'));
    service.faults.next('lose-reply', { operation: 'delete' });
    await drive(expectRefusal(store.delete('c', ['n-0']), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'));
    service.faults.next('lose-request', { operation: 'replace' });
    await drive(expectRefusal(store.replace('c', [{ _id: 'z' }]), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'));
    expect(ids()).toEqual(BATCH.slice(1).map(({ _id }) => _id));
  });

  it('lag: reads show the past, inserts decide on the present', async () => {
    const { service, store, drive, insert } = await setUp();
    await insert([{ _id: 'old' }]);
    service.lag();
    await insert([{ _id: 'new' }]);
    await drive(store.delete('c', ['old']));
    expect(await drive(store.get('c', ['old', 'new']))).toEqual([{ _id: 'old' }, undefined]);
    expect(await drive(store.find('c', { limit: 9 }))).toEqual([{ _id: 'old' }]);
    expect(await insert([{ _id: 'new' }])).toEqual(['duplicate']);
    service.catchUp();
    expect(await drive(store.find('c', { limit: 9 }))).toEqual([{ _id: 'new' }]);
  });

  it('lag of a share: what one read shows the next one may not', async () => {
    const { service, store, drive, insert } = await setUp();
    service.lag({ share: 0.5 });
    await insert([{ _id: 'new' }]);
    const seen = new Set<boolean>();
    for (let n = 0; n < 20; n++) seen.add((await drive(store.get('c', ['new'])))[0] !== undefined);
    expect(seen.size).toBe(2);
  });

  it('refuses what the strictest of the real stores refuses', async () => {
    const { insert, ids } = await setUp();
    const bad = [
      { 'a.b': 1 },
      { $set: 1 },
      { a: { b: 1 } },
      { a: [1] },
      { a: Number.NaN },
      { a: 'x\0' },
      { a: undefined },
    ];
    const documents = bad.map((fields, n) => ({ _id: `bad-${n}`, ...fields })) as unknown as StoredDocument[];
    expect(await insert([...documents, { _id: 'good' }])).toEqual([...bad.map(() => 'refused'), 'stored']);
    expect(ids()).toEqual(['good']);
  });

  it('refuses a collection that was not made and a query without index', async () => {
    const { store, drive } = await setUp();
    expect(await drive(store.insert('none', [{ _id: 'a' }]))).toMatchObject([{ verdict: 'refused' }]);
    await drive(expectRefusal(store.get('none', ['a']), 'BATON_UNAVAILABLE_REFUSED'));
    const where = { field: 'kind', oneOf: ['x'] };
    await drive(expectRefusal(store.find('c', { where, limit: 1 }), 'BATON_INPUT_INVALID'));
  });

  it('a closed store does nothing any more', async () => {
    const { store, drive, insert, ids } = await setUp();
    await store.close();
    expect(await insert([{ _id: 'a' }])).toEqual(['unknown']);
    await drive(expectRefusal(store.get('c', ['a']), 'BATON_UNAVAILABLE_DISCONNECTED'));
    expect(ids()).toEqual([]);
  });
});
