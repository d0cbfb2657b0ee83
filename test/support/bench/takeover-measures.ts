/** What `npm run bench -- takeover` measures: SIGKILL of a member that has work in hand, until the work goes on elsewhere. Times in ms. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@baton/testkit';
import { workerConcurrencyMax } from '@baton/core';
import type { LogLine, MemberProcess } from '../cluster/member-process.js';
import { BenchCluster, monotonicMs, type Effect } from './bench-cluster.js';
import { sleepStore, sleepThenNoop } from './bench-flows.js';
import { distributionOf, type Distribution } from './distribution.js';

/** From one moment to the next; all of one series. Negative where two things happen at the same time in two processes. */
export const phases = [
  'kill → child reaped',
  'reaped → session ended',
  'session ended → seen',
  'kill → seen',
  'seen → claimed',
  'claimed → head found',
  'head found → fenced',
  'fenced → loaded',
  'kill → first entry, first job',
  'kill → first entry, last job',
  'first entry → adopted',
  'kill → all adopted',
] as const;
export type Phase = (typeof phases)[number];

export interface TakeoverFigures {
  readonly kills: number;
  /** Jobs of the dead conductor at each kill, each with one running task. */
  readonly jobs: number;
  readonly survivors: number;
  readonly guard: boolean;
  readonly phases: Readonly<Partial<Record<Phase, Distribution>>>;
  /** Open requests found at the takeovers. */
  readonly requests: number;
  /** Jobs all of whose requests were answered to their new owner without being run again. */
  readonly adopted: number;
  /** Requests whose task was started more than once. */
  readonly executedTwice: number;
  /** Claims that a survivor lost to another one. */
  readonly conflicts: number;
  /** Jobs that were not owned again, or did not end well. */
  readonly lost: number;
}

export interface TakeoverOptions {
  readonly kills: number;
  readonly jobs: number;
  /** Conductors beside the one that is killed. */
  readonly survivors: number;
  readonly guard: boolean;
}

const SESSION_TIMEOUT = '4s';
const ownedAgainMs = 60_000;
const endedMs = 120_000;
/** Starting more jobs takes longer than the session of a conductor lasts that is paused meanwhile; then those beside the victim start behind it. */
const pausedFor = 2_000;

export async function conductorKills(options: TakeoverOptions): Promise<TakeoverFigures> {
  const { kills, jobs, survivors, guard } = options;
  const bench = new BenchCluster({
    sessionTimeout: SESSION_TIMEOUT,
    env: { BATON_CONDUCTOR_MAX_JOBS: String(Math.max(2_000, jobs)) },
  });
  const start = (): Promise<MemberProcess> => bench.conductor(...(guard ? [] : ['--no-guard']));
  const isPaused = jobs <= pausedFor;
  const took = new Map<Phase, number[]>();
  const count = { requests: 0, adopted: 0, conflicts: 0, lost: 0 };
  try {
    const workers = Array.from({ length: Math.max(2, Math.ceil(jobs / workerConcurrencyMax)) }, () =>
      bench.worker(),
    );
    const conductors = await Promise.all(Array.from({ length: isPaused ? survivors + 1 : 1 }, start));
    await Promise.all(workers);
    for (let n = 0; n < 3; n++) await bench.run(sleepThenNoop, 100, sleepStore(1));
    for (let kill = 0; kill < kills; kill++) {
      const victim = conductors.shift() as MemberProcess;
      const beside = async (): Promise<readonly MemberProcess[]> => {
        while (conductors.length < survivors) conductors.push(await start());
        return conductors;
      };
      const one = await killConductor(bench, { victim, paused: conductors, beside, jobs, guard });
      for (const [phase, ms] of one.times) took.set(phase, [...(took.get(phase) ?? []), ...ms]);
      count.requests += one.requests;
      count.adopted += one.adopted;
      count.conflicts += one.conflicts;
      count.lost += one.lost;
      if (isPaused) conductors.push(await start());
      else
        for (const other of conductors.splice(1)) {
          other.terminate();
          await other.exited;
        }
      await bench.run(sleepThenNoop, 60, sleepStore(1)); // the new one is warm again
    }
    return {
      kills,
      jobs,
      survivors,
      guard,
      phases: Object.fromEntries([...took].map(([phase, ms]) => [phase, distributionOf(ms)])),
      executedTwice: startedTwice(bench.ledger()),
      ...count,
    };
  } finally {
    await bench.dispose();
  }
}

interface OneKill {
  readonly times: ReadonlyMap<Phase, readonly number[]>;
  readonly requests: number;
  readonly adopted: number;
  readonly conflicts: number;
  readonly lost: number;
}

async function killConductor(
  bench: BenchCluster,
  options: {
    readonly victim: MemberProcess;
    /** Idle while the victim gets its jobs; then there are those `beside` it. */
    readonly paused: readonly MemberProcess[];
    beside(): Promise<readonly MemberProcess[]>;
    readonly jobs: number;
    readonly guard: boolean;
  },
): Promise<OneKill> {
  const { victim, paused, jobs, guard } = options;
  // long enough that all tasks still run when the jobs have found their new owner
  const sleepMs = guard ? 500 + (jobs > pausedFor ? 8 : 3) * jobs : 8_000;
  const { ids, post } = await bench.prepare(sleepThenNoop, jobs, sleepStore(sleepMs));
  for (const survivor of paused) survivor.pause(); // all jobs are the victim's
  await post();
  const mine = new Set(ids);
  await eventually(() => startsOf(bench.ledger(), mine).length === jobs, {
    withinMs: 3_000 + 10 * jobs,
    what: `all ${jobs} tasks run`,
  }).finally(() => {
    for (const survivor of paused) survivor.resume();
  });
  const survivors = await options.beside();
  await delay(100 + Math.random() * 200);

  const seen = survivors.map((member) => ({ member, from: member.lines.length }));
  const lines = (message: string): readonly LogLine[] =>
    seen.flatMap(({ member, from }) => linesOf(member, message, from));
  const { pid } = victim;
  const killedAtMs = monotonicMs();
  process.kill(pid, 'SIGKILL');
  // what is not owned again, or does not end, is counted
  await eventually(() => lines('job.taken-over').length >= jobs, {
    withinMs: ownedAgainMs,
    what: `${jobs} jobs are owned again`,
  }).catch(() => undefined);
  await bench.ended(ids, { withinMs: endedMs }).catch(() => undefined);
  const takenOver = lines('job.taken-over');
  const adopted = lines('job.adopted');
  const ownedAgain = new Set(takenOver.map((line) => line['jobId']));
  return {
    times: timesOf({ killedAtMs, victim, jobs, takenOver, adopted }),
    requests: takenOver.reduce((sum, line) => sum + Number(line['requests']), 0),
    adopted: adopted.length,
    conflicts: lines('claim.lost-to-another').length,
    lost: ids.filter((id) => !ownedAgain.has(id) || bench.ends.get(id)?.outcome !== 'SUCCESS').length,
  };
}

function timesOf(moments: {
  readonly killedAtMs: number;
  readonly victim: MemberProcess;
  readonly jobs: number;
  readonly takenOver: readonly LogLine[];
  readonly adopted: readonly LogLine[];
}): Map<Phase, number[]> {
  const { killedAtMs, victim, jobs, takenOver, adopted } = moments;
  const reapedAtMs = momentOf(victim, 'guard.child.ended');
  const sessionEndedAtMs = momentOf(victim, 'guard.session.ended');
  const at = (name: string): number[] => takenOver.map((line) => Number(line[name]));
  const between = (begin: string, end: string): number[] =>
    takenOver.map((line) => Number(line[end]) - Number(line[begin]));
  const adoptedAtMs = new Map(adopted.map((line) => [line['jobId'], Number(line['monotonicMs'])]));
  const fencedAtMs = at('fencedAtMs');
  const times = new Map<Phase, number[]>([
    ['kill → seen', at('seenAtMs').map((ms) => ms - killedAtMs)],
    ['seen → claimed', between('seenAtMs', 'claimedAtMs')],
    ['claimed → head found', between('claimedAtMs', 'foundAtMs')],
    ['head found → fenced', between('foundAtMs', 'fencedAtMs')],
    ['fenced → loaded', between('fencedAtMs', 'loadedAtMs')],
    ['kill → first entry, first job', fencedAtMs.length === 0 ? [] : [Math.min(...fencedAtMs) - killedAtMs]],
    ['kill → first entry, last job', lastOf(fencedAtMs, { of: jobs, killedAtMs })],
    [
      'first entry → adopted',
      takenOver.flatMap((line) => {
        const ms = adoptedAtMs.get(line['jobId']);
        return ms === undefined ? [] : [ms - Number(line['fencedAtMs'])];
      }),
    ],
    ['kill → all adopted', lastOf([...adoptedAtMs.values()], { of: jobs, killedAtMs })],
  ]);
  if (reapedAtMs !== undefined && sessionEndedAtMs !== undefined) {
    times.set('kill → child reaped', [reapedAtMs - killedAtMs]);
    times.set('reaped → session ended', [sessionEndedAtMs - reapedAtMs]);
    times.set(
      'session ended → seen',
      at('seenAtMs').map((ms) => ms - sessionEndedAtMs),
    );
  }
  return times;
}

/** No figure where some are missing: the last of those that are there would flatter. */
function lastOf(atMs: readonly number[], o: { readonly of: number; readonly killedAtMs: number }): number[] {
  return atMs.length < o.of ? [] : [Math.max(...atMs) - o.killedAtMs];
}

export interface WorkerLossFigures {
  readonly kills: number;
  /** From SIGKILL of the worker to the start of the task on the other one. */
  readonly secondDelivery: Distribution | undefined;
  /** From SIGKILL to the moment when the conductor saw the worker gone. */
  readonly seen: Distribution | undefined;
  /** Tasks that were in the hands of dead workers. */
  readonly tasks: number;
}

export async function workerKills(kills: number): Promise<WorkerLossFigures> {
  const bench = new BenchCluster({ sessionTimeout: SESSION_TIMEOUT });
  const secondDelivery: number[] = [];
  const seen: number[] = [];
  try {
    const [conductor, ...first] = await Promise.all([bench.conductor(), bench.worker(), bench.worker()]);
    let workers: MemberProcess[] = first;
    for (let n = 0; n < 3; n++) await bench.run(sleepThenNoop, 100, sleepStore(1));
    for (let kill = 0; kill < kills; kill++) {
      const { ids, post } = await bench.prepare(sleepThenNoop, 1, sleepStore(300));
      await post();
      const mine = new Set(ids);
      const started = await eventually(() => startsOf(bench.ledger(), mine)[0], { what: 'the task runs' });
      await delay(Math.random() * 200);
      const from = conductor.lines.length;
      const victim = workers.find((worker) => worker.id === started.worker);
      if (victim === undefined) throw new Error(`${started.worker} is none of the workers`);
      const { pid } = victim;
      const killedAtMs = monotonicMs();
      process.kill(pid, 'SIGKILL');
      await bench.ended(ids);
      for (const { delivery, atMs } of startsOf(bench.ledger(), mine))
        if (delivery > 1) secondDelivery.push(atMs - killedAtMs);
      for (const line of linesOf(conductor, 'worker.lost', from))
        seen.push(Number(line['seenAtMs']) - killedAtMs);
      workers = [...workers.filter((worker) => worker !== victim), await bench.worker()];
      await bench.run(sleepThenNoop, 60, sleepStore(1));
    }
    return {
      kills,
      secondDelivery: distributionOf(secondDelivery),
      seen: distributionOf(seen),
      tasks: kills,
    };
  } finally {
    await bench.dispose();
  }
}

/** Starts of the tasks that take their time. */
function startsOf(ledger: readonly Effect[], flows: ReadonlySet<string>): readonly Effect[] {
  return ledger.filter(
    ({ phase, atom, flowId }) => phase === 'start' && atom === 'sleep' && flows.has(flowId),
  );
}

function startedTwice(ledger: readonly Effect[]): number {
  const starts = ledger.filter(({ phase }) => phase === 'start');
  return starts.length - new Set(starts.map(({ requestId }) => requestId)).size;
}

function linesOf(member: MemberProcess, message: string, from: number): readonly LogLine[] {
  return member.lines.slice(from).filter((line) => line.message === message);
}

function momentOf(member: MemberProcess, message: string): number | undefined {
  const line = member.lines.findLast((one) => one.message === message);
  return line === undefined ? undefined : Number(line['monotonicMs']);
}
