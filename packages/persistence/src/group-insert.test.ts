import { describe, expect, it } from '@jest/globals';
import type { InsertVerdict, StoredDocument } from '@baton/core';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { GroupInsert } from './group-insert.js';

const documentOf = (id: string | number, body = 'x'): StoredDocument => ({ _id: String(id), body });

/** The simulated store, with what it was asked to insert and a switch that makes it silent. */
class WatchedStore extends SimulatedDocumentStore {
  readonly batches: number[] = [];
  isSilent = false;
  inFlight = 0;
  inFlightMost = 0;

  override async insert(
    collection: string,
    documents: readonly StoredDocument[],
  ): Promise<readonly InsertVerdict[]> {
    this.batches.push(documents.length);
    if (this.isSilent) return documents.map(() => ({ verdict: 'unknown', cause: new Error('silence') }));
    this.inFlightMost = Math.max(this.inFlightMost, ++this.inFlight);
    try {
      return await super.insert(collection, documents);
    } finally {
      this.inFlight--;
    }
  }
}

async function makeWorld() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const store = new WatchedStore(runtime);
  await clock.drive(store.ensureCollections([{ name: 'things' }]));
  const group = new GroupInsert({ store, collection: 'things', runtime });
  const stored = (): string[] => store.service.documentsOf('things').map(({ _id }) => _id);
  return { runtime, clock, store, group, stored, faults: store.service.faults };
}

describe('GroupInsert', () => {
  it('sends what falls together in one insert, and what comes meanwhile in the next, without a timer', async () => {
    const { clock, store, group } = await makeWorld();
    store.service.faults.slowMs = 5;
    const first = Array.from({ length: 20 }, (_, index) => group.insert(documentOf(index)));
    await clock.settle();
    const second = Array.from({ length: 30 }, (_, index) => group.insert(documentOf(100 + index)));
    const before = clock.monotonicMs();
    const verdicts = await clock.drive(Promise.all([...first, ...second]));
    expect(new Set(verdicts)).toEqual(new Set(['stored']));
    expect(store.batches).toEqual([20, 30]);
    expect(store.inFlightMost).toBe(1);
    expect(clock.monotonicMs() - before).toBe(20);
    expect(clock.pendingTimers).toBe(0);
  });

  it('never carries more than 1,000 documents or 8 MiB at once', async () => {
    const { clock, store, group } = await makeWorld();
    const small = Array.from({ length: 1_500 }, (_, index) => group.insert(documentOf(index)));
    await clock.drive(Promise.all(small));
    const large = Array.from({ length: 10 }, (_, index) =>
      group.insert(documentOf(`large-${index}`, 'x'.repeat(1_000_000))),
    );
    await clock.drive(Promise.all(large));
    expect(store.batches).toEqual([1_000, 500, 8, 2]);
  });

  it('tells a duplicate, also inside one group', async () => {
    const { clock, group } = await makeWorld();
    const verdicts = ['a', 'b', 'a'].map((id) => group.insert(documentOf(id)));
    expect(await clock.drive(Promise.all(verdicts))).toEqual(['stored', 'stored', 'duplicate']);
  });

  it.each(['lose-request', 'lose-reply', 'tear', 'land-late'] as const)(
    'repeats unchanged after %s until each document is decided',
    async (kind) => {
      const { clock, store, group, stored, faults } = await makeWorld();
      faults.next(kind, { operation: 'insert', delayMs: 200 });
      const ids = ['a', 'b', 'c', 'd'];
      const verdicts = await clock.drive(Promise.all(ids.map((id) => group.insert(documentOf(id)))));
      expect(verdicts.every((verdict) => verdict === 'stored' || verdict === 'duplicate')).toBe(true);
      await clock.advance(1_000);
      expect(stored().sort()).toEqual(ids);
      expect(store.batches.length).toBeGreaterThan(1);
      expect(faults.pending).toBe(0);
    },
  );

  it('holds nobody up while others rest, and gives each up after 30 s of silence', async () => {
    const { clock, store, group } = await makeWorld();
    store.isSilent = true;
    const early = group.insert(documentOf('early'));
    const rejected = expect(early).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN' });
    await clock.advance(20_000);
    const later = group.insert(documentOf('later'));
    await clock.advance(12_000);
    await rejected;
    store.isSilent = false;
    expect(await clock.drive(later, { withinMs: 2_000 })).toBe('stored');
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects what is too large before sending and what is refused alone', async () => {
    const { clock, store, group } = await makeWorld();
    const huge = group.insert(documentOf('huge', 'x'.repeat(1024 * 1024)));
    await expect(huge).rejects.toMatchObject({ code: 'BATON_INPUT_TOO_LARGE' });
    expect(store.batches).toEqual([]);
    const bad = group.insert({ _id: 'bad', 'a.b': 1 });
    const badRejected = expect(bad).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
    const good = group.insert(documentOf('good'));
    expect(await clock.drive(good)).toBe('stored');
    await badRejected;
  });

  it('rejects everything undecided when it is closed, and everything after', async () => {
    const { clock, store, group } = await makeWorld();
    store.isSilent = true;
    const resting = expect(group.insert(documentOf('resting'))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    });
    await clock.settle();
    const waiting = expect(group.insert(documentOf('waiting'))).rejects.toThrow('closed');
    group.close();
    group.close();
    await Promise.all([
      resting,
      waiting,
      expect(group.insert(documentOf('after'))).rejects.toThrow('closed'),
    ]);
    const sent = store.batches.length;
    await clock.advance(60_000);
    expect(store.batches).toHaveLength(sent);
  });
});
