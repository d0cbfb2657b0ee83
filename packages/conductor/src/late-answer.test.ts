import type { InlineValue } from '@baton/core';
import { linear } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { Cluster, noop } from './fixtures/cluster.js';

it('a worker that was given up answers: the one that has the request now is told not to begin (P-103)', async () => {
  const cluster = new Cluster();
  cluster.conductor('c1');
  let finish: (value: InlineValue) => void = () => undefined;
  const first = await cluster.drive(
    cluster.worker('w1', { t: () => new Promise((resolve) => (finish = resolve)) }),
  );
  const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
  await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
  const second = await cluster.drive(cluster.worker('w2', { t: () => new Promise<never>(() => undefined) }));
  first.expire();
  await cluster.runtime.clock.advanceUntil(() => second.seen.length === 1);
  finish({ data: 'late' });
  expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
  await cluster.runtime.clock.advance(200);
  const [request] = second.seen;
  expect(second.messages.slice(1)).toMatchObject([{ kind: 'forget', requestIds: [request?.requestId] }]);
  await cluster.dispose();
});

it('a worker is told that nobody will store the result of a task whose run was ended under it', async () => {
  const cluster = new Cluster();
  cluster.conductor('c1');
  const worker = await cluster.drive(cluster.worker('w1', { t: () => new Promise<never>(() => undefined) }));
  const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
  await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
  await cluster.drive(cluster.client.cancel(jobId, { revert: false }));
  expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('CANCELLED');
  await cluster.runtime.clock.advance(200);
  const [request] = worker.seen;
  expect(worker.messages.slice(1)).toMatchObject([
    { kind: 'control', command: 'cancel', requestId: request?.requestId },
    { kind: 'forget', requestIds: [request?.requestId] },
  ]);
  await cluster.dispose();
});
