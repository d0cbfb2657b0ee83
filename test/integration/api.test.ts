/** The HTTP API as a process, on the embedded server, as programs in any language use it: with fetch. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { socketPathFor, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { eventually, realRuntime } from '@baton/testkit';
import { double, gated, sum } from '../fixtures/tasks.mjs';
import { Cluster } from '../support/cluster/cluster.js';
import { baton } from '../support/cluster/member-process.js';
import { LeashedProcess } from '../support/services/leashed-process.js';

const json = { 'content-type': 'application/json' };

describe('baton api run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-api-'));
  const log: Record<string, unknown>[] = [];
  let server: LocalServerProcess;
  let cluster: Cluster;
  let api: LeashedProcess | undefined;
  let base: string;
  let token: string;

  beforeAll(async () => {
    const file = join(folder, 'baton.sqlite');
    server = await spawnLocalServer({
      file,
      listen: { path: socketPathFor(file) },
      logger: realRuntime().logger,
    });
    cluster = new Cluster({ local: server.address });
    await cluster.start({ conductors: 1, workers: 1 });
    const made = await cluster.baton('api', 'token', 'tester', '--role', 'operator', '-o', 'json');
    const tokens = JSON.parse(made.stdout) as { readonly token: string; readonly line: string };
    token = tokens.token;
    writeFileSync(join(folder, 'tokens'), tokens.line);
    api = await LeashedProcess.start({
      command: process.execPath,
      args: [baton, 'api', 'run', '--listen', '127.0.0.1:0'],
      cwd: folder,
      env: { ...cluster.env, BATON_HTTP_TOKENS_FILE: join(folder, 'tokens') },
      folder: join(folder, 'leash'),
      onErrorLine: (line) => log.push(JSON.parse(line) as Record<string, unknown>),
    });
    const listening = await eventually(() => log.find(({ message }) => message === 'api.listening'), {
      withinMs: 30_000,
    });
    base = String(listening['address']);
  });
  afterAll(async () => {
    await api?.end();
    await cluster?.dispose();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(path: string, body?: object, headers: Record<string, string> = {}) {
    const answer = await fetch(base + path, {
      headers: { authorization: `Bearer ${token}`, ...(body && json), ...headers },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  it('posts a job, follows it to its end, and shows what it gave', async () => {
    const flow = linear('calculate').add(double, sum).toJSON();
    const posted = await ask('/v1/jobs', { flow, store: { number: 7 }, key: 'calculated' });
    expect(posted).toEqual({ status: 201, body: { jobId: 'calculated' } });
    const stream = await fetch(`${base}/v1/jobs/calculated/stream`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const heard = await stream.text(); // it ends with the run
    expect(heard.match(/^event: \w+$/gm)).toEqual(expect.arrayContaining(['event: post', 'event: claim']));
    expect(heard).toMatch(/event: terminal\ndata: .*"outcome":"SUCCESS"/);
    expect((await ask('/v1/jobs/calculated/data')).body).toMatchObject({
      results: { doubled: 14, total: 21 },
    });
    expect((await ask('/v1/jobs', { flow, store: { number: 7 }, key: 'calculated' })).status).toBe(200);
    const ended = await eventually(async () => {
      const { body } = await ask('/v1/jobs?state=ended');
      return (body['jobs'] as object[]).length > 0 && body;
    });
    expect(ended).toMatchObject({ jobs: [{ jobId: 'calculated', flowState: 'SUCCESS' }] });
  });

  it('cancels a job that runs; the repeat changes nothing', async () => {
    const flow = linear('waits').add(gated).toJSON();
    expect((await ask('/v1/jobs', { flow, key: 'waits' })).status).toBe(201);
    await cluster.did({ flowId: 'waits', phase: 'start' });
    const cancel = () => ask('/v1/jobs/waits/cancel', { reason: 'enough' }, { 'idempotency-key': 'c1' });
    expect(await cancel()).toEqual({ status: 202, body: { commandId: 1 } });
    expect(await cancel()).toEqual({ status: 202, body: { commandId: 1 } });
    expect((await cluster.ended('waits')).outcome).toBe('REVERTED');
    expect((await ask('/v1/jobs/waits')).body).toMatchObject({
      outcome: 'REVERTED',
      commands: [{ n: 1, command: 'cancel', by: 'tester', reason: 'enough' }],
    });
    expect(await ask('/v1/jobs/waits/cancel', {})).toEqual({ status: 200, body: { outcome: 'REVERTED' } });
  });

  it('refuses to listen for others without tokens, and in plain text', async () => {
    const exposed = await cluster.baton('api', 'run', '--listen', '0.0.0.0:0');
    expect([exposed.code, exposed.stderr]).toEqual([2, expect.stringContaining('(BATON_INPUT_EXPOSED)')]);
  });

  it('stops at SIGTERM, and ends its streams', async () => {
    const stream = await fetch(`${base}/v1/stream`, { headers: { authorization: `Bearer ${token}` } });
    api?.signal('SIGTERM');
    expect(await stream.text()).toContain('event: reset');
    expect(await api?.ended).toBe(0);
    await expect(fetch(base)).rejects.toThrow();
  });
});
