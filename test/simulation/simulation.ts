/** One seed, from the first process to the verdict. */
import { check } from './checker/check.js';
import { claimOrderRules } from './checker/claim-order-rules.js';
import type { Evidence } from './checker/evidence.js';
import { runsOf } from './checker/runs.js';
import { secretRules } from './checker/secret-rules.js';
import type { Takeover } from './checker/takeover-rules.js';
import { figuresOf, timeRules } from './checker/time-rules.js';
import type { WorkerLoss } from './checker/worker-loss-rules.js';
import { choicesOf, streamOf, type Choices } from './choices.js';
import { Cluster } from './cluster.js';
import { Faults, planFaults, type ThemeName } from './faults.js';
import { wallStartMs, type LogLine } from './process.js';
import { withRouted } from './routed-workload.js';
import { planSchedules, ScheduleMaker } from './schedules.js';
import { User } from './user.js';
import { planJobs, withRepairs, withWaits } from './workload.js';

/** A run, in full or with parts of its plan left out. */
export interface RunPlan {
  readonly seed: number;
  /** Numbers of the faults that strike; all when absent. */
  readonly faults?: readonly number[];
  /** Ids of the jobs that are posted; all when absent. */
  readonly jobs?: readonly string[];
  /** Runs only when its faults are of this theme. */
  readonly theme?: ThemeName;
}

export interface SimulationResult {
  /** With everything named that was in it. */
  readonly plan: Required<Omit<RunPlan, 'theme'>>;
  readonly violations: readonly string[];
  /** Of everything that happened: equal for the same plan and sources (I20). */
  readonly hash: string;
  readonly stats: SimulationStats;
}

export interface SimulationStats {
  readonly jobs: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly calls: number;
  readonly entries: number;
  /** Claims of jobs that had an owner before. */
  readonly takeovers: number;
  /** Times that a job fell asleep. */
  readonly sleeps: number;
  /** Entries of former owners that the store refused. */
  readonly refusedWrites: number;
  /** Calls beyond the first of one request. */
  readonly repeatedCalls: number;
  /** Work that was done for the first time after it had been undone (P-106). */
  readonly lateWork: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Of owners that were killed while nothing else was in the way (I17). */
  readonly takenOver: readonly Takeover[];
  /** Requests of workers that left while nothing else was in the way (P-934). */
  readonly workersLost: readonly WorkerLoss[];
}

/** So long may everything take that is left when the faults are over (I08). */
const healMs = 400_000;

export async function simulate(plan: RunPlan, onLog?: (line: LogLine) => void): Promise<SimulationResult> {
  const { seed } = plan;
  const choices = choicesOf(seed);
  const untilMs = choices.faultsUntilMs;
  const cluster = await Cluster.start({ seed, choices, onLog });
  const { time, history, world } = cluster;
  for (let n = 1; n <= choices.conductors; n++) cluster.start('conductor', `c${n}`);
  for (let n = 1; n <= choices.workers; n++) cluster.start('worker', `w${n}`);
  const planned = planJobs(streamOf(seed, 'jobs'), choices.jobs, streamOf(seed, 'pauses'));
  const isWanted = (id: string): boolean => plan.jobs?.includes(id) ?? true;
  const routed = withRouted(planned, streamOf(seed, 'routed'));
  const waiting = withWaits(routed, streamOf(seed, 'waits'));
  const jobs = withRepairs(waiting, streamOf(seed, 'repairs')).filter(({ jobId }) => isWanted(jobId));
  const users = jobs.map((job) => new User(cluster, job));
  const schedules = planSchedules(streamOf(seed, 'schedules'), { untilMs }).filter(({ scheduleId }) =>
    isWanted(scheduleId),
  );
  const makers = schedules.map((schedule) => new ScheduleMaker(cluster, schedule));
  const plannedFaults = planFaults(seed, { count: choices.faults, untilMs }).filter(
    ({ number }) => plan.faults?.includes(number) ?? true,
  );
  const { sessionTimeoutMs } = choices;
  const faults = new Faults({ cluster, users }, plannedFaults, { seed, untilMs, sessionTimeoutMs });
  const found: string[] = [];
  // what is on the board when all users have their answers was posted by nobody who waits for it
  const isOver = (): boolean =>
    time.nowMs > untilMs && [...users, ...makers].every(({ isDone }) => isDone) && cluster.jobsOnBoard === 0;
  if (!(await time.run(isOver, untilMs + healMs))) {
    const waiting = [...users, ...makers].filter(({ isDone }) => !isDone).map(({ id }) => id);
    found.push(
      `I08 not over ${healMs / 1_000} s after the last fault: ${waiting.join(', ') || 'board not empty'}`,
    );
  }
  // late messages of those that were held, and sessions of the dead
  await time.run(() => !cluster.isAnyHeld, time.nowMs + 60_000);
  const graceMs = 2 * sessionTimeoutMs + 2_000;
  await time.run(() => false, time.nowMs + graceMs);
  // of somebody who was killed just now
  await time.run(() => cluster.leaks().length === 0, time.nowMs + graceMs);
  // a post that was finished meanwhile
  await time.run(() => cluster.jobsOnBoard === 0, time.nowMs + 60_000);
  const evidence: Evidence = {
    history,
    world,
    clocks: {
      startMs: wallStartMs,
      slackMs: 2 * slackOfBoardMs(choices),
      drift: choices.drift,
    },
    struck: new Set(faults.struck.keys()),
    jobs: runsOf([...users, ...makers.flatMap(({ jobs }) => jobs)], history.entries),
  };
  const known = new Set(evidence.jobs.map(({ job }) => job.jobId));
  for (const jobId of history.entries.keys())
    if (!known.has(jobId)) found.push(`I07 ${jobId} has a journal and nobody asked for it`);
  found.push(...cluster.crashes.map((crash) => `a process ended with an error: ${crash}`));
  found.push(
    ...cluster.leaks(),
    ...check(evidence),
    ...claimOrderRules(evidence),
    ...secretRules({ history }),
    ...makers.flatMap((maker) => [...maker.check(slackOfBoardMs(choices))]),
  );
  const figures = figuresOf({ history, jobs: evidence.jobs }, choices, evidence.struck);
  found.push(...timeRules({ history, jobs: evidence.jobs }, figures, choices));
  return {
    plan: {
      seed,
      faults: plannedFaults.map(({ number }) => number),
      jobs: [...users, ...makers].map(({ id }) => id),
    },
    violations: found,
    hash: history.digest(),
    stats: {
      ...statsOf(cluster, evidence, faults.struck),
      takenOver: figures.takenOver,
      workersLost: figures.workersLost,
    },
  };
}

/** By how much a conductor may take the clock of the board to be ahead: it asks for the time every half minute, and goes by its own in between. */
function slackOfBoardMs({ drift }: Choices): number {
  return 30_000 * (drift - 1) + 50;
}

function statsOf(
  cluster: Cluster,
  { jobs }: Evidence,
  struck: ReadonlyMap<string, number>,
): Omit<SimulationStats, 'takenOver' | 'workersLost'> {
  const { history } = cluster;
  const entries = jobs.flatMap((job) => job.entries.map(({ entry }) => entry));
  const claims = entries.filter(({ kind }) => kind === 'claim').length;
  const claimed = jobs.filter((job) => job.entries.some(({ entry }) => entry.kind === 'claim')).length;
  const outcomes: Record<string, number> = {};
  for (const entry of entries)
    if (entry.kind === 'terminal') outcomes[entry.outcome] = (outcomes[entry.outcome] ?? 0) + 1;
  return {
    jobs: jobs.length,
    events: cluster.time.events,
    virtualMs: cluster.time.nowMs,
    calls: history.calls.length,
    entries: entries.length,
    takeovers: claims - claimed,
    sleeps: history.sleeps,
    refusedWrites: history.refused.length,
    repeatedCalls: history.calls.length - new Set(history.calls.map(({ requestId }) => requestId)).size,
    lateWork: cluster.world.late.length,
    faults: Object.fromEntries(struck),
    outcomes,
  };
}
