/** The acceptance cases of routed flows as jobs: conductors and workers are processes of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { socketPathFor, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import type { SkipOptions } from '@baton/client';
import { withFlows } from '@baton/flow';
import { eventually, realRuntime } from '@baton/testkit';
import { acceptance } from '../../packages/testkit/src/routed-flows/acceptance.js';
import {
  type Answers,
  countsOf,
  next,
  routed,
  type Outcome,
  type Repair,
  type Run,
} from '../../packages/testkit/src/routed-flows/routed.js';
import { chain, targets } from '../../packages/testkit/src/routed-flows/target-cases.js';
import { Cluster } from '../support/cluster/cluster.js';

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

  const run: Run = async (root, { store = {}, answers = {}, flows = [], ...environment } = {}) => {
    const definition = withFlows({ schemaVersion: 1, root }, flows);
    const jobId = await cluster.client.post(definition, { store: { ...store }, ...environment });
    const [rest] = await Promise.all([restOf(jobId), answerAll(jobId, answers)]);
    return outcomeOf(jobId, rest);
  };

  async function resume(jobId: string, answers: Answers = {}): Promise<Outcome> {
    await cluster.client.resume(jobId);
    await answerAll(jobId, answers);
    return outcomeOf(jobId, (await cluster.ended(jobId)).outcome);
  }

  async function repair(jobId: string, { type, ...options }: Repair): Promise<Outcome> {
    const { client } = cluster;
    if (type === 'skip') await client.skip(jobId, options as SkipOptions);
    else await client[type](jobId, options);
    return outcomeOf(jobId, (await cluster.ended(jobId)).outcome);
  }

  /** Answers each attempt of a delegate once, until the job has ended. */
  async function answerAll(jobId: string, answers: Answers): Promise<void> {
    if (Object.keys(answers).length === 0) return;
    const answered = new Set<string>();
    const { client } = cluster;
    const isOver = async (): Promise<true | undefined> => {
      const { outcome, flowState, atoms } = await client.job(jobId);
      for (const { name, delegate, attempt = 1, args = {} } of outcome === undefined ? atoms : []) {
        if (delegate === undefined || answered.has(`${name}.${attempt}`)) continue;
        answered.add(`${name}.${attempt}`);
        const answer = answers[delegate]?.(args, attempt);
        if (!answer) continue;
        const given = 'value' in answer ? answer : { failure: { message: answer.failure } };
        await client.answerDelegate(jobId, { atom: name, attempt, ...given });
      }
      return outcome === undefined && flowState !== 'SUSPENDED' ? undefined : true;
    };
    await eventually(isOver, { withinMs: 30_000, what: `${jobId} has all its answers` });
  }

  /** Ended, or suspended. */
  function restOf(jobId: string): Promise<string> {
    const ended = async (): Promise<string | undefined> => {
      const { outcome, flowState } = await cluster.client.job(jobId);
      return outcome ?? (flowState === 'SUSPENDED' ? flowState : undefined);
    };
    return eventually(ended, { withinMs: 30_000, what: `${jobId} ends or is suspended` });
  }

  async function outcomeOf(jobId: string, outcome: string): Promise<Outcome> {
    const { atoms, results } = await cluster.client.job(jobId);
    const [journal = []] = await cluster.journals([jobId]);
    const facts = journal.flatMap((entry) => entry.facts);
    const codes = atoms.flatMap(({ failure }) => (failure ? [failure.code ?? failure.message] : []));
    return {
      outcome,
      ...(outcome === 'SUSPENDED' && { resume: (answers) => resume(jobId, answers) }),
      repair: (how) => repair(jobId, how),
      output: results,
      states: Object.fromEntries(atoms.map(({ name, state }) => [name, state])),
      failures: codes.length === 0 && outcome !== 'SUCCESS' ? ['FAILED'] : codes,
      events: facts.flatMap((fact) => {
        if (fact.fact === 'flow') return [`flow ${fact.to}`];
        return fact.fact === 'activation' ? [`${fact.activation} ${fact.to}`] : [];
      }),
      ...countsOf(
        facts.flatMap((fact) => (fact.fact === 'activation' ? [{ ...fact, id: fact.activation }] : [])),
      ),
    };
  }

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
