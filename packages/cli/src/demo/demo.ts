/**
 * Purpose: the script of the demo: members up, six jobs posted, a conductor killed, then a worker, both started again, everything checked.
 * States: opening → playing → reported, or ended early by the signal; in each case every process is ended and the folder removed.
 * On failure: what does not happen before the deadline ends the demo with what it was waiting for.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { MemberKind } from '@baton/core';
import type { Client } from '@baton/client';
import { Performance, type DemoEvent } from './performance.js';
import { fanOutJob, releaseJob, type Pace, type PlannedJob } from './release.js';
import { reportOn, type DemoReport, type PostedJob } from './report.js';
import { countOf, requestsOn } from './run-model.js';
import type { Source } from './source-files.js';
import { Stage, type StageOptions } from './stage.js';
import { workplaceIn, type Workplace } from './workplace.js';

export const killChoices = ['conductor', 'worker', 'both', 'host', 'none'] as const;
export type KillChoice = (typeof killChoices)[number];

export interface DemoOptions {
  readonly kill: KillChoice;
  /** Five: the last one is for the release that is refused. */
  readonly sources: readonly Source[];
  readonly fanOut: number;
  readonly stage: Omit<StageOptions, 'onLine'>;
  readonly tasksModule: string;
  /** The settings of every member and of the client, once it is known where the services are. */
  readonly connect: (
    address: string | undefined,
  ) => Promise<{ readonly client: Client; readonly variables: Readonly<Record<string, string>> }>;
  /** Quit, and the deadline. */
  readonly signal: AbortSignal;
  readonly tell: (event: DemoEvent) => void;
  /** Told when there is something to look at. */
  readonly onPerformance: (performance: Performance) => void;
}

const conductors = ['c1', 'c2', 'c3'];
const workers = ['w1', 'w2', 'w3'];
const pace: Pace = { stepMs: 400, hashMs: 800, compressMs: 1_400, touchMs: 400 };

/** Plays it. @throws the signal's reason; whatever keeps it from starting */
export async function playDemo(options: DemoOptions): Promise<DemoReport> {
  let performance: Performance | undefined;
  const stage = await Stage.open({ ...options.stage, onLine: (line) => performance?.heard(line) });
  try {
    const { client, variables } = await options.connect(stage.address);
    stage.variables = variables;
    await client.cluster(); // services that cannot be reached are the first thing to be said
    performance = new Performance({
      stage,
      client,
      signal: options.signal,
      tell: options.tell,
      argsOf: (kind) => (kind === 'worker' ? ['--tasks', options.tasksModule] : []),
    });
    options.onPerformance(performance);
    return await play(performance, options, workplaceIn(stage.folder));
  } finally {
    performance?.close();
    await stage.close();
  }
}

async function play(performance: Performance, options: DemoOptions, place: Workplace): Promise<DemoReport> {
  for (const folder of [place.work, place.output, place.effects]) mkdirSync(folder);
  writeFileSync(place.key, randomBytes(32), { mode: 0o600 });
  for (const id of conductors) performance.start('conductor', id);
  for (const id of workers) performance.start('worker', id);
  void performance.followMembers();
  await performance.until('all members to be up', () => isWhole(performance));
  const posted: PostedJob[] = [];
  for (const job of plan(options, place)) posted.push({ ...job, jobId: await performance.post(job) });
  await killings(performance, options.kill);
  await performance.until('all jobs to end', () => performance.allEnded);
  await performance.until('the killed ones to be back', () => isWhole(performance));
  const wanted: Record<KillChoice, readonly MemberKind[]> = {
    conductor: ['conductor'],
    worker: ['worker'],
    both: ['conductor', 'worker'],
    host: ['conductor', 'worker'],
    none: [],
  };
  return reportOn(performance, posted, { place, wantedFailovers: wanted[options.kill] });
}

function plan({ sources, fanOut }: DemoOptions, place: Workplace): readonly PlannedJob[] {
  const refused = sources.at(-1);
  return [
    ...sources.slice(0, -1).map((source) => releaseJob(source, { place, pace })),
    ...(refused === undefined ? [] : [releaseJob(refused, { place, pace, refuse: true })]),
    fanOutJob(fanOut, { place, pace }),
  ];
}

/** One after the other, each when it hurts: a conductor with jobs whose tasks run, a worker with tasks in hand. */
async function killings(performance: Performance, choice: KillChoice): Promise<void> {
  const { conductor, worker, host } = {
    conductor: choice === 'conductor' || choice === 'both' || choice === 'host',
    worker: choice === 'worker' || choice === 'both' || choice === 'host',
    host: choice === 'host',
  };
  if (conductor) await killOne(performance, { after: 0.08, victim: () => busiestConductor(performance) });
  if (worker) await killOne(performance, { after: 0.3, victim: () => busiestWorker(performance) });
  if (host) await killOne(performance, { after: 0.5, victim: () => busiestConductor(performance), host });
}

async function killOne(
  performance: Performance,
  o: { readonly after: number; readonly victim: () => string | undefined; readonly host?: boolean },
): Promise<void> {
  await performance.until(
    'work to be under way',
    () =>
      performance.allEnded ||
      (progress(performance) >= o.after && isWhole(performance) && o.victim() !== undefined),
  );
  const victim = o.victim();
  const kill = victim === undefined ? undefined : performance.kill(victim, { host: o.host === true });
  if (kill === undefined) return; // the report will say that it is missing
  await performance.until(`the survivors to take over from ${kill.member}`, () =>
    performance.isTakenOver(kill),
  );
  const failover = performance.failoverOf(kill);
  if (failover !== undefined)
    performance.tell('failover', `${kill.kind} ${kill.member} was taken over in ${failover.totalMs} ms`, {
      ...failover,
    });
  await performance.restart(kill);
}

function isWhole({ members }: Performance): boolean {
  return [...members.values()].every(({ state }) => state === 'up');
}

/** Part of all atoms that have run, 0 to 1. */
function progress({ jobs }: Performance): number {
  let done = 0;
  let all = 0;
  for (const job of jobs.values()) {
    done += countOf(job, 'SUCCESS', 'REVERTED', 'FAILURE');
    all += job.atomCount;
  }
  return all === 0 ? 0 : done / all;
}

function busiestConductor(performance: Performance): string | undefined {
  const loads = conductors.map((id) => {
    const jobs = performance.jobsOf(id).filter((job) => job.open.size > 0);
    return { id, load: jobs.length * 10_000 + jobs.reduce((sum, job) => sum + job.open.size, 0) };
  });
  return busiest(loads);
}

function busiestWorker({ jobs }: Performance): string | undefined {
  return busiest(workers.map((id) => ({ id, load: requestsOn(jobs.values(), id).length })));
}

function busiest(loads: readonly { readonly id: string; readonly load: number }[]): string | undefined {
  const [first] = loads.filter(({ load }) => load > 0).sort((a, b) => b.load - a.load);
  return first?.id;
}
