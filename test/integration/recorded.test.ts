/**
 * Recordings of TaskFlow as jobs on the real services: two conductors, one of which is killed on the way, and two workers. Whatever comes in between,
 * each ends as it did in TaskFlow. BATON_SEED chooses which ones; without it they are always the same, with a few others each time.
 */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JobEnd } from '@baton/client';
import type { JournalEntry } from '@baton/core';
import { eventually } from '@baton/testkit';
import type { Difference } from '../oracle/difference.js';
import { endDifference, endOfJob, isMadeByOrder, type End } from '../oracle/distributed/job-end.js';
import type { Postable } from '../oracle/distributed/postable.js';
import { readCorpus, sample } from '../oracle/distributed/sample.js';
import { ScriptedWorker, ScriptedWorld } from '../oracle/distributed/scripted-worker.js';
import { Cluster } from '../support/cluster/cluster.js';
import { realServices } from '../support/services/endpoints.js';

const RUNS = 200;
const OTHERS = 20;

interface Run {
  readonly jobId: string;
  readonly postable: Postable;
  readonly journal: readonly JournalEntry[];
  readonly end: End;
}

describe('recordings of TaskFlow', () => {
  const seed = Number(process.env['BATON_SEED'] ?? 1);
  const otherSeed = randomInt(2 ** 32);
  const corpus = readCorpus();
  const world = new ScriptedWorld();
  let cluster: Cluster;
  let workers: readonly ScriptedWorker[] = [];
  let runs: readonly Run[] = [];

  beforeAll(async () => {
    cluster = new Cluster(realServices(), { sessionTimeout: '10s' });
    await cluster.start({ conductors: 2, workers: 0 });
    workers = ['w1', 'w2'].map((id) => new ScriptedWorker(world, id, cluster.runtime, cluster.env));
    await Promise.all(workers.map((worker) => worker.ready()));
    runs = await runAll([
      ...sample(corpus.postable, seed, RUNS),
      ...sample(corpus.postable, otherSeed, OTHERS),
    ]);
  }, 400_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await cluster.dispose();
  });

  async function runAll(chosen: readonly Postable[]): Promise<readonly Run[]> {
    const ended = Promise.all(chosen.map((postable, index) => runOne(postable, `job-${index}`)));
    ended.catch(() => undefined); // told below
    await eventually(() => world.calls >= chosen.length, {
      withinMs: 120_000,
      what: 'as many calls as there are jobs',
    });
    cluster.member('conductor-1').killChild();
    const ends = await ended;
    const journals = await cluster.journals(ends.map(({ jobId }) => jobId));
    return chosen.map((postable, index) => {
      const { jobId, outcome } = ends[index] as JobEnd;
      const journal = journals[index] ?? [];
      const bodies = world.bodies.get(jobId) ?? [];
      return { jobId, postable, journal, end: endOfJob(postable, outcome, journal, bodies) };
    });
  }

  async function runOne({ record, definition, store }: Postable, jobId: string): Promise<JobEnd> {
    world.add(jobId, record.scenario.flow);
    await cluster.client.post(definition, { key: jobId, store });
    return cluster.ended(jobId, 200_000);
  }

  it('can be posted, or there is a reason', () => {
    const { records, postable, others } = corpus;
    say(`${postable.length} of ${records} can be posted; of the others it is`);
    for (const [reason, count] of [...others].toSorted(([, a], [, b]) => b - a))
      say(`  ${String(count).padStart(5)} ${reason}`);
    expect(postable.length).toBeGreaterThanOrEqual(RUNS);
    expect(postable.length + [...others.values()].reduce((sum, count) => sum + count, 0)).toBe(records);
  });

  it(`end as recorded: ${RUNS} of them, seed ${seed}`, () => {
    compare(runs.slice(0, RUNS));
  });

  it(`end as recorded: ${OTHERS} others, different ones each time`, () => {
    say(`others: BATON_SEED=${otherSeed} repeats them`);
    compare(runs.slice(RUNS));
  });

  it('went on though the owner of many was killed', () => {
    const takenOver = runs.filter(({ journal }) => journal.filter(({ kind }) => kind === 'claim').length > 1);
    say(`${runs.length} jobs, ${world.calls} calls of tasks, ${takenOver.length} jobs taken over`);
    expect(takenOver.length).toBeGreaterThan(0);
  });

  it('would be seen to end otherwise', () => {
    const unseen = runs.filter(({ postable, end, journal }) => {
      const { flow, atoms } = end.phase;
      const [first = ''] = Object.keys(atoms);
      const otherwise: End = {
        ...end,
        phase: {
          ...end.phase,
          flow: flow === 'SUCCESS' ? 'REVERTED' : 'SUCCESS',
          atoms: { ...atoms, [first]: {} },
        },
      };
      return !endDifference(postable, otherwise) || isMadeByOrder(postable, otherwise, journal);
    });
    expect(unseen.map(({ jobId }) => jobId)).toEqual([]);
  });

  /** Fails with all differences, unless the order of answers explains them: that may be so for one recording in 250, and is a defect when it is often so. */
  function compare(compared: readonly Run[]): void {
    const told: string[] = [];
    let byOrder = 0;
    for (const run of compared) {
      const difference = endDifference(run.postable, run.end);
      if (!difference) continue;
      if (isMadeByOrder(run.postable, run.end, run.journal)) {
        byOrder++;
        say(`another end by the order of answers, as in this process: ${lines(run, difference)}`);
      } else told.push(`✗ ${lines(run, difference)}`);
    }
    if (told.length > 0) throw new Error(`${told.length} ended otherwise:\n${told.join('\n')}`);
    expect(byOrder).toBeLessThanOrEqual(Math.ceil(compared.length / 25));
  }
});

function lines({ jobId, postable }: Run, { where, expected, got, rule }: Difference): string {
  const name = `${postable.record.scenario.id} (${jobId}): ${where}${rule === undefined ? '' : ` (${rule})`}`;
  return `${name}\n    TaskFlow  ${expected.slice(0, 800)}\n    Baton     ${got.slice(0, 800)}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
