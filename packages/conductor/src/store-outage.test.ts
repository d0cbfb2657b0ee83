/** A store that answers reads and takes no writes, as with a full disk: nothing is sent that is not stored, and all goes on when it is back. */
import { UnavailableError, type InlineValue, type InsertVerdict, type StoredDocument } from '@baton/core';
import { linear } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const full = new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', 'out of disk space');

class FullStore extends SimulatedDocumentStore {
  isFull = false;
  tries = 0;

  override async insert(
    collection: string,
    documents: readonly StoredDocument[],
  ): Promise<readonly InsertVerdict[]> {
    if (!this.isFull) return super.insert(collection, documents);
    this.tries++;
    return documents.map(() => ({ verdict: 'unknown', cause: full }));
  }

  override async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    if (this.isFull) throw full;
    return super.replace(collection, documents);
  }
}

describe('while the disk of the store is full', () => {
  let cluster: Cluster;
  let store: FullStore;
  let conductor: ReturnType<Cluster['conductor']>['conductor'];
  let worker: Awaited<ReturnType<Cluster['worker']>>;
  let finish: (value: InlineValue) => void;
  let held: string;

  /** A job whose first task runs. */
  beforeEach(async () => {
    cluster = new Cluster();
    store = new FullStore(cluster.runtime, { service: cluster.documents });
    ({ conductor } = cluster.conductor('c1', {}, { store }));
    worker = await cluster.drive(
      cluster.worker('w1', { t: () => new Promise((resolve) => (finish = resolve)), u: ok }),
    );
    held = await cluster.drive(cluster.client.post(linear('f').add(noop('t'), noop('u')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
  });
  afterEach(() => cluster.dispose());

  const tasksSeen = () => worker.seen.map(({ task }) => task);
  const wait = (jobId: string) => cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }));

  it('nothing is sent and nothing is claimed; it says why, and goes on by itself', async () => {
    const { clock } = cluster.runtime;
    expect(conductor.readiness.ready).toBe(true);
    store.isFull = true;
    finish({ data: 't' });
    await clock.advance(5_000);
    const later = await cluster.drive(cluster.client.post(linear('g').add(noop('u')), {}));
    await clock.advance(15_000);
    expect(tasksSeen()).toEqual(['t']);
    expect(conductor.counters.claimed).toBe(1);
    expect(conductor.readiness).toEqual({
      ready: false,
      checks: { member: 'ok', jobboard: 'ok', store: 'out of disk space', log: 'ok' },
    });
    // with pauses of up to a second, and those of what looks whether it is back
    expect(store.tries).toBeLessThan(60);

    store.isFull = false;
    expect((await wait(held)).outcome).toBe('SUCCESS');
    expect((await wait(later)).outcome).toBe('SUCCESS');
    // the request that was being saved all the time was not asked for: nobody could know of it
    expect(worker.messages.filter(({ kind }) => kind === 'attach')).toEqual([]);
    expect(tasksSeen().sort()).toEqual(['t', 'u', 'u']);
    expect(conductor.readiness.ready).toBe(true);
  });

  it('for longer than it waits for one entry, the job is given back, and taken up when there is room again', async () => {
    const { clock } = cluster.runtime;
    store.isFull = true;
    finish({ data: 't' });
    await clock.advance(120_000);
    expect(tasksSeen()).toEqual(['t']);
    expect(conductor.readiness.checks['store']).toBe('out of disk space');
    expect(store.tries).toBeLessThan(150);
    store.tries = 0;
    await clock.advance(60_000);
    // only what looks whether it is back
    expect(store.tries).toBeLessThanOrEqual(12);

    store.isFull = false;
    // its answer is still there: the task is not run again
    expect((await wait(held)).outcome).toBe('SUCCESS');
    expect(tasksSeen()).toEqual(['t', 'u']);
    expect(conductor.readiness.ready).toBe(true);
  });
});
