/** The acceptance cases of routed flows as jobs: conductors and workers are processes of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { socketPathFor, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { eventually, realRuntime } from '@baton/testkit';
import { acceptance } from '../../packages/testkit/src/routed-flows/acceptance.js';
import {
  countsOf,
  next,
  routed,
  type Outcome,
  type Run,
} from '../../packages/testkit/src/routed-flows/routed.js';
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
    await cluster.start({ conductors: 2, workers: 0 });
    await Promise.all(
      ['a', 'b'].map((name) => cluster.worker('--tasks', tasksModule, '--id', `routed-${name}`)),
    );
  });
  afterAll(async () => {
    await cluster.dispose();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const run: Run = async (root, { store = {} } = {}) => {
    const jobId = await cluster.client.post({ schemaVersion: 1, root }, { store: { ...store } });
    return outcomeOf(jobId, await restOf(jobId));
  };

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
      output: results,
      states: Object.fromEntries(atoms.map(({ name, state }) => [name, state])),
      failures: codes.length === 0 && outcome === 'FAILURE' ? ['FAILED'] : codes,
      ...countsOf(
        facts.flatMap((fact) => (fact.fact === 'activation' ? [{ ...fact, id: fact.activation }] : [])),
      ),
    };
  }

  it.each(acceptance)('$name, distributed', ({ body }) => body(run));

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
