import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnavailableError, type InsertVerdict, type StoredDocument } from '@baton/core';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { openPersistence, type Persistence } from './persistence.js';
import { postEntry } from '../../testkit/src/protocols/journal/sample-entries.js';

const full = new UnavailableError(
  'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
  'the store did not answer: out of disk space',
);

/** Takes nothing while it is full; answers reads all the same. */
class FullStore extends SimulatedDocumentStore {
  isFull = false;
  readonly tried: string[] = [];

  override async insert(
    collection: string,
    documents: readonly StoredDocument[],
  ): Promise<readonly InsertVerdict[]> {
    this.tried.push(...documents.map(({ _id }) => `${collection}/${_id}`));
    if (this.isFull) return documents.map(() => ({ verdict: 'unknown', cause: full }));
    return super.insert(collection, documents);
  }

  override async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    if (this.isFull) throw full;
    return super.replace(collection, documents);
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
    // and nothing of it stays
    expect(store.service.documentsOf('meta').filter(({ _id }) => _id.startsWith('probe'))).toEqual([]);
    store.tried.length = 0;
    await clock.advance(60_000);
    expect(store.tried).toEqual([]);
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
