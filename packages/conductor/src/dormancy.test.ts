import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { linear, type RoutedDefinition } from '@baton/flow';
import { commandIdOf } from '@baton/persistence';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

const approval: RoutedDefinition = {
  kind: 'routed',
  name: 'approval',
  atoms: [
    { name: 'ask', delegate: 'ask', onSuccess: { next: [{ to: 'after' }] } },
    { name: 'after', task: 'after' },
  ],
};

describe('a job that waits for nothing but a time, an answer or a person (C-209, P-1101)', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const pass = (ms: number) => cluster.runtime.clock.advance(ms);
  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));
  const outcomeOf = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }))).outcome;
  const post = (root: RoutedDefinition) => cluster.drive(cluster.client.post({ schemaVersion: 1, root }));

  it('belongs to nobody while it waits, and goes on at another conductor once it is answered', async () => {
    const first = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { after: ok }));
    const jobId = await post(approval);
    await pass(5_000);
    expect(await report(jobId)).toMatchObject({ jobState: 'DORMANT', flowState: 'RUNNING' });
    expect(await cluster.drive(cluster.client.jobs())).toMatchObject([{ jobId, state: 'DORMANT', life: 0 }]);
    await cluster.drive(first.stop());

    await cluster.drive(cluster.client.answerDelegate(jobId, { atom: 'ask', value: 'yes' }));
    expect(await report(jobId)).toMatchObject({ jobState: 'UNCLAIMED' });
    cluster.conductor('c2');
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('is woken by its timer, by whoever watches over it then', async () => {
    const first = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { after: ok }));
    const jobId = await post({
      ...approval,
      atoms: [{ name: 'after', task: 'after', waitBeforeMs: 300_000 }],
    });
    await pass(100_000);
    expect((await report(jobId)).jobState).toBe('DORMANT');
    cluster.conductor('c2');
    await pass(5_000);
    await cluster.drive(first.stop());
    await pass(180_000);
    expect((await report(jobId)).jobState).toBe('DORMANT');
    expect(worker.seen).toEqual([]);
    await pass(20_000);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });

  it('sleeps as long as it has to though the clock of its owner is set back meanwhile', async () => {
    let aheadMs = 0;
    cluster.conductor('c1', {}, { aheadMs: () => aheadMs });
    await cluster.drive(cluster.worker('w1', { after: ok }));
    const jobId = await post({
      ...approval,
      atoms: [{ name: 'after', task: 'after', waitBeforeMs: 20_000 }],
    });
    await pass(500);
    aheadMs = -600_000;
    await pass(5_000);
    expect((await report(jobId)).jobState).toBe('DORMANT');
    await pass(16_000);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });

  it('stays with its owner when it waits for a moment only', async () => {
    cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { after: ok }));
    const jobId = await post({ ...approval, atoms: [{ name: 'after', task: 'after', waitBeforeMs: 4_000 }] });
    for (let second = 0; second < 3; second++) {
      await pass(1_000);
      expect((await report(jobId)).jobState).toBe('CLAIMED');
    }
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });

  it('is woken within half a minute by a command that nobody was told of (P-1103)', async () => {
    cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { after: ok }));
    const jobId = await post(approval);
    await pass(5_000);
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const body = JSON.stringify({ command: 'cancel' });
    await cluster.drive(
      store.insert('commands', [
        { _id: commandIdOf(jobId, 1), flowId: jobId, n: 1, opId: 'op', at: 0, body },
      ]),
    );
    await pass(31_000);
    expect((await report(jobId)).outcome).toBe('CANCELLED');
  });

  it('is suspended, and resumed, asleep', async () => {
    const { conductor } = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { after: ok }));
    const jobId = await post(approval);
    await pass(5_000);
    await cluster.drive(cluster.client.suspend(jobId));
    await pass(5_000);
    expect(await report(jobId)).toMatchObject({ jobState: 'DORMANT', flowState: 'SUSPENDED' });
    await cluster.drive(cluster.client.answerDelegate(jobId, { atom: 'ask', value: 'yes' }));
    await pass(5_000);
    expect(await report(jobId)).toMatchObject({ jobState: 'DORMANT', flowState: 'SUSPENDED' });
    expect(worker.seen).toEqual([]);
    await cluster.drive(cluster.client.resume(jobId));
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(conductor.counters).toMatchObject({ takenOver: 3, settled: 1 });
  });

  it('is no poison, however often it is woken for nothing', async () => {
    const { conductor } = cluster.conductor('c1');
    const jobId = await post(approval);
    const board = await cluster.board();
    for (let time = 0; time < 6; time++) {
      await pass(5_000);
      expect((await report(jobId)).jobState).toBe('DORMANT');
      await cluster.drive(board.dormant.wakeAny(jobId));
      await pass(500);
    }
    expect(conductor.counters.takenOver).toBe(6);
    expect((await report(jobId)).flowState).toBe('RUNNING');
  });

  it('is read from a snapshot when it has slept often, however little happened in between', async () => {
    cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    for (let time = 0; time < 80; time++) {
      await cluster.drive(cluster.client.suspend(jobId));
      await pass(4_000);
      expect((await report(jobId)).jobState).toBe('DORMANT');
      await cluster.drive(cluster.client.resume(jobId));
      await pass(100);
    }
    const entries = cluster.documents.documentsOf('journal').length;
    const seqs = cluster.documents.documentsOf('snapshots').map(({ seq }) => Number(seq));
    expect(entries).toBeGreaterThan(200);
    expect(seqs).toHaveLength(Math.floor((entries - 1) / 200));
  });

  it('stays where it is when its post is repeated late (P-305)', async () => {
    cluster.conductor('c1');
    const jobId = await post(approval);
    await pass(5_000);
    const [dormant] = await cluster.drive(cluster.client.jobs());
    const board = await cluster.board();
    await cluster.drive(board.post(jobId, dormant!.posting));
    await pass(5_000);
    expect(await cluster.drive(cluster.client.jobs())).toMatchObject([{ jobId, state: 'DORMANT', life: 0 }]);
  });

  it('sleeps as well in an ordered flow that is suspended', async () => {
    cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    await cluster.drive(cluster.client.suspend(jobId));
    await pass(5_000);
    expect(await report(jobId)).toMatchObject({ jobState: 'DORMANT', flowState: 'SUSPENDED' });
    await cluster.drive(cluster.worker('w1', { a: ok }));
    await cluster.drive(cluster.client.resume(jobId));
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });
});
