import { afterEach, describe, expect, it } from '@jest/globals';
import { linear, unordered } from '@baton/flow';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const fan = (name: string, width: number) =>
  unordered(name).addAll(Array.from({ length: width }, (_, index) => noop('t').as(`t${index}`)));

describe('places of workers', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  /** Jobs in the order in which their requests reached the only worker, which answers one after the other. */
  async function orderOf(
    first: readonly (readonly [key: string, width: number, priority: 'LOW' | 'NORMAL' | 'HIGH'])[],
  ): Promise<string[]> {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1');
    const seen: string[] = [];
    const answers: (() => void)[] = [];
    await cluster.drive(
      cluster.worker(
        'w1',
        {
          t: ({ flowId }) => {
            seen.push(flowId);
            return new Promise((resolve) => answers.push(() => resolve({ data: null })));
          },
        },
        { concurrency: 5 },
      ),
    );
    for (const [index, [key, width, priority]] of first.entries()) {
      await cluster.drive(cluster.client.post(fan(key, width), { key, priority }));
      await cluster.runtime.clock.advanceUntil(() => conductor.counters.claimed === index + 1);
      await cluster.runtime.clock.advance(100);
    }
    const all = first.reduce((sum, [, width]) => sum + width, 0);
    for (let n = 0; n < all; n++) {
      await cluster.runtime.clock.advanceUntil(() => answers.length > n);
      answers[n]?.();
      await cluster.runtime.clock.advance(50);
    }
    return seen;
  }

  it('go to flows of one priority in turn: one with many tasks does not keep the others waiting', async () => {
    const seen = await orderOf([
      ['wide', 200, 'NORMAL'],
      ['small', 5, 'NORMAL'],
    ]);
    // ten are the wide flow's before the small one comes, and eight more until it has to queue
    expect(seen.lastIndexOf('small')).toBeLessThan(60);
  });

  it('go to the highest priority first', async () => {
    const seen = await orderOf([
      ['wide', 100, 'LOW'],
      ['middle', 20, 'NORMAL'],
      ['urgent', 20, 'HIGH'],
    ]);
    expect(seen.slice(10, 50)).toEqual([...Array(20).fill('urgent'), ...Array(20).fill('middle')]);
  });

  it('are not kept for a flow whose task nobody offers: a chain beside it needs one entry a step', async () => {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { t: ok }, { concurrency: 1 }));
    await cluster.drive(cluster.client.post(linear('stranded').add(noop('nobody')), { key: 'stranded' }));
    await cluster.runtime.clock.advanceUntil(() => conductor.counters.claimed === 1);
    const chain = linear('chain').add(noop('t').as('a'), noop('t').as('b'), noop('t').as('c'));
    await cluster.drive(cluster.client.post(chain, { key: 'chain' }));
    await cluster.drive(cluster.client.wait('chain', { timeoutMs: 10_000 }));
    expect((await cluster.drive(cluster.client.job('chain'))).seq).toBe(4);
  });
});
