/** The same flows, the same daemons, on the embedded server instead of the three services. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openClient } from '@baton/client';
import { expr, graph, linear, retry } from '@baton/flow';
import { socketPathFor, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { eventually, realRuntime } from '@baton/testkit';
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
    expect(posted.code).toBe(0);
    expect(posted.stderr).toMatch(/^posted \S+\n$/);
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

describe('a job that is suspended', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-suspended-'));
  let server: LocalServerProcess;
  let cluster: Cluster;
  beforeAll(async () => {
    const file = join(folder, 'baton.sqlite');
    const { logger } = realRuntime();
    server = await spawnLocalServer({ file, listen: { path: socketPathFor(file) }, logger });
    cluster = new Cluster({ local: server.address });
    await cluster.start({ conductors: 2, workers: 1 });
  });
  afterAll(async () => {
    await cluster.dispose();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('waits through the death of its owner and of its worker, and goes on when it is resumed', async () => {
    const { client } = cluster;
    const jobId = await client.post(linear('paused').add(step, gated, step.as('last')));
    await cluster.did({ flowId: jobId, atom: 'gated', phase: 'start' });
    expect((await cluster.baton('job', 'suspend', jobId, '--reason', 'a change')).code).toBe(0);
    await eventually(async () => (await client.job(jobId)).flowState === 'SUSPENDING');
    cluster.openGate(jobId);
    await eventually(async () => (await client.job(jobId)).flowState === 'SUSPENDED');
    const owner = await cluster.owner(jobId);
    owner.killChild();
    const heir = cluster.members.find(({ id }) => id.startsWith('conductor') && id !== owner.id);
    await heir?.logged('job.taken-over', (line) => line['jobId'] === jobId);
    cluster.members.find(({ id }) => id.startsWith('worker'))?.killChild();
    await cluster.worker();
    const told = (await cluster.baton('job', 'get', jobId)).stdout;
    expect(told).toContain(`SUSPENDED: goes on with \`baton job resume ${jobId}\``);
    expect(told).toContain('! suspend by cli (a change)');
    expect((await cluster.baton('job', 'resume', jobId)).code).toBe(0);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const begun = cluster.ledger({ flowId: jobId, phase: 'start' }).map(({ atom }) => atom);
    expect(begun).toEqual(['step', 'gated', 'last']);
    const late = await cluster.baton('job', 'suspend', jobId);
    expect(late).toMatchObject({ code: 6, stdout: '' });
    expect(late.stderr).toContain('BATON_CONFLICT_ENDED');
  });

  it('is deleted by hand once it has ended, and nobody sees it any more', async () => {
    const jobId = await cluster.client.post(linear('deleted').add(gated), { key: 'deleted' });
    await cluster.did({ flowId: jobId, atom: 'gated', phase: 'start' });
    const early = await cluster.baton('job', 'delete', jobId);
    expect(early).toMatchObject({ code: 6, stdout: '' });
    expect(early.stderr).toContain('job deleted has not ended: cancel it first');
    cluster.openGate(jobId);
    await cluster.ended(jobId);
    expect(await cluster.baton('job', 'delete', jobId)).toMatchObject({
      code: 0,
      stdout: 'deleted\tdeleted\n',
    });
    expect((await cluster.baton('job', 'get', jobId)).code).toBe(5);
    expect((await cluster.baton('job', 'list', '-o', 'name')).stdout).not.toContain('deleted');
    const again = cluster.client.post(linear('deleted').add(gated), { key: 'deleted' });
    await expect(again).rejects.toMatchObject({ code: 'BATON_CONFLICT_DELETED' });
  });
});

describe('baton dev', () => {
  const path = (below: string): string => fileURLToPath(new URL(below, import.meta.url));
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-dev-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** With a task that runs and waits for its gate. */
  async function running() {
    const tasks = path('../fixtures/tasks.mjs');
    const dev = spawn(process.execPath, [path('../../packages/cli/bin/baton.mjs'), 'dev', '--tasks', tasks], {
      env: { ...process.env, TEST_EFFECTS: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(dev, 'exit').then(([code]) => code as number | null);
    let said = '';
    for (const stream of [dev.stdout, dev.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => (said += more));
    const address = (): string | undefined => /BATON_LOCAL_SOCKET=(\S+)/.exec(said)?.[1];
    await eventually(() => address() !== undefined, { withinMs: 20_000 });
    const client = await openClient({ local: address() ?? '' });
    const jobId = await client.post(linear('f').add(gated));
    await client.close();
    const ledger = (): string =>
      existsSync(join(folder, 'ledger.jsonl')) ? readFileSync(join(folder, 'ledger.jsonl'), 'utf8') : '';
    await eventually(() => ledger().includes('"phase":"start"'), { withinMs: 20_000 });
    return { dev, ended, jobId, ledger, said: () => said };
  }

  it('Ctrl-C lets what runs come to its end', async () => {
    const { dev, ended, jobId, ledger, said } = await running();
    dev.kill('SIGINT');
    await eventually(() => said().includes('waits for tasks that run'), { withinMs: 20_000 });
    writeFileSync(join(folder, `${jobId}.gated`), '');
    expect(await ended).toBe(0);
    expect(ledger().match(/"phase":"\w+"/g)).toEqual(['"phase":"start"', '"phase":"end"']);
  });

  it('a second Ctrl-C waits for nothing', async () => {
    const { dev, ended, ledger, said } = await running();
    dev.kill('SIGINT');
    await eventually(() => said().includes('waits for tasks that run'), { withinMs: 20_000 });
    dev.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(ledger()).not.toContain('"phase":"end"');
  });
});
