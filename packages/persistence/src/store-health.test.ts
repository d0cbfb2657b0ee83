import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnavailableError, type InsertVerdict, type StoredDocument } from '@baton/core';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { openPersistence, type Persistence } from './persistence.js';
import { StoreHealth } from './store-health.js';
import { postEntry } from '../../testkit/src/protocols/journal/sample-entries.js';

const full = new UnavailableError(
  'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
  'the store did not answer: out of disk space',
);

/** Takes nothing while it is full, or so it says; answers reads all the same. */
class FullStore extends SimulatedDocumentStore {
  isFull = false;
  readonly tried: string[] = [];
  /** What was sent while it was full; called, it lands. */
  readonly late: (() => Promise<unknown>)[] = [];

  override async insert(
    collection: string,
    documents: readonly StoredDocument[],
  ): Promise<readonly InsertVerdict[]> {
    this.tried.push(...documents.map(({ _id }) => `${collection}/${_id}`));
    if (!this.isFull) return super.insert(collection, documents);
    this.late.push(() => super.insert(collection, documents));
    return documents.map(() => ({ verdict: 'unknown', cause: full }));
  }

  override async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    this.tried.push(...documents.map(({ _id }) => `${collection}/${_id}`));
    if (!this.isFull) return super.replace(collection, documents);
    this.late.push(() => super.replace(collection, documents));
    throw full;
  }
}

describe('a store that takes no writes', () => {
  const runtime = fakeRuntime();
  const { clock, logger } = runtime;
  let store: FullStore;
  let persistence: Persistence;
  let backs: number;
  beforeEach(async () => {
    logger.lines.length = 0;
    backs = 0;
    store = new FullStore(runtime);
    persistence = await clock.drive(openPersistence({ store, runtime }));
    persistence.health.onBack(() => backs++);
  });
  afterEach(() => {
    persistence.close();
    expect(clock.pendingTimers).toBe(0);
  });
  const said = (message: string) => logger.lines.filter((line) => line.message === message);

  it('is said once, with the reason, and once when it takes them again', async () => {
    expect(persistence.health.problem).toBeUndefined();
    store.isFull = true;
    const appended = persistence.journal.append(postEntry('job'));
    await clock.advance(5_000);
    expect(persistence.health.problem).toContain('out of disk space');
    expect(said('store.waiting').filter(({ level }) => level === 'warn')).toHaveLength(1);
    store.isFull = false;
    expect(await clock.drive(appended)).toBe('accepted');
    expect(persistence.health.problem).toBeUndefined();
    expect([backs, said('store.back').length]).toEqual([1, 1]);
  });

  it('is written to now and then when nobody waits for it any more, so that its return is noticed', async () => {
    store.isFull = true;
    const appended = persistence.journal.append(postEntry('job'));
    appended.catch(() => undefined);
    await clock.advance(40_000);
    await expect(appended).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN' });
    store.tried.length = 0;
    await clock.advance(60_000);
    expect(store.tried.length).toBeGreaterThanOrEqual(11);
    expect(store.tried.length).toBeLessThanOrEqual(12);
    store.isFull = false;
    await clock.advance(5_000);
    expect([persistence.health.problem, backs]).toEqual([undefined, 1]);
    store.tried.length = 0;
    await clock.advance(60_000);
    expect(store.tried).toEqual([]);
  });

  it('is left one small document, though everything that was sent lands after all', async () => {
    store.isFull = true;
    persistence.journal.append(postEntry('job')).catch(() => undefined);
    await clock.advance(300_000);
    store.isFull = false;
    await clock.advance(5_000);
    await clock.drive(Promise.all(store.late.map((land) => land())));
    expect(store.service.documentsOf('meta').filter(({ _id }) => _id.startsWith('probe'))).toHaveLength(1);
  });

  it('is not asked any more by whoever failed to open it', async () => {
    const another = new FullStore(runtime);
    another.isFull = true;
    for (let tries = 0; tries < 3; tries++)
      await expect(clock.drive(openPersistence({ store: another, runtime }))).rejects.toMatchObject({
        code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
      });
    another.tried.length = 0;
    await clock.advance(60_000);
    expect(another.tried).toEqual([]);
  });

  it('stays one though it answers reads', async () => {
    store.isFull = true;
    const appended = persistence.journal.append(postEntry('job'));
    await clock.advance(1_000);
    await clock.drive(persistence.journal.load('other'));
    expect(persistence.health.problem).toBeDefined();
    store.isFull = false;
    await clock.drive(appended);
  });
});

it('is asked by one probe at a time, also when one is answered after a later write', async () => {
  const { clock, ...rest } = fakeRuntime();
  const unanswered: ((error: Error) => void)[] = [];
  const probed = () => new Promise<never>((_, reject) => unanswered.push(reject));
  let verdict: InsertVerdict = { verdict: 'unknown', cause: full };
  const store = new SimulatedDocumentStore({ clock, ...rest });
  store.insert = (collection) => (collection === 'meta' ? probed() : Promise.resolve([verdict]));
  store.replace = probed;
  const health = new StoreHealth({ store, runtime: { clock, ...rest } });
  await health.insert('journal', [{ _id: 'a' }]);
  await clock.advance(500);
  verdict = { verdict: 'stored' };
  await health.insert('journal', [{ _id: 'b' }]);
  unanswered.pop()?.(full);
  await clock.settle();
  expect([health.problem, clock.pendingTimers]).toEqual([full.message, 1]);
  await health.close();
  expect(clock.pendingTimers).toBe(0);
});
