import { afterEach, describe, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { headHintWords } from '@baton/jobboard';
import { SimulatedCoordination, SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import type { HeadListener } from './ownership.js';

/** Notes the entries that each read of a journal asks for. */
class ReadNotes extends SimulatedDocumentStore {
  readonly reads: number[][] = [];

  override async get(collection: string, ids: readonly string[]) {
    if (collection === 'journal') this.reads.push(ids.map((id) => Number(id.slice(id.indexOf(':') + 1))));
    return super.get(collection, ids);
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
  async function takeOver(say: (heads: ReadonlyMap<string, number>) => Iterable<readonly [string, number]>) {
    cluster = new Cluster();
    const told = new ToldHeads();
    const first = cluster.conductor('c1', {}, { heads: told });
    let finish: () => void = () => undefined;
    const slow = new Promise<{ data: null }>((resolve) => (finish = () => resolve({ data: null })));
    const behaviours = { a: ok, b: ok, c: ok, d: ok, slow: () => slow };
    const worker = await cluster.drive(cluster.worker('w1', behaviours));
    const flow = linear('f').add(noop('a'), noop('b'), noop('c'), noop('d'), noop('slow'));
    const jobId = await cluster.drive(cluster.client.post(flow, {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 5);
    const store = new ReadNotes(cluster.runtime, { service: cluster.documents });
    const second = cluster.conductor('c2', {}, { store });
    await cluster.runtime.clock.advance(500);
    const head = (await cluster.drive(cluster.client.job(jobId))).seq;
    store.reads.length = 0;

    const lastWords = headHintWords('default', say(told.heads));
    const guard = new SimulatedCoordination(cluster.runtime, { service: cluster.coordination });
    const end = { timeoutMs: 1_000, ...(lastWords && { lastWords }) };
    cluster.coordination.partition(first.session()); // it hears and says nothing any more
    await cluster.drive(guard.endSession(first.session().token, end));
    await cluster.runtime.clock.advanceUntil(() => second.conductor.counters.adopted === 1);
    const { reads } = store;
    const line = cluster.runtime.logger.lines.find(({ message }) => message === 'job.taken-over');
    finish();
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    return { head, reads: [...reads], hinted: line?.fields['hinted'] };
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
});
