/** A conductor whose session ends again and again takes no job with it that only waits (P-506). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import type { Postable } from '@baton/client';
import { backoff, linear, retry, task } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const never = () => new Promise<never>(() => undefined);

describe('a conductor that loses its session every three seconds', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  async function flap(owner: ReturnType<Cluster['conductor']>): Promise<void> {
    for (let deaths = 1; deaths <= 6; deaths++) {
      cluster.coordination.expire(owner.session());
      await cluster.runtime.clock.advance(3_000);
    }
  }

  const post = (flow: Postable) => cluster.drive(cluster.client.post(flow, { key: 'job' }));
  const outcome = async () =>
    (await cluster.drive(cluster.client.wait('job', { timeoutMs: 120_000 }))).outcome;

  it('keeps a job that waits for a worker', async () => {
    cluster = new Cluster();
    const owner = cluster.conductor('c1');
    await post(linear('f').add(noop('t')));
    await cluster.runtime.clock.advance(3_000);
    await flap(owner);
    await cluster.drive(cluster.worker('w1', { t: ok }));
    expect(await outcome()).toBe('SUCCESS');
  });

  it('keeps a job whose worker is gone and has no successor yet', async () => {
    cluster = new Cluster();
    const owner = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { t: never }));
    await post(linear('f').add(noop('t')));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(worker.die());
    await flap(owner);
    await cluster.drive(cluster.worker('w2', { t: ok }));
    expect(await outcome()).toBe('SUCCESS');
  });

  it('keeps a job that waits for the next attempt', async () => {
    cluster = new Cluster();
    const owner = cluster.conductor('c1');
    let tries = 0;
    const worker = await cluster.drive(
      cluster.worker('w1', {
        t: ({ action }) =>
          action === 'execute' && tries++ === 0 ? Promise.reject(new Error('no')) : { data: 't' },
      }),
    );
    await post(
      linear('f', { retry: retry.times(2, { backoff: backoff.constant({ initial: '60s' }) }) }).add(
        noop('t'),
      ),
    );
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length > 0);
    await cluster.runtime.clock.advance(1_000);
    await flap(owner);
    expect(await outcome()).toBe('SUCCESS');
  });

  it('keeps a job that waits for a person', async () => {
    cluster = new Cluster();
    const owner = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { t: never }));
    const parks = task('t', { provides: 't', onWorkerLoss: 'park', execute: () => 't' });
    await post(linear('f').add(parks));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(worker.die());
    await cluster.runtime.clock.advance(1_000);
    await flap(owner);
    await cluster.drive(cluster.worker('w2', { t: ok }));
    await cluster.drive(cluster.client.decideParked('job', { atom: 't', decision: 'rerun' }));
    expect(await outcome()).toBe('SUCCESS');
  });

  it('trashes a job that may have commands its owners die of, before they are applied', async () => {
    cluster = new Cluster();
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const { find, get } = { find: store.find.bind(store), get: store.get.bind(store) };
    const away = () => Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));
    store.find = (collection, query) => (collection === 'commands' ? away() : find(collection, query));
    store.get = (collection, ids) => (collection === 'commands' ? away() : get(collection, ids));
    const owner = cluster.conductor('c1', {}, { store });
    await post(linear('f').add(noop('t')));
    await cluster.runtime.clock.advance(3_000);
    await flap(owner);
    expect(await outcome()).toBe('FAILURE');
  });
});
