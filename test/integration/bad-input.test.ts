/** What is wrong with a flow, a value or a task is told by its documented code, and costs nobody else anything. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { task, linear, retry, type FlowDefinition, type NodeDefinition } from '@baton/flow';
import { eventually } from '@baton/testkit';
import { Cluster } from '../support/cluster/cluster.js';
import { realServices } from '../support/services/endpoints.js';
import {
  double,
  exits,
  gated,
  givesBigInt,
  givesCycle,
  givesTooMuch,
  neverReturns,
  step,
  throwsString,
} from '../fixtures/tasks.mjs';

describe('bad input', () => {
  let cluster: Cluster;
  let pids: readonly number[];
  beforeAll(async () => {
    cluster = new Cluster(realServices());
    await cluster.start({ conductors: 1, workers: 1 });
    pids = cluster.members.map((member) => member.pid);
  });
  afterAll(() => cluster.dispose());

  const flowOf = (...children: NodeDefinition[]): FlowDefinition => ({
    schemaVersion: 1,
    root: { kind: 'linear', name: 'made', children },
  });

  it.each([
    {
      wrong: 'a cycle',
      code: 'BATON_DEFINITION_CYCLE',
      flow: {
        schemaVersion: 1,
        root: {
          kind: 'graph',
          name: 'circle',
          children: [step.as('a').toNode(), step.as('b').toNode()],
          links: [
            { from: 0, to: 1 },
            { from: 1, to: 0 },
          ],
        },
      } satisfies FlowDefinition,
    },
    {
      wrong: 'two atoms of one name',
      code: 'BATON_DEFINITION_DUPLICATE_ATOM',
      flow: flowOf(step.toNode(), step.toNode()),
    },
    {
      wrong: 'a symbol that nobody provides',
      code: 'BATON_DEFINITION_MISSING_REQUIREMENT',
      flow: flowOf(double.toNode()),
    },
    {
      wrong: 'another shape',
      code: 'BATON_DEFINITION_INVALID',
      flow: { root: 'nothing' } as unknown as FlowDefinition,
    },
  ])('a flow with $wrong is refused', async ({ code, flow }) => {
    const key = `refused-${code.toLowerCase()}`;
    await expect(cluster.client.post(flow, { key })).rejects.toMatchObject({ code });
    await expect(cluster.client.job(key)).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
  });

  it('a value of 2 MiB is refused before any service sees it', async () => {
    const store = { number: 'x'.repeat(2 * 1024 * 1024) };
    await expect(
      cluster.client.post(linear('large').add(double), { store: store as never, key: 'large' }),
    ).rejects.toMatchObject({
      code: 'BATON_INPUT_TOO_LARGE',
      message: expect.stringContaining('"number"'),
    });
    await expect(cluster.client.job('large')).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
  });

  it('a task that no worker offers waits where everybody can see it, and can be cancelled', async () => {
    const nobodys = task('nobodys', { execute: () => undefined });
    const jobId = await cluster.client.post(linear('waits').add(step, nobodys));
    const report = await eventually(async () => {
      const seen = await cluster.client.job(jobId);
      return seen.atoms.some((atom) => atom.waitingForWorker) ? seen : undefined;
    });
    expect(report.atoms).toMatchObject([
      { name: 'step', state: 'SUCCESS' },
      { name: 'nobodys', state: 'RUNNING', waitingForWorker: true },
    ]);
    await cluster.client.cancel(jobId);
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    expect(cluster.ledger({ flowId: jobId, action: 'revert', phase: 'end' }).map(({ atom }) => atom)).toEqual(
      ['step'],
    );
  });

  it.each([
    { task: throwsString, types: ['Error'], message: 'just text' },
    { task: neverReturns, code: 'TIMEOUT', message: '200 ms' },
    { task: givesCycle, code: 'RESULT_NOT_SERIALISABLE', message: 'JSON' },
    { task: givesBigInt, code: 'RESULT_NOT_SERIALISABLE', message: 'JSON' },
    { task: givesTooMuch, code: 'RESULT_TOO_LARGE', message: '524288' },
  ])('the task $task.name fails by itself', async ({ task: bad, message, ...failure }) => {
    const jobId = await cluster.client.post(linear('bad').add(step, bad));
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    const report = await cluster.client.job(jobId);
    const atom = report.atoms.find(({ name }) => name === bad.name);
    expect(atom?.failure).toMatchObject({ ...failure, message: expect.stringContaining(message) });
    expect(report.atoms.find(({ name }) => name === 'step')?.state).toBe('REVERTED');
  });

  it('none of it has ended a daemon: the same ones run a good job', async () => {
    const jobId = await cluster.client.post(linear('good').add(step, gated));
    await cluster.did({ flowId: jobId, atom: 'gated', phase: 'start' });
    cluster.openGate(jobId);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect(cluster.members.map((member) => member.pid)).toEqual(pids);
    expect(cluster.members.flatMap(({ lines }) => lines.filter(({ level }) => level === 'text'))).toEqual([]);
  });
});

it('a task that ends its process fails after three workers, and the guards bring those back', async () => {
  const cluster = new Cluster(realServices());
  try {
    await cluster.conductor();
    await Promise.all([cluster.worker('--restart'), cluster.worker('--restart')]);
    const jobId = await cluster.client.post(
      linear('deadly', { retry: retry.alwaysRevert() }).add(step, exits),
    );
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    const report = await cluster.client.job(jobId);
    expect(report.atoms.find(({ name }) => name === 'exits')?.failure).toMatchObject({ code: 'WORKER_LOST' });
    const started = cluster.ledger({ flowId: jobId, atom: 'exits', action: 'execute' });
    expect(started.map(({ delivery }) => delivery)).toEqual([1, 2, 3]);
    expect(new Set(started.map(({ requestId }) => requestId)).size).toBe(1);
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(3);
    const good = await cluster.client.post(linear('good').add(step));
    expect((await cluster.ended(good)).outcome).toBe('SUCCESS');
  } finally {
    await cluster.dispose();
  }
}, 60_000);
