import type { InlineValue } from '@baton/core';
import { linear } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { Cluster, noop, ok } from './fixtures/cluster.js';

it('a worker that was given up answers after the second one did: that changes nothing, and is counted (P-919)', async () => {
  const cluster = new Cluster();
  const { conductor } = cluster.conductor('c1');
  let finishFirst: (value: InlineValue) => void = () => undefined;
  let finishLast: (value: InlineValue) => void = () => undefined;
  const first = await cluster.drive(
    cluster.worker('w1', { t: () => new Promise((resolve) => (finishFirst = resolve)) }),
  );
  const flow = linear('f').add(noop('t'), noop('u'));
  const jobId = await cluster.drive(cluster.client.post(flow, {}));
  await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
  const second = await cluster.drive(
    cluster.worker('w2', { t: ok, u: () => new Promise((resolve) => (finishLast = resolve)) }),
  );
  first.expire();
  await cluster.runtime.clock.advanceUntil(() => second.seen.length === 2);
  expect(conductor.counters.superseded).toBe(0);
  finishFirst({ data: 'late' });
  await cluster.runtime.clock.advance(200);
  expect(conductor.counters.superseded).toBe(1);
  expect(second.seen).toHaveLength(2);
  finishLast({ data: 'u' });
  expect(await cluster.drive(cluster.client.wait(jobId))).toMatchObject({ outcome: 'SUCCESS' });
  expect((await cluster.drive(cluster.client.job(jobId))).atoms).toMatchObject([
    { name: 't', state: 'SUCCESS' },
    { name: 'u', state: 'SUCCESS' },
  ]);
  await cluster.dispose();
});
