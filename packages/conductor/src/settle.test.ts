import { bucketIndexOf } from '@baton/jobboard';
import { linear } from '@baton/flow';
import { afterEach, expect, it } from '@jest/globals';
import { Cluster, noop, ok } from './fixtures/cluster.js';

let cluster: Cluster;
afterEach(() => cluster.dispose());

it('a job whose claim was lost before it left the board is not told, or counted, as settled by it', async () => {
  cluster = new Cluster();
  const { conductor, session } = cluster.conductor('c1');
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const worker = await cluster.drive(cluster.worker('w1', { t: (request) => held.then(() => ok(request)) }));
  await cluster.drive(cluster.client.post(linear('f').add(noop('t')), { key: 'job' }));
  await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
  const bucket = bucketIndexOf('job').toString(16).padStart(2, '0');
  await cluster.drive(session().delete(`/boards/default/locks/${bucket}/job`)); // an operator's doing
  goOn();
  expect((await cluster.drive(cluster.client.wait('job', { timeoutMs: 60_000 }))).outcome).toBe('SUCCESS');
  const ends = cluster.runtime.logger.messages().filter((message) => /^job\.(not-)?settled$/.test(message));
  expect(ends[0]).toBe('job.not-settled');
  expect(conductor.counters.settled).toBe(ends.filter((message) => message === 'job.settled').length);
});
