/** One seed, from the first process to the verdict. */
import { createHash } from 'node:crypto';
import type { JobReport } from '@baton/client';
import type { JournalEntry } from '@baton/core';
import { violations, type JobEvidence } from './checker.js';
import { Cluster } from './cluster.js';
import { Faults } from './faults.js';
import type { LogLine } from './process.js';
import { below, pick, planJobs, type PlannedJob } from './workload.js';

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Of everything that was stored and done: equal for the same seed and commit (I20). */
  readonly hash: string;
  readonly stats: {
    readonly jobs: number;
    readonly events: number;
    readonly virtualMs: number;
    readonly calls: number;
    readonly entries: number;
    readonly takeovers: number;
    readonly fenced: number;
    readonly faults: Readonly<Record<string, number>>;
    readonly outcomes: Readonly<Record<string, number>>;
  };
}

export interface SimulationOptions {
  readonly seed: number;
  readonly onLog?: (line: LogLine) => void;
}

/** Faults strike until then, virtual ms; and so long may the rest take afterwards (I08). */
const faultsUntilMs = 15_000;
const healMs = 180_000;
/** Kinds after which an answer of a worker may be lost or late. */
const losingAnswers = /worker|session|log|coordination|store/;

export async function simulate({ seed, onLog }: SimulationOptions): Promise<SimulationResult> {
  const counts = { takeovers: 0, fenced: 0 };
  const choice = firstChoices(seed);
  const cluster = new Cluster({
    ...choice,
    seed,
    onLog: (line) => {
      if (line.message === 'job.taken-over') counts.takeovers++;
      if (line.message === 'job.fenced') counts.fenced++;
      onLog?.(line);
    },
  });
  const { time, random } = cluster;
  // a fresh board is laid out by whoever comes first; mostly before anything is watched, because it takes a thousand requests
  if (seed % 10 !== 0) await driven(cluster, cluster.client.cluster());
  for (let n = 1; n <= choice.conductors; n++) cluster.start('conductor', `c${n}`);
  for (let n = 1; n <= choice.workers; n++) cluster.start('worker', `w${n}`);
  const plan = planJobs(random, choice.jobsMax);
  const faults = new Faults(cluster, { untilMs: faultsUntilMs, count: choice.faults });
  const running = new Set(plan.map(({ jobId }) => jobId));
  for (const job of plan)
    time.schedule(job.atMs, () => void play(cluster, job).then(() => running.delete(job.jobId)));
  const found: string[] = [];
  const isOver = (): boolean => time.nowMs > faultsUntilMs && running.size === 0;
  if (!(await time.run(isOver, faultsUntilMs + healMs)))
    found.push(
      ...[...running].map((jobId) => `I08 ${jobId} has not ended ${healMs / 1_000} s after the last fault`),
    );
  // late messages of zombies, settlements
  await time.run(() => false, time.nowMs + 30_000);
  const jobs = await evidenceOf(
    cluster,
    plan.map(({ jobId }) => jobId),
  );
  const mayRepeat = [...faults.struck.keys()].some((kind) => losingAnswers.test(kind));
  const leftOnBoard = running.size > 0 ? [] : await boardOf(cluster);
  found.push(
    ...violations({ effects: cluster.effects, jobs, leftOnBoard, crashes: cluster.crashes, mayRepeat }),
  );
  return {
    seed,
    violations: found,
    hash: hashOf(cluster, jobs),
    stats: {
      jobs: plan.length,
      events: time.events,
      virtualMs: time.nowMs,
      calls: cluster.effects.calls.length,
      entries: jobs.reduce((sum, { entries }) => sum + entries.length, 0),
      ...counts,
      faults: Object.fromEntries(faults.struck),
      outcomes: countBy(jobs.map(({ report }) => report.outcome ?? 'none')),
    },
  };
}

function firstChoices(seed: number) {
  // a cluster of its own for choices would be another stream; a small generator is enough for what stands at the beginning
  let state = seed * 2_654_435_761;
  const fraction = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) >>> 0;
    return state / 4_294_967_296;
  };
  const random = { fraction } as Parameters<typeof below>[0];
  return {
    sessionTimeoutMs: pick(random, [1_000, 2_000, 4_000]),
    tripMs: pick(random, [0.2, 1, 5]),
    skewMs: pick(random, [0, 1_000, 300_000]),
    concurrency: pick(random, [1, 4, 16]),
    conductors: 1 + below(random, 4),
    workers: 1 + below(random, 4),
    jobsMax: pick(random, [1, 3, 8]),
    faults: pick(random, [2, 6, 15, 30]),
  };
}

/** Posts until it is acknowledged, perhaps cancels, waits for the end: as a user does, whatever fails meanwhile. */
async function play({ client, outside, time }: Cluster, job: PlannedJob): Promise<void> {
  const persist = async (what: () => Promise<unknown>): Promise<void> => {
    for (;;)
      try {
        await what();
        return;
      } catch (error) {
        const { code } = error as { readonly code?: string };
        if (code === 'BATON_CONFLICT_ENDED') return;
        if (code === undefined || !code.startsWith('BATON_UNAVAILABLE_')) throw error;
        await new Promise<void>((resolve) => outside.clock.setTimer(100, resolve));
      }
  };
  await persist(() => client.post(job.definition, { key: job.jobId }));
  if (job.cancelAfterMs !== undefined) {
    const { cancelAfterMs } = job;
    await new Promise<void>((resolve) => void time.schedule(cancelAfterMs, resolve));
    await persist(() => client.cancel(job.jobId));
  }
  await persist(() => client.wait(job.jobId));
}

async function evidenceOf(cluster: Cluster, jobIds: readonly string[]): Promise<JobEvidence[]> {
  const jobs: JobEvidence[] = [];
  for (const jobId of jobIds) {
    const found = await driven(cluster, read(cluster, jobId));
    if (found !== undefined) jobs.push(found);
  }
  return jobs;
}

async function read({ client }: Cluster, jobId: string): Promise<JobEvidence | undefined> {
  let report: JobReport;
  try {
    report = await client.job(jobId);
  } catch {
    return undefined; // it was never posted: said as not ended
  }
  const entries: JournalEntry[] = [];
  const over = new AbortController();
  try {
    for await (const entry of client.watch(jobId, { signal: over.signal })) {
      entries.push(entry);
      if (entries.length > report.owners.length + 5_000) break;
      if (report.outcome === undefined) over.abort(); // what there is, is enough to see why it hangs
    }
  } catch {
    // aborted
  }
  return { jobId, report, entries };
}

async function boardOf(cluster: Cluster): Promise<string[]> {
  const listed = await driven(cluster, cluster.client.jobs());
  return listed.map(({ jobId }) => jobId);
}

async function driven<T>({ time }: Cluster, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  promise.then(over, over);
  if (!(await time.run(() => isOver, time.nowMs + 60_000)))
    throw new Error('a look at the end takes longer than a minute');
  return promise;
}

function hashOf(cluster: Cluster, jobs: readonly JobEvidence[]): string {
  const { time, effects } = cluster;
  const history = { events: time.events, jobs: jobs.map(({ entries }) => entries), calls: effects.calls };
  const text = JSON.stringify(history, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
