/** H10: an operator removes the lock of a job that runs (P-511). */
import { expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { bucketIndexOf } from '@baton/jobboard';
import { Cluster, noop } from './fixtures/cluster.js';

it('who finds the lock of its job gone stops, and the job goes on under a new claim', async () => {
  const cluster = new Cluster();
  const { clock, logger } = cluster.runtime;
  try {
    cluster.conductor('c1');
    let finish: () => void = () => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', { t: () => new Promise((resolve) => (finish = () => resolve({ data: 't' }))) }),
    );
    await cluster.drive(cluster.client.post(linear('f').add(noop('t')), { key: 'job' }));
    await clock.advanceUntil(() => worker.seen.length === 1);
    await clock.advance(100); // its view of the board has seen the lock
    const bucket = bucketIndexOf('job').toString(16).padStart(2, '0');
    expect(cluster.coordination.remove(`/boards/default/locks/${bucket}/job`)).toBe(true);
    await clock.advance(3_000);
    expect(logger.messages('warn')).toContain('job.lock-lost');
    finish();
    expect((await cluster.drive(cluster.client.wait('job', { timeoutMs: 60_000 }))).outcome).toBe('SUCCESS');
    // the same conductor: nobody else is there
    expect((await cluster.drive(cluster.client.job('job'))).owners).toHaveLength(2);
    expect(worker.seen).toHaveLength(1);
  } finally {
    await cluster.dispose();
  }
});
