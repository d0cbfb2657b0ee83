import { afterEach, describe, expect, it } from '@jest/globals';
import type { StoredDocument } from '@baton/core';
import { linear } from '@baton/flow';
import { headHintWords } from '@baton/jobboard';
import { SimulatedCoordination, SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import type { HeadListener } from './ownership.js';

/** Notes the entries that each read of a journal asks for, and of which jobs entries were stored before. */
class StoreNotes extends SimulatedDocumentStore {
  readonly reads: number[][] = [];
  readonly fenced = new Set<string>();
  /** Of each read, how many jobs had a fence by then. */
  readonly fencedBefore: number[] = [];
  /** Holds up what is inserted. */
  held: Promise<void> | undefined;

  override async get(collection: string, ids: readonly string[]) {
    if (collection === 'journal') {
      this.reads.push(ids.map((id) => Number(id.slice(id.indexOf(':') + 1))));
      this.fencedBefore.push(this.fenced.size);
    }
    return super.get(collection, ids);
  }

  override async insert(collection: string, documents: readonly StoredDocument[]) {
    await this.held;
    const verdicts = await super.insert(collection, documents);
    if (collection === 'journal')
      for (const { _id } of documents) this.fenced.add(_id.slice(0, _id.indexOf(':')));
    return verdicts;
  }
}

/** What a guard is told. */
class ToldHeads implements HeadListener {
  readonly heads = new Map<string, number>();
  highest = -1;
  readonly gone = (jobId: string): void => void this.heads.delete(jobId);
  readonly changed = (jobId: string, seq: number): void => {
    this.heads.set(jobId, seq);
    this.highest = Math.max(this.highest, seq);
  };
}

describe('a takeover', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  /** c1 dies while the fifth task runs; what its guard says comes with the end of its session. Gives what c2 reads of the journal. */
  async function takeOver(
    say: (heads: ReadonlyMap<string, number>) => Iterable<readonly [string, number]>,
    { jobs = 1 } = {},
  ) {
    cluster = new Cluster();
    const told = new ToldHeads();
    const first = cluster.conductor('c1', {}, { heads: told });
    let finish: () => void = () => undefined;
    const slow = new Promise<{ data: null }>((resolve) => (finish = () => resolve({ data: null })));
    const behaviours = { a: ok, b: ok, c: ok, d: ok, slow: () => slow };
    const worker = await cluster.drive(cluster.worker('w1', behaviours));
    const flow = linear('f').add(noop('a'), noop('b'), noop('c'), noop('d'), noop('slow'));
    const jobIds: string[] = [];
    for (let job = 0; job < jobs; job++) jobIds.push(await cluster.drive(cluster.client.post(flow, {})));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 5 * jobs);
    const store = new StoreNotes(cluster.runtime, { service: cluster.documents });
    const second = cluster.conductor('c2', {}, { store });
    await cluster.runtime.clock.advance(500);
    const head = (await cluster.drive(cluster.client.job(jobIds[0] ?? ''))).seq;
    store.reads.length = 0;

    const lastWords = headHintWords('default', say(told.heads));
    const guard = new SimulatedCoordination(cluster.runtime, { service: cluster.coordination });
    const end = { timeoutMs: 1_000, ...(lastWords && { lastWords }) };
    cluster.coordination.partition(first.session()); // it hears and says nothing any more
    await cluster.drive(guard.endSession(first.session().token, end));
    await cluster.runtime.clock.advanceUntil(() => second.conductor.counters.adopted === jobs);
    const { reads, fencedBefore } = store;
    const line = cluster.runtime.logger.lines.find(({ message }) => message === 'job.taken-over');
    finish();
    for (const jobId of jobIds)
      expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    return { head, reads: [...reads], fencedBefore: [...fencedBefore], hinted: line?.fields['hinted'] };
  }

  it('with a hint reads the end of the journal in one round of two, then what is below it', async () => {
    const { head, reads, hinted } = await takeOver((heads) => heads);
    expect(reads[0]).toEqual([head, head + 1]);
    expect(reads[1]?.sort((a, b) => a - b)).toEqual(Array.from({ length: head }, (_, seq) => seq));
    expect(hinted).toBe(true);
  });

  it('without one searches', async () => {
    const { head, reads, hinted } = await takeOver(() => []);
    expect(reads[0]).not.toEqual([head, head + 1]);
    expect(hinted).toBe(false);
  });

  it('fences all of its jobs before it reads the first of them', async () => {
    // the one with a hint is fenced while the others are still searched
    const hintOne = (heads: ReadonlyMap<string, number>) => [...heads].slice(0, 1);
    const { reads, fencedBefore } = await takeOver(hintOne, { jobs: 12 });
    const firstLoad = reads.findIndex((entries) => entries.includes(0));
    expect(fencedBefore[firstLoad]).toBe(12);
  });

  it('survives a hint above the end', async () => {
    const { reads } = await takeOver((heads) => [...heads].map(([jobId, seq]) => [jobId, seq + 100]));
    expect(reads.length).toBeGreaterThan(2);
  });

  it('leaves no hint of a job that is done', async () => {
    cluster = new Cluster();
    const told = new ToldHeads();
    cluster.conductor('c1', {}, { heads: told });
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    await cluster.drive(cluster.client.wait(jobId));
    await cluster.runtime.clock.advanceUntil(() => told.heads.size === 0);
    expect(told.highest).toBe((await cluster.drive(cluster.client.job(jobId))).seq);
  });

  it('leaves no hint of a job that was given up while an entry of it was being stored', async () => {
    cluster = new Cluster();
    const told = new ToldHeads();
    const store = new StoreNotes(cluster.runtime, { service: cluster.documents });
    const owner = cluster.conductor('c1', { drainTimeoutMs: 100 }, { heads: told, store });
    let finish: () => void = () => undefined;
    const slow = new Promise<{ data: null }>((resolve) => (finish = () => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { slow: () => slow }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('slow')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    let goOn: () => void = () => undefined;
    store.held = new Promise((resolve) => (goOn = resolve));
    finish();
    await cluster.runtime.clock.advance(1_000);
    expect([...told.heads.keys()]).toEqual([jobId]);
    await cluster.drive(owner.stop());
    expect(told.heads.size).toBe(0);
    goOn();
    await cluster.runtime.clock.advance(1_000);
    expect(told.heads.size).toBe(0);
  });
});
