/** What `npm run bench -- takeover` measures: SIGKILL of a member that has work in hand, until the work goes on elsewhere. Times in ms. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@baton/testkit';
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
  readonly guard: boolean;
  readonly phases: Readonly<Partial<Record<Phase, Distribution>>>;
  /** Open requests found at the takeovers. */
  readonly requests: number;
  /** Jobs all of whose requests were answered to their new owner without being run again. */
  readonly adopted: number;
  /** Requests whose task was started more than once. */
  readonly executedTwice: number;
  readonly lost: number;
}

export interface TakeoverOptions {
  readonly kills: number;
  readonly jobs: number;
  readonly guard: boolean;
}

const SESSION_TIMEOUT = '4s';

export async function conductorKills({ kills, jobs, guard }: TakeoverOptions): Promise<TakeoverFigures> {
  const bench = new BenchCluster({ sessionTimeout: SESSION_TIMEOUT });
  const start = (): Promise<MemberProcess> => bench.conductor(...(guard ? [] : ['--no-guard']));
  const took = new Map<Phase, number[]>();
  const count = { requests: 0, adopted: 0, lost: 0 };
  try {
    let [a, b] = await Promise.all([start(), start(), bench.worker(), bench.worker()]);
    for (let n = 0; n < 3; n++) await bench.run(sleepThenNoop, 100, sleepStore(1));
    for (let kill = 0; kill < kills; kill++) {
      const [victim, survivor] = kill % 2 === 0 ? [a, b] : [b, a];
      const one = await killConductor(bench, { victim, survivor, jobs, guard });
      for (const [phase, ms] of one.times) took.set(phase, [...(took.get(phase) ?? []), ...ms]);
      count.requests += one.requests;
      count.adopted += one.adopted;
      count.lost += one.lost;
      const next = await start();
      if (kill % 2 === 0) a = next;
      else b = next;
      await bench.run(sleepThenNoop, 60, sleepStore(1)); // the new one is warm again
    }
    return {
      kills,
      jobs,
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
  readonly lost: number;
}

async function killConductor(
  bench: BenchCluster,
  options: {
    readonly victim: MemberProcess;
    readonly survivor: MemberProcess;
    readonly jobs: number;
    readonly guard: boolean;
  },
): Promise<OneKill> {
  const { victim, survivor, jobs, guard } = options;
  // long enough that all tasks still run when the jobs have found their new owner
  const sleepMs = guard ? 500 + 3 * jobs : 8_000;
  const { ids, post } = await bench.prepare(sleepThenNoop, jobs, sleepStore(sleepMs));
  survivor.pause(); // all jobs are the victim's
  await post();
  const mine = new Set(ids);
  await eventually(() => startsOf(bench.ledger(), mine).length === jobs, {
    withinMs: 3_000 + 10 * jobs,
    what: `all ${jobs} tasks run`,
  }).finally(() => survivor.resume());
  await delay(100 + Math.random() * 200);

  const from = survivor.lines.length;
  const { pid } = victim;
  const killedAtMs = monotonicMs();
  process.kill(pid, 'SIGKILL');
  await eventually(() => linesOf(survivor, 'job.taken-over', from).length >= jobs, {
    withinMs: 20_000,
    what: `${survivor.id} has taken over ${jobs} jobs`,
  });
  const lost = await bench.ended(ids, { withinMs: 60_000 }).then(
    () => 0,
    () => 1,
  );
  const takenOver = linesOf(survivor, 'job.taken-over', from);
  const adopted = linesOf(survivor, 'job.adopted', from);
  return {
    times: timesOf({ killedAtMs, victim, takenOver, adopted }),
    requests: takenOver.reduce((sum, line) => sum + Number(line['requests']), 0),
    adopted: adopted.length,
    lost,
  };
}

function timesOf(moments: {
  readonly killedAtMs: number;
  readonly victim: MemberProcess;
  readonly takenOver: readonly LogLine[];
  readonly adopted: readonly LogLine[];
}): Map<Phase, number[]> {
  const { killedAtMs, victim, takenOver, adopted } = moments;
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
    ['kill → first entry, first job', [Math.min(...fencedAtMs) - killedAtMs]],
    ['kill → first entry, last job', [Math.max(...fencedAtMs) - killedAtMs]],
    [
      'first entry → adopted',
      takenOver.flatMap((line) => {
        const ms = adoptedAtMs.get(line['jobId']);
        return ms === undefined ? [] : [ms - Number(line['fencedAtMs'])];
      }),
    ],
    ['kill → all adopted', [Math.max(...adoptedAtMs.values()) - killedAtMs]],
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
