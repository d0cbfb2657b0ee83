/** The same flows, the same daemons, on the embedded server instead of the three services. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expr, graph, linear, retry } from '@baton/flow';
import { socketPathFor, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { realRuntime } from '@baton/testkit';
import { Cluster, flowsModule } from '../support/cluster/cluster.js';
import { double, flaky, gated, step, sum } from '../fixtures/tasks.mjs';

describe('on the embedded server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-embedded-'));
  let server: LocalServerProcess;
  let cluster: Cluster;
  beforeAll(async () => {
    const file = join(folder, 'baton.sqlite');
    server = await spawnLocalServer({
      file,
      listen: { path: socketPathFor(file) },
      logger: realRuntime().logger,
    });
    cluster = new Cluster({ local: server.address });
    await cluster.start({ conductors: 2, workers: 2 });
  });
  afterAll(async () => {
    await cluster.dispose();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('flows run, retry, and are undone as on the services', async () => {
    const { client } = cluster;
    const [calculated, retried] = await Promise.all([
      client.post(graph('g').add(sum, double), { store: { number: 7 } }),
      client.post(linear('again', { retry: retry.times(2) }).add(step, flaky)),
    ]);
    expect((await cluster.ended(calculated)).outcome).toBe('SUCCESS');
    expect((await client.job(calculated)).results).toEqual({ doubled: 14, total: 21 });
    expect((await cluster.ended(retried)).outcome).toBe('SUCCESS');
    expect(
      cluster.ledger({ flowId: retried, phase: 'start' }).map(({ atom, action }) => `${atom}.${action}`),
    ).toEqual([
      'step.execute',
      'flaky.execute',
      'flaky.revert',
      'step.revert',
      'step.execute',
      'flaky.execute',
    ]);
  });

  it('expressions decide what runs and what is tried again', async () => {
    const [a, left, right] = [step.as('a'), step.as('left'), step.as('right')];
    const flow = graph('decided', {
      retry: retry.custom(expr('attempt < 2 && failure.atom == "flaky" ? "RETRY" : "REVERT_ALL"')),
    })
      .add(a, left, right, flaky)
      .link(a, left, { decider: expr('history.a == "b"'), depth: 'atom' })
      .link(a, right, { decider: expr('a == "a"') })
      .link(right, flaky);
    const jobId = await cluster.client.post(flow);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const executed = cluster
      .ledger({ flowId: jobId, phase: 'start', action: 'execute' })
      .map(({ atom }) => atom);
    expect(executed).toEqual(['a', 'right', 'flaky', 'a', 'right', 'flaky']);
  });

  it('the command line works without a service', async () => {
    const posted = await cluster.baton('job', 'post', flowsModule, '--wait', '-o', 'json');
    expect(posted).toMatchObject({ code: 0, stderr: '' });
    expect((await cluster.baton('cluster', 'doctor')).code).toBe(0);
  });

  it('a killed conductor is replaced, and its task not run again', async () => {
    const jobId = await cluster.client.post(linear('survives').add(gated, step));
    await cluster.did({ flowId: jobId, phase: 'start' });
    const owner = await cluster.owner(jobId);
    owner.killChild();
    const heir = cluster.members.find(({ id }) => id.startsWith('conductor') && id !== owner.id);
    await heir?.logged('job.taken-over', (line) => line['jobId'] === jobId);
    cluster.openGate(jobId);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect(cluster.ledger({ flowId: jobId, atom: 'gated', phase: 'start' })).toHaveLength(1);
  });
});
