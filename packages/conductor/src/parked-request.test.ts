import { afterEach, describe, expect, it } from '@jest/globals';
import type { InlineValue } from '@baton/core';
import { linear, task, unordered } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const parks = task('t', { provides: 't', onWorkerLoss: 'park', execute: () => 't' });
const never = () => new Promise<never>(() => undefined);

describe('a request that is parked (P-932)', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  /** A job whose only task is parked, after a takeover if told so; another worker is there. */
  async function parked({
    takenOver,
    second = ok,
  }: {
    takenOver: boolean;
    second?: typeof ok | typeof never;
  }) {
    cluster = new Cluster();
    const owner = cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: never }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(parks), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await cluster.drive(first.die());
    await cluster.runtime.clock.advance(500);
    if (takenOver) {
      cluster.conductor('c2');
      await cluster.runtime.clock.advance(500);
      await cluster.drive(owner.stop());
    }
    const worker = await cluster.drive(cluster.worker('w2', { t: second }));
    await cluster.runtime.clock.advance(10_000);
    expect(worker.seen).toEqual([]);
    return { jobId, worker };
  }

  it.each([false, true])('is sent again when a person says so (after a takeover: %s)', async (takenOver) => {
    const { jobId, worker } = await parked({ takenOver });
    await cluster.drive(cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun', by: 'me' }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('SUCCESS');
    expect(worker.seen.map(({ delivery }) => delivery)).toEqual([2]);
  });

  it.each([false, true])('fails when a person says so (after a takeover: %s)', async (takenOver) => {
    const { jobId, worker } = await parked({ takenOver });
    await cluster.drive(cluster.client.decideParked(jobId, { atom: 't', decision: 'fail' }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('REVERTED');
    // it may have run, so it is undone
    expect(worker.seen.map(({ action }) => action)).toEqual(['revert']);
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report.atoms[0]?.failure).toMatchObject({
      ...{ code: 'WORKER_LOST', worker: 'w1' },
      message: expect.stringMatching(
        /^worker w1 was lost while it had this task: a task .* isolation: 'thread' or 'process'/,
      ),
    });
  });

  it.each([false, true])(
    'ends when the job is cancelled, whatever is said after (after a takeover: %s)',
    async (takenOver) => {
      const { jobId, worker } = await parked({ takenOver });
      await cluster.drive(cluster.client.cancel(jobId));
      await cluster.drive(
        cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun' }).catch(() => undefined),
      );
      expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe(
        'REVERTED',
      );
      expect(worker.seen.map(({ action }) => action)).toEqual(['revert']);
      expect((await cluster.drive(cluster.client.job(jobId))).atoms[0]?.failure).toMatchObject({
        code: 'CANCELLED',
        message: 'cancelled after its worker was lost: it may have begun, what it did is unknown',
      });
    },
  );

  it.each([1, 2])('is sent again by the next owner when %s found no worker for it', async (owners) => {
    cluster = new Cluster();
    const former = cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: never }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(parks), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await cluster.drive(first.die());
    await cluster.runtime.clock.advance(500);
    await cluster.drive(cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun' }));
    await cluster.runtime.clock.advance(500);
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report).toMatchObject({ pending: [], atoms: [{ name: 't', waitingForWorker: true }] });
    let owner = former;
    for (let n = 2; n <= owners + 1; n++) {
      const next = cluster.conductor(`c${n}`);
      await cluster.runtime.clock.advance(500);
      await cluster.drive(owner.stop());
      await cluster.runtime.clock.advance(500);
      owner = next;
    }
    const worker = await cluster.drive(cluster.worker('w2', { t: ok }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('SUCCESS');
    expect(worker.seen.map(({ delivery }) => delivery)).toEqual([2]);
  });

  it('is decided once, though two people ask at the same time', async () => {
    const { jobId, worker } = await parked({ takenOver: false, second: never });
    const decide = () => cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun' });
    await cluster.drive(Promise.all([decide(), decide()]));
    await cluster.runtime.clock.advance(10_000);
    expect(worker.seen.map(({ delivery }) => delivery)).toEqual([2]);
    expect((await cluster.drive(cluster.client.job(jobId))).outcome).toBeUndefined();
  });

  it('ends when it is parked and cancelled in one turn', async () => {
    cluster = new Cluster();
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const insert = store.insert.bind(store);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let writesTurn = false;
    store.insert = async (collection, documents) => {
      if (collection === 'journal' && documents.some(({ _id }) => _id.endsWith(':2'))) {
        writesTurn = true;
        await released;
      }
      return insert(collection, documents);
    };
    cluster.conductor('c1', {}, { store });
    let answer: (value: InlineValue) => void = () => undefined;
    const first = await cluster.drive(
      cluster.worker('w1', { t: never, a: () => new Promise((resolve) => (answer = resolve)) }),
    );
    const jobId = await cluster.drive(cluster.client.post(unordered('f').add(parks, noop('a')), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 2);
    answer({ data: 'a' });
    await cluster.runtime.clock.advanceUntil(() => writesTurn);
    // while the turn that holds the answer is written
    await cluster.drive(first.die());
    await cluster.drive(cluster.client.cancel(jobId));
    await cluster.runtime.clock.advance(500);
    release();
    await cluster.drive(cluster.worker('w2', { t: ok, a: ok }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('REVERTED');
  });

  it('is shown as parked until it is decided', async () => {
    const { jobId } = await parked({ takenOver: false, second: never });
    const atomOf = async () => (await cluster.drive(cluster.client.job(jobId))).atoms[0];
    expect(await atomOf()).toMatchObject({ parked: true, worker: 'w1' });
    await cluster.drive(cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun' }));
    await cluster.runtime.clock.advance(10_000);
    const decided = await atomOf();
    expect([decided?.parked, decided?.worker]).toEqual([undefined, 'w2']);
  });

  it('is not there: a decision about a task that runs is refused, and one about no task', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { t: never }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(parks), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    for (const decision of ['fail', 'rerun'] as const) {
      const about = (atom: string) => cluster.drive(cluster.client.decideParked(jobId, { atom, decision }));
      await expect(about('t')).rejects.toMatchObject({
        code: 'BATON_CONFLICT_NOT_PARKED',
        message: `t of job ${jobId} is not parked: it is RUNNING on w1`,
      });
      await expect(about('T')).rejects.toMatchObject({
        code: 'BATON_NOT_FOUND_ATOM',
        message: `job ${jobId} has no atom T, did you mean t?`,
      });
    }
    await cluster.runtime.clock.advance(10_000);
    expect(worker.seen).toHaveLength(1);
    const { outcome, pending } = await cluster.drive(cluster.client.job(jobId));
    expect([outcome, pending]).toEqual([undefined, []]);
  });
});
