/** Jobs that only wait leave room for others (P-507). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { backoff, linear, retry, task } from '@baton/flow';
import type { Postable } from '@baton/client';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const never = () => new Promise<never>(() => undefined);
const keys = ['j1', 'j2', 'j3', 'j4'];

describe('a conductor that is full of jobs', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  const post = (key: string, flow: Postable) =>
    cluster.drive(cluster.client.post(flow, { key, priority: 'VERY_LOW' }));
  const outcomeOf = async (key: string, timeoutMs = 10_000) =>
    (await cluster.drive(cluster.client.wait(key, { timeoutMs }))).outcome;
  const another = async (key = 'another') => {
    await cluster.drive(cluster.client.post(linear('f').add(noop('free')), { key, priority: 'VERY_HIGH' }));
    return outcomeOf(key);
  };

  it('takes another when these wait for a worker that nobody offers, and runs them when there is one', async () => {
    cluster = new Cluster();
    for (const id of ['c1', 'c2']) cluster.conductor(id, { maxJobs: 2 });
    await cluster.drive(cluster.worker('w1', { free: ok }));
    for (const key of keys) await post(key, linear('f').add(noop('away')));
    await cluster.runtime.clock.advance(2_000);
    expect(await another()).toBe('SUCCESS');
    await cluster.drive(cluster.worker('w2', { away: ok }));
    for (const key of keys) expect(await outcomeOf(key)).toBe('SUCCESS');
  });

  it('takes another when these wait for their next attempt', async () => {
    cluster = new Cluster();
    cluster.conductor('c1', { maxJobs: 4 });
    const seen = new Set<string>();
    const once = (jobId: string) => !seen.has(jobId) && seen.add(jobId);
    const worker = await cluster.drive(
      cluster.worker('w1', {
        free: ok,
        t: ({ flowId, action }) =>
          action === 'execute' && once(flowId) ? Promise.reject(new Error('no')) : { data: null },
      }),
    );
    const later = retry.times(2, { backoff: backoff.constant({ initial: '1h' }) });
    for (const key of keys) await post(key, linear('f', { retry: later }).add(noop('t')));
    // each was executed and reverted
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 2 * keys.length);
    expect(await another()).toBe('SUCCESS');
  });

  it('takes another when these wait for a person, after a takeover too', async () => {
    cluster = new Cluster();
    const owner = cluster.conductor('c1', { maxJobs: 4 });
    const worker = await cluster.drive(cluster.worker('w1', { t: never }));
    const parks = task('t', { provides: 't', onWorkerLoss: 'park', execute: () => 't' });
    for (const key of keys) await post(key, linear('f').add(parks));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === keys.length);
    await cluster.drive(worker.die());
    await cluster.drive(cluster.worker('w2', { t: ok, free: ok }));
    expect(await another('before')).toBe('SUCCESS');
    cluster.coordination.expire(owner.session());
    await cluster.runtime.clock.advance(5_000);
    expect(await another('after')).toBe('SUCCESS');
  });

  it('takes no other while a worker runs a task of each', async () => {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1', { maxJobs: 4 });
    await cluster.drive(cluster.worker('w1', { t: never, free: ok }));
    for (const key of keys) await post(key, linear('f').add(noop('t')));
    await cluster.runtime.clock.advance(5_000);
    await expect(another()).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_DEADLINE' });
    expect(conductor.counters.claimed).toBe(4);
  });

  it('holds no more than four times as many, whatever they wait for', async () => {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1', { maxJobs: 2 });
    for (let n = 0; n < 12; n++) await post(`j${n}`, linear('f').add(noop('away')));
    await cluster.runtime.clock.advance(60_000);
    expect(conductor.counters.claimed).toBe(8);
  });
});
