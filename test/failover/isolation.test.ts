/** A task that blocks its event loop, or ends what it runs in: apart, it alone fails; inline, its worker ends with it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { linear, unordered } from '@baton/flow';
import { eventually } from '@baton/testkit';
import { Cluster, tasksModule } from '../support/cluster/cluster.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { realServices } from '../support/services/endpoints.js';
import { gated, inProcess, inThread, step } from '../fixtures/isolated-tasks.mjs';
import { blocks } from '../fixtures/tasks.mjs';

const isolatedModule = join(tasksModule, '../isolated-tasks.mjs');

describe('apart', () => {
  let cluster: Cluster;
  let worker: MemberProcess;
  beforeAll(async () => {
    cluster = new Cluster(realServices(), {
      env: { BATON_WORKER_CONCURRENCY: '3', BATON_GUARD_HANG: '5s', BATON_DRAIN_TIMEOUT: '2s' },
    });
    [, worker] = await Promise.all([cluster.conductor(), cluster.worker('--tasks', isolatedModule)]);
  });
  // fails when a process is left behind
  afterAll(() => cluster.dispose());

  const failureOf = async (jobId: string, atom: string) =>
    (await cluster.client.job(jobId)).atoms.find(({ name }) => name === atom)?.failure;

  describe.each([
    ['thread', inThread],
    ['process', inProcess],
  ] as const)('in a %s', (isolation, tasks) => {
    it('a task that blocks for ever is killed when its time is over; its flow reverts, all else goes on', async () => {
      const { pid } = worker;
      const held = await cluster.client.post(linear('held').add(gated));
      await cluster.did({ flowId: held, phase: 'start' });
      const three = ['a', 'b', 'c'].map((name) => tasks.blocks.as(name));
      const blocked = await cluster.client.post(linear('blocked').add(step, unordered('all').addAll(three)));
      await cluster.did({ flowId: blocked, atom: 'a', phase: 'start' });
      // every place but one is taken by something that blocks or waits: what comes is run all the same
      const other = await cluster.client.post(
        linear('other').addAll(['x', 'y'].map((name) => step.as(name))),
      );
      expect((await cluster.ended(other)).outcome).toBe('SUCCESS');
      expect((await cluster.ended(blocked)).outcome).toBe('REVERTED');
      for (const atom of ['a', 'b', 'c'])
        expect(await failureOf(blocked, atom)).toMatchObject({
          code: 'TIMEOUT',
          message: expect.stringContaining(`300 ms, and its ${isolation} was ended`),
        });
      expect(cluster.ledger({ flowId: blocked, atom: 'step', action: 'revert', phase: 'end' })).toHaveLength(
        1,
      );
      for (const atom of ['a', 'b', 'c'])
        expect(cluster.ledger({ flowId: blocked, atom, action: 'execute' })).toHaveLength(1);
      cluster.openGate(held);
      expect((await cluster.ended(held)).outcome).toBe('SUCCESS');
      expect(cluster.ledger({ flowId: held, phase: 'start' })).toMatchObject([{ delivery: 1 }]);
      expect([worker.pid, worker.count('worker.ready')]).toEqual([pid, 1]);
    });

    it('a task that ends its place fails with a code, and the next one runs', async () => {
      const { pid } = worker;
      const jobId = await cluster.client.post(linear('exits').add(step, tasks.exits));
      expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
      expect(await failureOf(jobId, `exits.${isolation}`)).toMatchObject({
        code: 'WORKER_CRASH',
        message: `exits.${isolation} ended its ${isolation}: exit code 3`,
        worker: worker.id,
      });
      const next = await cluster.client.post(linear('next').add(tasks.fails));
      expect((await cluster.ended(next)).outcome).toBe('REVERTED');
      expect(await failureOf(next, `fails.${isolation}`)).toMatchObject({
        types: ['QuotaError', 'Error'],
        code: 'QUOTA',
        causes: [{ types: ['TypeError', 'Error'] }],
      });
      expect(worker.pid).toBe(pid);
    });

    it('a cancel ends a task that blocks', async () => {
      const jobId = await cluster.client.post(linear('endless').add(step, tasks.blocksOn));
      await cluster.did({ flowId: jobId, atom: `blocksOn.${isolation}`, phase: 'start' });
      await cluster.client.cancel(jobId);
      expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
      expect(await failureOf(jobId, `blocksOn.${isolation}`)).toMatchObject({ code: 'CANCELLED' });
    });

    it('a worker that is told to stop kills what blocks, and another gets it', async () => {
      const jobId = await cluster.client.post(linear('moved').add(tasks.blocksOn));
      await cluster.did({ flowId: jobId, worker: worker.id, phase: 'start' });
      const other = await cluster.worker('--tasks', isolatedModule);
      worker.terminate();
      await cluster.did({ flowId: jobId, worker: other.id, phase: 'start' });
      await worker.gone;
      expect(await worker.exited).toBe(8);
      await cluster.client.cancel(jobId);
      await cluster.ended(jobId);
      worker = other;
    });
  });
});

it('in a thread, a synchronous call that no kill ends costs its worker, in order: what else runs there is finished', async () => {
  const cluster = new Cluster(realServices());
  try {
    const [, worker] = await Promise.all([
      cluster.conductor(),
      cluster.worker('--tasks', isolatedModule, '--restart'),
    ]);
    const { pid } = worker;
    const held = await cluster.client.post(linear('held').add(gated));
    await cluster.did({ flowId: held, phase: 'start' });
    const hung = await cluster.client.post(linear('hung').add(step, inThread.hangs));
    await worker.logged('task-host.stuck');
    cluster.openGate(held);
    expect((await cluster.ended(held)).outcome).toBe('SUCCESS');
    expect(cluster.ledger({ flowId: held, phase: 'start' })).toMatchObject([{ delivery: 1 }]);
    expect((await cluster.ended(hung, 60_000)).outcome).toBe('REVERTED');
    const { atoms } = await cluster.client.job(hung);
    expect(atoms.find(({ name }) => name === 'hangs.thread')?.failure).toMatchObject({ code: 'WORKER_LOST' });
    expect(cluster.ledger({ flowId: hung, atom: 'hangs.thread', action: 'execute' })).toHaveLength(1);
    await worker.ready({ after: pid });
  } finally {
    await cluster.dispose();
  }
}, 120_000);

it('inline, a task that blocks ends its workers, one after the other, until it fails (H11)', async () => {
  const cluster = new Cluster(realServices(), { env: { BATON_GUARD_HANG: '2s' } });
  try {
    await cluster.conductor();
    const workers = await Promise.all([cluster.worker('--restart'), cluster.worker('--restart')]);
    const jobId = await cluster.client.post(linear('blocked').add(step, blocks));
    expect((await cluster.ended(jobId, 60_000)).outcome).toBe('REVERTED');
    const report = await cluster.client.job(jobId);
    expect(report.atoms.find(({ name }) => name === 'blocks')?.failure).toMatchObject({
      code: 'WORKER_LOST',
    });
    const starts = cluster.ledger({ flowId: jobId, atom: 'blocks', action: 'execute' });
    expect(starts.map(({ delivery }) => delivery)).toEqual([1, 2, 3]);
    const stalled = () => workers.reduce((sum, worker) => sum + worker.count('guard.child.stalled'), 0);
    await eventually(() => stalled() === 3, { withinMs: 10_000, what: 'the last one is ended, too' });
  } finally {
    await cluster.dispose();
  }
}, 90_000);
