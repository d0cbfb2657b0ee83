import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestMessage } from '@baton/core';
import { linear, task } from '@baton/flow';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const never = () => new Promise<never>(() => undefined);
const impatient = (queue: `${number}s`) =>
  task('t', { provides: 't', timeout: { queue }, execute: () => 't' });

describe('a request that waits for a worker', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  async function failureOf(jobId: string) {
    const report = await cluster.drive(cluster.client.job(jobId));
    return report.atoms[0]?.failure;
  }

  it('is sent again with pauses while workers are overloaded, however long that takes', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    let isFull = true;
    const worker = await cluster.drive(
      cluster.worker('w1', { t: ok }, { refuses: () => (isFull ? 'overloaded' : undefined) }),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advance(60_000);
    // 0.1 s, doubled up to 5 s: no journal entry every 100 ms
    expect(worker.seen.length).toBeGreaterThan(10);
    expect(worker.seen.length).toBeLessThan(25);
    isFull = false;
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
  });

  it('goes to another worker when one refuses it', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const refuses = () => 'no-such-task' as const;
    const first = await cluster.drive(cluster.worker('w1', { t: ok }, { refuses }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length > 0);
    const second = await cluster.drive(cluster.worker('w2', { t: ok }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
    expect(second.seen).toHaveLength(1);
  });

  it('fails when those who offer its task refuse it again and again (P-945)', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { t: ok }, { refuses: () => 'no-such-task' }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('REVERTED');
    expect(worker.seen).toHaveLength(5);
    expect(await failureOf(jobId)).toMatchObject({ code: 'NO_WORKER', phase: 'queue' });
  });

  it('is logged once while no worker offers its task (P-902)', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { other: ok }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advance(30_000);
    await cluster.drive(cluster.worker('w2', { other: ok }));
    await cluster.drive(cluster.worker('w3', { t: ok }));
    await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }));
    const lines = cluster.runtime.logger.lines.filter(({ message }) => /^job.w(aiting|orker)/.test(message));
    expect(lines.map(({ message, fields }) => [message, fields?.['task']])).toEqual([
      ['job.waiting-for-worker', 't@1.0'],
      ['job.worker-found', 't@1.0'],
    ]);
  });

  it('may wait as long as timeout.queue says, whoever owns the flow by then (C-1022)', async () => {
    cluster = new Cluster();
    const first = cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(impatient('60s')), {}));
    await cluster.runtime.clock.advance(40_000);
    cluster.conductor('c2');
    await cluster.runtime.clock.advance(500);
    await cluster.drive(first.stop());
    const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 25_000 }));
    expect(end.outcome).toBe('REVERTED');
    expect(await failureOf(jobId)).toMatchObject({ code: 'QUEUE_TIMEOUT', phase: 'queue' });
  });

  it('waits on until a worker accepts it, not only until one is chosen; that one is told to drop it', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { t: never }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(impatient('1s')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length > 1, { withinMs: 5_000 });
    const isCancel = (message: RequestMessage) => message.kind === 'control' && message.command === 'cancel';
    expect(worker.messages.filter(isCancel)).toHaveLength(1);
    // it may have run, so it is undone
    expect(worker.seen.map(({ action }) => action)).toEqual(['execute', 'revert']);
    expect(await failureOf(jobId)).toMatchObject({ code: 'QUEUE_TIMEOUT', phase: 'execute' });
  });

  it('has no time limit any more once a worker accepted it, not even after a takeover', async () => {
    cluster = new Cluster();
    const first = cluster.conductor('c1');
    let finish: () => void = () => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', { t: () => new Promise((resolve) => (finish = () => resolve({ data: 't' }))) }),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(impatient('10s')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.runtime.clock.advance(20_000);
    cluster.conductor('c2');
    await cluster.runtime.clock.advance(500);
    await cluster.drive(first.stop());
    await cluster.runtime.clock.advance(20_000);
    finish();
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
  });

  it.each(['before it was lost', 'after it was lost'])(
    'ends as one that may have run when its job is cancelled %s with its worker',
    async (when) => {
      cluster = new Cluster();
      cluster.conductor('c1');
      const worker = await cluster.drive(cluster.worker('w1', { t: never }));
      const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
      await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
      if (when.startsWith('before')) await cluster.drive(cluster.client.cancel(jobId));
      await cluster.drive(worker.die());
      await cluster.runtime.clock.advance(500);
      if (when.startsWith('after')) await cluster.drive(cluster.client.cancel(jobId));
      await cluster.drive(cluster.worker('w2', { t: ok }));
      await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
      expect(await failureOf(jobId)).toMatchObject({
        ...{ code: 'CANCELLED', phase: 'execute' },
        message: 'cancelled after its worker was lost: it may have begun, what it did is unknown',
      });
    },
  );

  it('ends as one that never ran when its job is cancelled before a worker came', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advance(500);
    await cluster.drive(cluster.client.cancel(jobId));
    await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
    expect(await failureOf(jobId)).toMatchObject({
      ...{ code: 'CANCELLED', phase: 'queue' },
      message: 'cancelled while it waited for a worker',
    });
  });
});
