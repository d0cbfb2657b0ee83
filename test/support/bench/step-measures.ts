/** What `npm run bench -- step` measures, one function per figure. Times in ms unless the name says otherwise. */
import { setTimeout as delay } from 'node:timers/promises';
import { BenchCluster, monotonicMs, type Effect } from './bench-cluster.js';
import { fan, steps, text, textStore } from './bench-flows.js';
import type { CpuUse } from './cpu-meter.js';
import { distributionOf, medianOf, type Distribution } from './distribution.js';
import { openFloorMeter, type Floor } from './floor.js';

export interface CpuPer {
  readonly ms: number;
  readonly byGroup: Readonly<Record<string, number>>;
  /** Shares of the machine, 0 to 1. */
  readonly busy: number;
  readonly foreign: number;
}

export interface SequentialFigures {
  readonly flows: number;
  /** From the start of a task on its worker to the start of the next one. */
  readonly step: Distribution | undefined;
  /** From the claim entry to the terminal entry, by the times in the journal, divided by the number of steps. */
  readonly journalStepMean: number;
  readonly floorBefore: Floor;
  readonly floorAfter: Floor;
  /** Median step by the sum of the median insert and the median round trip, the mean of before and after. */
  readonly ratioToFloor: number;
  readonly cpuPerStep: CpuPer;
}

const STEPS = 10;

/** One flow at a time, 1 conductor, 1 worker. */
export async function sequential(flows: number, env: Record<string, string>): Promise<SequentialFigures> {
  const bench = new BenchCluster({ env });
  const floor = await openFloorMeter(text);
  try {
    await Promise.all([bench.conductor(), bench.worker()]);
    const one = () => bench.run(steps(STEPS, { stamped: true }), 1, textStore);
    for (let n = 0; n < 60; n++) await one();
    const floorBefore = await floor.measure(300);
    const read = bench.meter();
    const ids: string[] = [];
    for (let n = 0; n < flows; n++) ids.push(...(await one()).ids);
    const use = read();
    const floorAfter = await floor.measure(300);
    await delay(100); // the ledger is written up to 20 ms later
    const step = distributionOf(stepTimes(bench.ledger(), new Set(ids)));
    const floorMs = (sumOfMedians(floorBefore) + sumOfMedians(floorAfter)) / 2;
    return {
      flows,
      step,
      journalStepMean: round(await meanOfJournals(bench, ids.slice(-100))),
      floorBefore,
      floorAfter,
      ratioToFloor: round((step?.p50 ?? NaN) / floorMs),
      cpuPerStep: perUnit(use, flows * STEPS),
    };
  } finally {
    await Promise.all([bench.dispose(), floor.close()]);
  }
}

export interface ThroughputFigures {
  readonly open: number;
  readonly rounds: number;
  readonly stepsPerSecond: Distribution | undefined;
  readonly cpuPerStep: CpuPer;
}

/** That many ten-step flows put on the board at the same time; from the first post to the end of the last. */
export async function throughput(
  bench: BenchCluster,
  open: number,
  rounds: number,
): Promise<ThroughputFigures> {
  const flow = steps(STEPS);
  for (let n = 0; n < 4; n++) await bench.run(flow, open, textStore);
  const rates: number[] = [];
  const uses: CpuUse[] = [];
  for (let n = 0; n < rounds; n++) {
    const { ids, post } = await bench.prepare(flow, open, textStore);
    const read = bench.meter();
    const startedMs = monotonicMs();
    await post();
    const endedMs = await bench.ended(ids);
    uses.push(read());
    rates.push((open * STEPS * 1_000) / (endedMs - startedMs));
  }
  return {
    open,
    rounds,
    stepsPerSecond: distributionOf(rates, 0),
    cpuPerStep: perUnit(sum(uses), open * STEPS * rounds),
  };
}

export interface FanFigures {
  readonly width: number;
  /** From the post to the moment when the job is off the board. */
  readonly total: Distribution | undefined;
  readonly cpuPerFlow: CpuPer;
}

export async function fanOut(bench: BenchCluster, width: number, rounds: number): Promise<FanFigures> {
  for (let n = 0; n < 10; n++) await bench.run(fan(width), 1, textStore);
  const totals: number[] = [];
  const read = bench.meter();
  for (let n = 0; n < rounds; n++) {
    const { postedAtMs, endedAtMs } = await bench.run(fan(width), 1, textStore);
    totals.push(endedAtMs - postedAtMs);
  }
  return { width, total: distributionOf(totals), cpuPerFlow: perUnit(read(), rounds) };
}

export interface DrainFigures {
  readonly jobs: number;
  readonly rounds: number;
  readonly seconds: Distribution | undefined;
  readonly cpuPerJob: CpuPer;
}

/**
 * Three-step jobs that wait on the board; from the moment when the conductor, which slept (SIGSTOP) while they were posted, may look,
 * to the end of the last: claims are in it, the start of processes is not.
 */
export async function drainWaiting(bench: BenchCluster, jobs: number, rounds: number): Promise<DrainFigures> {
  const [conductor] = bench.conductors;
  if (conductor === undefined) throw new Error('no conductor');
  const seconds: number[] = [];
  const uses: CpuUse[] = [];
  for (let n = 0; n <= rounds; n++) {
    const { ids, post } = await bench.prepare(steps(3), jobs, textStore);
    conductor.pause();
    await post();
    const read = bench.meter();
    const startedMs = monotonicMs();
    conductor.resume();
    const endedMs = await bench.ended(ids);
    if (n === 0) continue; // warms up
    uses.push(read());
    seconds.push((endedMs - startedMs) / 1_000);
  }
  return { jobs, rounds, seconds: distributionOf(seconds), cpuPerJob: perUnit(sum(uses), jobs * rounds) };
}

/** From one start to the next, within each flow. */
function stepTimes(ledger: readonly Effect[], flows: ReadonlySet<string>): number[] {
  const before = new Map<string, number>();
  const times: number[] = [];
  for (const { flowId, atMs } of ledger) {
    if (!flows.has(flowId)) continue;
    const last = before.get(flowId);
    if (last !== undefined) times.push(atMs - last);
    before.set(flowId, atMs);
  }
  return times;
}

async function meanOfJournals(bench: BenchCluster, ids: readonly string[]): Promise<number> {
  let sumMs = 0;
  for (const id of ids) {
    const journal = await bench.journal(id);
    const claimed = journal.find((entry) => entry.kind === 'claim');
    const ended = journal.at(-1);
    if (claimed === undefined || ended === undefined) throw new Error(`the journal of ${id} is not whole`);
    sumMs += (ended.atMs - claimed.atMs) / STEPS;
  }
  return sumMs / ids.length;
}

function sumOfMedians({ insert, roundTrip }: Floor): number {
  return insert.p50 + roundTrip.p50;
}

function perUnit(use: CpuUse, units: number): CpuPer {
  const byGroup = Object.entries(use.byGroup).map(([group, ms]) => [group, round(ms / units)] as const);
  return {
    ms: round(use.systemMs / units),
    byGroup: Object.fromEntries(byGroup),
    busy: use.busy,
    foreign: use.foreign,
  };
}

function sum(uses: readonly CpuUse[]): CpuUse {
  const byGroup: Record<string, number> = {};
  for (const use of uses)
    for (const [group, ms] of Object.entries(use.byGroup)) byGroup[group] = (byGroup[group] ?? 0) + ms;
  return {
    byGroup,
    wallMs: uses.reduce((total, use) => total + use.wallMs, 0),
    systemMs: uses.reduce((total, use) => total + use.systemMs, 0),
    busy: medianOf(uses.map((use) => use.busy)),
    foreign: medianOf(uses.map((use) => use.foreign)),
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
