/** A person has a job end where it stands (C-1306, C-1307). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue } from '@baton/core';
import type { Postable } from '@baton/client';
import { linear, type RoutedFlowDefinition } from '@baton/flow';
import { type Behaviour, Cluster, noop, ok } from './fixtures/cluster.js';

describe('a job that is stopped', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const end = (jobId: string) => cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
  const stop = (jobId: string, state: 'SUCCESS' | 'FAILURE', message = 'enough') =>
    cluster.drive(cluster.client.stop(jobId, { state, message, by: 'mo' }));
  const routed: RoutedFlowDefinition = {
    schemaVersion: 1,
    root: {
      ...{ kind: 'routed', name: 'f' },
      atoms: [
        { name: 'a', task: 'a', onSuccess: { next: [{ to: 'b' }] } },
        { name: 'b', task: 'b' },
      ],
    },
  };

  /** A worker whose task `a` ends when it is told. */
  async function working(flow: Postable) {
    let finish: () => void = () => undefined;
    const a: Behaviour = ({ action }) =>
      action === 'revert'
        ? { data: null }
        : new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: 'a' })));
    const worker = await cluster.drive(cluster.worker('w1', { a, b: ok }));
    const { jobId } = await cluster.drive(cluster.client.postOrFind(flow));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    return { worker, jobId, finish: () => finish() };
  }

  it.each(['SUCCESS', 'FAILURE'] as const)(
    'is %s once what runs of a routed flow has ended, which is recorded',
    async (state) => {
      cluster.conductor('c1');
      const { worker, jobId, finish } = await working(routed);
      await stop(jobId, state);
      await cluster.runtime.clock.advance(500);
      expect((await cluster.drive(cluster.client.job(jobId))).flowState).toBe(state);
      finish();
      expect((await end(jobId)).outcome).toBe(state);
      const { atoms, commands } = await cluster.drive(cluster.client.job(jobId));
      expect(atoms).toMatchObject([{ name: 'a', state: 'SUCCESS' }]);
      expect(commands).toMatchObject([{ command: 'stop', by: 'mo', reason: 'enough' }]);
      expect(worker.seen).toHaveLength(1);
    },
  );

  it('does not wait for what of a routed flow no worker has', async () => {
    cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(routed, {}));
    await cluster.runtime.clock.advance(500);
    await stop(jobId, 'FAILURE');
    const { outcome, failures } = await end(jobId);
    expect([outcome, failures.at(-1)]).toMatchObject(['FAILURE', { message: 'enough' }]);
  });

  it.each([false, true])('ends when it is suspended (ordered: %s)', async (isOrdered) => {
    cluster.conductor('c1');
    const jobId = await cluster.drive(
      cluster.client.post(isOrdered ? linear('f').add(noop('a')) : routed, {}),
    );
    await cluster.drive(cluster.client.suspend(jobId));
    await cluster.runtime.clock.advance(60_000);
    expect((await cluster.drive(cluster.client.job(jobId))).flowState).toBe('SUSPENDED');
    await stop(jobId, 'FAILURE');
    const { outcome, failures } = await end(jobId);
    expect([outcome, failures.at(-1)]).toMatchObject(['FAILURE', { message: 'enough' }]);
  });

  it('tells what runs of an ordered flow to stop, and undoes nothing', async () => {
    cluster.conductor('c1');
    const { worker, jobId } = await working(linear('f').add(noop('a'), noop('b')));
    await stop(jobId, 'FAILURE');
    const { outcome, failures } = await end(jobId);
    expect([outcome, failures.at(-1)]).toMatchObject(['FAILURE', { message: 'enough' }]);
    expect(worker.seen.map(({ atom, action }) => `${action} ${atom}`)).toEqual(['execute a']);
    expect(worker.messages.filter(({ kind }) => kind === 'control')).toHaveLength(1);
    await expect(stop(jobId, 'SUCCESS')).rejects.toMatchObject({ code: 'BATON_CONFLICT_ENDED' });
  });

  it('is not, while it is being undone: the journal says why', async () => {
    cluster.conductor('c1');
    const { jobId, finish } = await working(linear('f').add(noop('a'), noop('b')));
    await cluster.drive(cluster.client.cancel(jobId));
    await stop(jobId, 'SUCCESS');
    await cluster.runtime.clock.advance(500);
    finish();
    expect((await end(jobId)).outcome).toBe('REVERTED');
    const { commands } = await cluster.drive(cluster.client.job(jobId));
    expect(commands[1]).toMatchObject({ command: 'stop', refused: expect.stringContaining('being undone') });
  });
});
