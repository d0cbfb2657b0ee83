import { afterEach, describe, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { commandIdOf } from '@baton/persistence';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const never = () => new Promise<never>(() => undefined);

describe('a turn that is too large for a document of the store', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  it('ends its job as FAILURE with the reason, stops what runs for it, and hurts no other', async () => {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { slow: never, quick: ok }));
    await cluster.drive(cluster.client.post(linear('f').add(noop('slow')), { key: 'job' }));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    // a client that checks nothing: fits a document as a command, and not as a fact of the turn that applies it
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const body = JSON.stringify({ command: 'cancel', reason: 'x'.repeat(1_044_260) });
    await cluster.drive(
      store.insert('commands', [
        { _id: commandIdOf('job', 1), flowId: 'job', n: 1, opId: 'op', at: 0, body },
      ]),
    );

    const end = await cluster.drive(cluster.client.wait('job', { timeoutMs: 60_000 }));
    expect(end).toMatchObject({ outcome: 'FAILURE', failures: [{ code: 'BATON_INPUT_TOO_LARGE' }] });
    const cancelled = worker.messages.flatMap((message) =>
      message.kind === 'control' && message.command === 'cancel' ? [message.requestId] : [],
    );
    expect(new Set(cancelled)).toEqual(new Set([worker.seen[0]?.requestId]));
    expect(conductor.counters).toMatchObject({ claimed: 1, settled: 1 });
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
    await cluster.drive(cluster.client.post(linear('g').add(noop('quick')), { key: 'other' }));
    expect((await cluster.drive(cluster.client.wait('other', { timeoutMs: 60_000 }))).outcome).toBe(
      'SUCCESS',
    );
    expect(conductor.counters.takenOver).toBe(0);
  });
});
