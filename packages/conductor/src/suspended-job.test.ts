import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue, TaskRequest } from '@baton/core';
import { linear, retry, task, type RoutedDefinition } from '@baton/flow';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const never = () => new Promise<never>(() => undefined);

describe('a job that is suspended (E-1001, C-1302)', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));
  const pass = (ms: number) => cluster.runtime.clock.advance(ms);
  const suspend = async (jobId: string) => {
    await cluster.drive(cluster.client.suspend(jobId, { by: 'me', reason: 'a change' }));
    await pass(500);
  };
  const outcomeOf = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome;
  const resumed = async (jobId: string) => {
    await cluster.drive(cluster.client.resume(jobId));
    return outcomeOf(jobId);
  };
  /** Ends the owner by a drain once there is another one. */
  const takeOver = async (owner: { stop(): Promise<unknown> }, next: string) => {
    const other = cluster.conductor(next);
    await pass(500);
    await cluster.drive(owner.stop());
    await pass(500);
    return other;
  };

  /** A worker whose task `a` ends when it is told; `b` ends at once. */
  async function working(concurrency = 100) {
    let finish: () => void = () => undefined;
    const a = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: 'a' })));
    const worker = await cluster.drive(cluster.worker('w1', { a, b: ok }, { concurrency }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a'), noop('b')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    return { worker, jobId, finish: () => finish() };
  }
  const seen = (worker: { seen: { atom: string; delivery: number }[] }) =>
    worker.seen.map(({ atom, delivery }) => `${atom} ${delivery}`);

  it.each([false, true])(
    'finishes what runs and begins nothing before it is resumed (by another owner: %s)',
    async (takenOver) => {
      const owner = cluster.conductor('c1');
      const { worker, jobId, finish } = await working();
      await suspend(jobId);
      expect((await report(jobId)).flowState).toBe('SUSPENDING');
      finish();
      await pass(500);
      await suspend(jobId);
      if (takenOver) await takeOver(owner, 'c2');
      await pass(60_000);
      expect(await report(jobId)).toMatchObject({
        ...{ jobState: 'DORMANT', flowState: 'SUSPENDED', pending: [] },
        commands: [1, 2].map((n) => ({ n, command: 'suspend', by: 'me', reason: 'a change' })),
      });
      expect(seen(worker)).toEqual(['a 1']);
      expect(await resumed(jobId)).toBe('SUCCESS');
      expect(seen(worker)).toEqual(['a 1', 'b 1']);
    },
  );

  it('goes on with what runs when it is resumed before that has ended, at the only place of its worker', async () => {
    cluster.conductor('c1');
    const { worker, jobId, finish } = await working(1);
    await suspend(jobId);
    await cluster.drive(cluster.client.resume(jobId));
    await pass(500);
    expect((await report(jobId)).flowState).toBe('RUNNING');
    finish();
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(seen(worker)).toEqual(['a 1', 'b 1']);
    expect(worker.messages.filter(({ kind }) => kind === 'attach')).toEqual([]);
  });

  it('changes nothing when it is resumed and was not suspended', async () => {
    cluster.conductor('c1');
    const { worker, jobId, finish } = await working();
    await cluster.drive(cluster.client.resume(jobId));
    await pass(500);
    finish();
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(seen(worker)).toEqual(['a 1', 'b 1']);
    await expect(cluster.drive(cluster.client.suspend(jobId))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_ENDED',
    });
  });

  it.each([false, true])(
    'sends nothing to a worker that comes meanwhile (by another owner: %s)',
    async (takenOver) => {
      const owner = cluster.conductor('c1');
      const impatient = task('t', { timeout: { queue: '30s' }, execute: () => 't' });
      const jobId = await cluster.drive(cluster.client.post(linear('f').add(impatient), {}));
      await pass(500);
      await suspend(jobId);
      expect(await report(jobId)).toMatchObject({ flowState: 'SUSPENDED', atoms: [{ heldBack: true }] });
      await pass(60_000);
      const next = takenOver ? await takeOver(owner, 'c2') : owner;
      await cluster.drive(cluster.client.resume(jobId));
      await pass(500);
      // the next owner does not count the time in which it was suspended either (C-1022)
      await takeOver(next, 'c3');
      expect(await report(jobId)).toMatchObject({
        flowState: 'RUNNING',
        atoms: [{ waitingForWorker: true }],
      });
      await suspend(jobId);
      const worker = await cluster.drive(cluster.worker('w1', { t: ok }));
      await pass(60_000);
      expect(seen(worker)).toEqual([]);
      expect(await resumed(jobId)).toBe('SUCCESS');
      expect(seen(worker)).toEqual(['t 1']);
    },
  );

  it.each([false, true])(
    'holds back what its worker was lost with (by another owner: %s)',
    async (takenOver) => {
      const owner = cluster.conductor('c1');
      const { worker: first, jobId } = await working();
      await suspend(jobId);
      const second = await cluster.drive(cluster.worker('w2', { a: ok, b: ok }));
      await cluster.drive(first.die());
      await pass(5_000);
      expect(await report(jobId)).toMatchObject({ flowState: 'SUSPENDED', atoms: [{ heldBack: true }, {}] });
      if (takenOver) await takeOver(owner, 'c2');
      expect(seen(second)).toEqual([]);
      expect(await resumed(jobId)).toBe('SUCCESS');
      expect(seen(second)).toEqual(['a 2', 'b 1']);
    },
  );

  it('holds back what a person wants sent again', async () => {
    cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: never }));
    const parks = task('t', { onWorkerLoss: 'park', execute: () => 't' });
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(parks), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await suspend(jobId);
    await cluster.drive(first.die());
    const second = await cluster.drive(cluster.worker('w2', { t: ok }));
    await pass(5_000);
    expect(await report(jobId)).toMatchObject({ flowState: 'SUSPENDING', atoms: [{ parked: true }] });
    await cluster.drive(cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun' }));
    await pass(5_000);
    expect(seen(second)).toEqual([]);
    expect(await resumed(jobId)).toBe('SUCCESS');
    expect(seen(second)).toEqual(['t 2']);
  });

  it('leaves what is parked to a person when it is resumed', async () => {
    cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: never }));
    const parks = task('t', { onWorkerLoss: 'park', execute: () => 't' });
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(parks), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await cluster.drive(first.die());
    await pass(500);
    await suspend(jobId);
    const second = await cluster.drive(cluster.worker('w2', { t: ok }));
    await cluster.drive(cluster.client.resume(jobId));
    await pass(5_000);
    expect(await report(jobId)).toMatchObject({ flowState: 'RUNNING', atoms: [{ parked: true }] });
    expect(seen(second)).toEqual([]);
    await cluster.drive(cluster.client.decideParked(jobId, { atom: 't', decision: 'rerun' }));
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(seen(second)).toEqual(['t 2']);
  });

  it.each([false, true])(
    'never begins what it held back when it is cancelled (by another owner: %s)',
    async (takenOver) => {
      const owner = cluster.conductor('c1');
      const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
      await pass(500);
      await suspend(jobId);
      const worker = await cluster.drive(cluster.worker('w1', { t: ok }));
      if (takenOver) await takeOver(owner, 'c2');
      await cluster.drive(cluster.client.cancel(jobId));
      expect(await outcomeOf(jobId)).toBe('REVERTED');
      expect(seen(worker)).toEqual([]);
    },
  );

  it.each([false, true])(
    'goes on where a routed flow stands (resumed while a task runs: %s)',
    async (early) => {
      cluster.conductor('c1');
      let finish: () => void = () => undefined;
      const a = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: 'a' })));
      const worker = await cluster.drive(cluster.worker('w1', { a, b: ok }));
      const first = { name: 'a', task: 'a', onSuccess: { next: [{ to: 'b' }] } };
      const root: RoutedDefinition = {
        kind: 'routed',
        name: 'f',
        atoms: [first, { name: 'b', task: 'b' }],
      };
      const jobId = await cluster.drive(cluster.client.post({ schemaVersion: 1, root }));
      await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
      await suspend(jobId);
      expect((await report(jobId)).flowState).toBe('SUSPENDING');
      if (early) await cluster.drive(cluster.client.resume(jobId));
      await pass(500);
      finish();
      await pass(500);
      if (!early) {
        expect(await report(jobId)).toMatchObject({ flowState: 'SUSPENDED' });
        await cluster.drive(cluster.client.resume(jobId));
      }
      expect(await outcomeOf(jobId)).toBe('SUCCESS');
      expect(worker.seen).toHaveLength(2);
    },
  );

  it('waits for a worker no longer than it may, once it is resumed, for one that was refused before (C-1022)', async () => {
    cluster.conductor('c1');
    const refuses = ({ action }: TaskRequest) => (action === 'execute' ? 'overloaded' : undefined);
    const worker = await cluster.drive(cluster.worker('w1', { t: ok }, { refuses }));
    const impatient = task('t', { timeout: { queue: '10s' }, execute: () => 't' });
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(impatient), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length > 1);
    await suspend(jobId);
    await pass(60_000);
    expect(await report(jobId)).toMatchObject({ flowState: 'SUSPENDED', atoms: [{ heldBack: true }] });
    expect(await resumed(jobId)).toBe('REVERTED');
    expect((await report(jobId)).atoms[0]?.failure).toMatchObject({ code: 'QUEUE_TIMEOUT' });
  });

  it('lets no round of a retry begin that becomes due', async () => {
    cluster.conductor('c1');
    let tries = 0;
    const t = () => (tries++ === 0 ? Promise.reject(new Error('not yet')) : { data: 't' });
    const worker = await cluster.drive(cluster.worker('w1', { t }));
    const flow = linear('f', { retry: retry.times(2, { backoff: { kind: 'constant', initialMs: 10_000 } }) });
    const jobId = await cluster.drive(cluster.client.post(flow.add(noop('t')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 2);
    await pass(500);
    await suspend(jobId);
    await pass(60_000);
    expect((await report(jobId)).flowState).toBe('SUSPENDED');
    expect(worker.seen.map(({ action }) => action)).toEqual(['execute', 'revert']);
    expect(await resumed(jobId)).toBe('SUCCESS');
  });
});
