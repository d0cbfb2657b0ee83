/** Tasks of the engine's own (C-1512) in ordered flows of a cluster: no worker is asked, whoever owns the run. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue } from '@baton/core';
import type { TaskDefinition } from '@baton/flow';
import { Cluster, ok } from './fixtures/cluster.js';

describe('an ordered flow with tasks of the engine', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const echo = { task: 'std.echo', requires: ['value'], inject: { value: 7 }, provides: { x: null } };
  const post = (...children: readonly Omit<TaskDefinition, 'kind'>[]): Promise<string> => {
    const tasks = children.map((child) => ({ kind: 'task', ...child }) as const);
    const root = { kind: 'linear', name: 'f', children: tasks } as const;
    return cluster.drive(cluster.client.post({ schemaVersion: 1, root }));
  };
  const endOf = async (jobId: string) => {
    const { outcome } = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
    const { atoms, results } = await cluster.drive(cluster.client.job(jobId));
    return { outcome, results, states: atoms.map(({ state }) => state) };
  };

  it('ends without a worker', async () => {
    cluster.conductor('c1');
    const jobId = await post({ name: 'a', ...echo }, { name: 'b', task: 'std.noop' });
    expect(await endOf(jobId)).toEqual({
      outcome: 'SUCCESS',
      results: { x: 7 },
      states: ['SUCCESS', 'SUCCESS'],
    });
  });

  it('is undone as any other, and asks workers for what is theirs', async () => {
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { work: ok }));
    const work = { name: 'b', task: 'work', requires: ['x'] };
    const jobId = await post({ name: 'a', ...echo }, work, { name: 'c', task: 'std.fail' });
    expect(await endOf(jobId)).toMatchObject({
      outcome: 'REVERTED',
      states: ['REVERTED', 'REVERTED', 'REVERTED'],
    });
    expect(worker.seen.map(({ action, atom }) => [action, atom])).toEqual([
      ['execute', 'b'],
      ['revert', 'b'],
    ]);
  });

  it('goes on with the next owner, is suspended and resumed', async () => {
    const owner = cluster.conductor('c1');
    let finish = (): void => undefined;
    const work = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { work }));
    const noop = { task: 'std.noop' };
    const jobId = await post({ name: 'a', ...noop }, { name: 'b', task: 'work' }, { name: 'c', ...noop });
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(cluster.client.suspend(jobId));
    cluster.coordination.expire(owner.session());
    cluster.conductor('c2');
    await cluster.runtime.clock.advance(5_000);
    finish();
    await cluster.runtime.clock.advance(5_000);
    const report = await cluster.drive(cluster.client.job(jobId));
    expect([report.flowState, report.atoms.map(({ state }) => state)]).toEqual([
      'SUSPENDED',
      ['SUCCESS', 'SUCCESS', 'PENDING'],
    ]);
    await cluster.drive(cluster.client.resume(jobId));
    expect(await endOf(jobId)).toMatchObject({
      outcome: 'SUCCESS',
      states: ['SUCCESS', 'SUCCESS', 'SUCCESS'],
    });
  });
});
