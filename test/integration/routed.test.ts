/** The acceptance cases of routed flows as jobs: conductors and workers are processes of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { socketPathFor, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { eventually, realRuntime } from '@baton/testkit';
import { acceptance } from '../../packages/testkit/src/routed-flows/acceptance.js';
import { next, routed, type Run } from '../../packages/testkit/src/routed-flows/routed.js';
import { chain, targets } from '../../packages/testkit/src/routed-flows/target-cases.js';
import { Cluster } from '../support/cluster/cluster.js';
import { RoutedDriver } from './fixtures/routed-driver.js';

const tasksModule = fileURLToPath(new URL('../fixtures/routed-tasks.mjs', import.meta.url));

describe('routed flows in a cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-routed-'));
  let server: LocalServerProcess;
  let cluster: Cluster;
  beforeAll(async () => {
    const file = join(folder, 'baton.sqlite');
    const { logger } = realRuntime();
    server = await spawnLocalServer({ file, listen: { path: socketPathFor(file) }, logger });
    cluster = new Cluster({ local: server.address });
    await cluster.start({ conductors: 4, workers: 0 });
    await Promise.all(
      ['a', 'b'].map((name) => cluster.worker('--tasks', tasksModule, '--id', `routed-${name}`)),
    );
  });
  afterAll(async () => {
    await cluster.dispose();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const run: Run = (...given) => new RoutedDriver(cluster).run(...given);

  it.each(acceptance)('$name, distributed', ({ body }) => body(run));

  it.each(targets)('M32 target selection: %s, distributed', async (target, results) => {
    const { client } = cluster;
    const jobId = await client.post(chain, { target });
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const report = await client.job(jobId);
    expect([report.results, report.atoms.length]).toEqual([results, Object.keys(results).length]);
  });

  it('a delegate is answered while nobody runs: the same again has no effect, another answer is refused', async () => {
    const root = routed(
      { a: { delegate: 'approve', publish: { branch: { x: '${self.result}' } } } },
      { output: { x: '${x}' } },
    );
    const { client } = cluster;
    const jobId = await client.post({ schemaVersion: 1, root });
    const owner = await eventually(
      async () => {
        const report = await client.job(jobId);
        return report.atoms[0]?.delegate === 'approve' ? report.owner : undefined;
      },
      { withinMs: 20_000, what: 'it waits' },
    );
    cluster.member(owner ?? '').killChild();
    const n = await client.answerDelegate(jobId, { atom: 'a', value: 7 });
    expect(await client.answerDelegate(jobId, { atom: 'a', value: 7 })).toBe(n);
    const other = client.answerDelegate(jobId, { atom: 'a', failure: { message: 'no' } });
    await expect(other).rejects.toMatchObject({ code: 'BATON_CONFLICT_KEY_REUSED' });
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect((await client.job(jobId)).results).toEqual({ x: 7 });
    expect(await client.answerDelegate(jobId, { atom: 'a', value: 7 })).toBe(n);
    const late = client.answerDelegate(jobId, { atom: 'a', attempt: 2, value: 7 });
    await expect(late).rejects.toMatchObject({ code: 'BATON_CONFLICT_ENDED' });
  });

  it('a job that is cancelled while a task runs is undone, also when its conductor is killed', async () => {
    const root = routed(
      { a: { task: 'echo', onSuccess: next('b') }, b: { task: 'sleep', input: { ms: 600_000 } } },
      { rollback: 'completed' },
    );
    const { client } = cluster;
    const jobId = await client.post({ schemaVersion: 1, root });
    const owner = await eventually(
      async () => {
        const report = await client.job(jobId);
        return report.atoms[1]?.worker === undefined ? undefined : report.owner;
      },
      { withinMs: 20_000, what: 'b runs' },
    );
    await client.cancel(jobId);
    cluster.member(owner ?? '').killChild();
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    const { atoms } = await client.job(jobId);
    expect(atoms.map(({ name, state }) => [name, state])).toEqual([
      ['a', 'REVERTED'],
      ['b', 'REVERTED'],
    ]);
  });

  it('a conductor is killed while a cycle turns: another one goes on, and each turn is made once', async () => {
    const turn = {
      task: 'echo',
      input: { value: '${n + 1}' },
      publish: { branch: { n: '${self.result}' } },
      onSuccess: next({ turn: 'n < 60' }),
    };
    const root = routed(
      { init: { publish: { branch: { n: 0 } }, onSuccess: next('turn') }, turn },
      { output: { n: '${n}' } },
    );
    const jobId = await cluster.client.post({ schemaVersion: 1, root });
    const owner = await eventually(
      async () => {
        const report = await cluster.client.job(jobId);
        return report.atoms.length > 10 ? report.owner : undefined;
      },
      { withinMs: 20_000, what: 'it turns' },
    );
    cluster.member(owner ?? '').killChild();
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const report = await cluster.client.job(jobId);
    expect([report.results, report.atoms.length, report.owners.length > 1]).toEqual([{ n: 60 }, 61, true]);
  });
});
