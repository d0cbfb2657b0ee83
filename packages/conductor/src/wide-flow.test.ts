import { afterEach, describe, expect, it } from '@jest/globals';
import { task, unordered } from '@baton/flow';
import { Cluster, ok } from './fixtures/cluster.js';

describe('a flow of which more is ready than may be outstanding', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  it('runs to its end', async () => {
    cluster = new Cluster();
    await cluster.drive(cluster.worker('w1', { a: ok }));
    cluster.conductor('c1');
    const a = task('a', { execute: () => 1 });
    const flow = unordered('f').add(...Array.from({ length: 10_100 }, (_, n) => a.as(`a${n}`)));
    await cluster.drive(cluster.client.post(flow, { key: 'wide' }));
    const { outcome } = await cluster.drive(cluster.client.wait('wide', { timeoutMs: 1_000_000 }));
    expect(outcome).toBe('SUCCESS');
  });
});
