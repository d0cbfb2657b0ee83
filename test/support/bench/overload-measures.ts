/** More than a cluster can do at once: what it costs in memory, who is served first, and whether everybody is served. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Posting } from '@baton/jobboard';
import { type BenchCluster, monotonicMs } from './bench-cluster.js';
import { fan, megabyte, nap, sleepStore, steps, textStore } from './bench-flows.js';
import { distributionOf, type Distribution } from './distribution.js';
import { meterMemory, type Memory } from './memory-meter.js';

export interface OverloadFigures {
  readonly what: string;
  readonly jobs: number;
  /** From the first post to the end of the last. */
  readonly seconds: number;
  readonly jobsPerSecond: number;
  /** Seconds from the post of a job to its claim and to its end, by priority. */
  readonly claimed: Readonly<Partial<Record<Posting['priority'], Distribution | undefined>>>;
  readonly latency: Readonly<Partial<Record<Posting['priority'], Distribution | undefined>>>;
  /** By priority: by how many seconds the end of one job came after the end of another that was posted at least 5 s later. */
  readonly overtaken: Readonly<Partial<Record<Posting['priority'], number>>>;
  readonly memory: Readonly<Record<string, Memory>>;
}

const priorities: readonly Posting['priority'][] = ['HIGH', 'NORMAL', 'LOW'];
/** One in ten is urgent, one in ten is not. */
const mixed = (index: number): Posting['priority'] =>
  index % 10 === 0 ? 'HIGH' : index % 10 === 5 ? 'LOW' : 'NORMAL';
const withinMs = 900_000;

interface Posted {
  readonly id: string;
  readonly priority: Posting['priority'];
  readonly atMs: number;
}

async function observed(
  bench: BenchCluster,
  what: string,
  post: (posted: (ids: readonly string[], priorityOf?: typeof mixed) => void) => Promise<void>,
): Promise<OverloadFigures> {
  const jobs: Posted[] = [];
  const stop = meterMemory(bench.processes);
  const startedMs = monotonicMs();
  await post((ids, priorityOf = () => 'NORMAL') => {
    const atMs = monotonicMs();
    for (const [index, id] of ids.entries()) jobs.push({ id, priority: priorityOf(index), atMs });
  });
  const endedMs = await bench.ended(
    jobs.map(({ id }) => id),
    { withinMs, mayDie: false },
  );
  const memory = stop();
  const seconds = (endedMs - startedMs) / 1_000;
  const { ends, claims } = bench;
  const byPriority = (momentOf: (id: string) => number | undefined) =>
    Object.fromEntries(
      priorities.map((priority) => {
        const some = jobs.filter((job) => job.priority === priority);
        return [priority, distributionOf(some.map(({ id, atMs }) => ((momentOf(id) ?? NaN) - atMs) / 1_000))];
      }),
    );
  return {
    what,
    jobs: jobs.length,
    seconds: Number(seconds.toFixed(1)),
    jobsPerSecond: Math.round(jobs.length / seconds),
    claimed: byPriority((id) => claims.get(id)),
    latency: byPriority((id) => ends.get(id)?.atMs),
    overtaken: Object.fromEntries(
      priorities.map((name) => [
        name,
        overtaken(
          bench,
          jobs.filter(({ priority }) => priority === name),
        ),
      ]),
    ),
    memory,
  };
}

/** Seconds. */
function overtaken(bench: BenchCluster, jobs: readonly Posted[]): number {
  const ends = jobs.map(({ id }) => bench.ends.get(id)?.atMs ?? NaN);
  let [later, earliestOfLater, most] = [jobs.length - 1, Infinity, 0];
  for (let index = jobs.length - 1; index >= 0; index--) {
    while (later > index && (jobs[later]?.atMs ?? 0) >= (jobs[index]?.atMs ?? 0) + 5_000)
      earliestOfLater = Math.min(earliestOfLater, ends[later--] ?? Infinity);
    most = Math.max(most, (ends[index] ?? 0) - earliestOfLater);
  }
  return Number((most / 1_000).toFixed(1));
}

/** All on the board at the same time, three steps each. */
export function burst(bench: BenchCluster, jobs: number): Promise<OverloadFigures> {
  return observed(bench, `${jobs} three-step jobs posted at once`, async (posted) => {
    const { ids, post } = await bench.prepare(steps(3), jobs, textStore, mixed);
    posted(ids, mixed);
    await post();
  });
}

/** Three times what the workers' places can do, for so long: each second so many jobs of one task that takes 100 ms. */
export async function flood(
  bench: BenchCluster,
  { seconds, places }: { readonly seconds: number; readonly places: number },
): Promise<OverloadFigures> {
  const perSecond = 3 * places * 10;
  let tookSeconds = 0;
  const figures = await observed(bench, 'flood', async (posted) => {
    const startedMs = monotonicMs();
    for (let second = 0; second < seconds; second++) {
      const { ids, post } = await bench.prepare(nap, perSecond, sleepStore(100), mixed);
      posted(ids, mixed);
      await post();
      await delay(Math.max(0, startedMs + (second + 1) * 1_000 - monotonicMs()));
    }
    tookSeconds = (monotonicMs() - startedMs) / 1_000;
  });
  const reached = (figures.jobs / tookSeconds).toFixed(0);
  const wanted = `${perSecond}/s are three times what ${places} places can do`;
  return { ...figures, what: `${reached} jobs/s posted for ${tookSeconds.toFixed(0)} s (${wanted})` };
}

/** The conductors are stopped for every other second: results wait for them. */
export function slowConsumer(bench: BenchCluster, seconds: number): Promise<OverloadFigures> {
  return observed(bench, `256 ten-step jobs, conductors asleep every other second`, async (posted) => {
    const { ids, post } = await bench.prepare(steps(10), 256, textStore);
    posted(ids);
    await post();
    for (let second = 0; second < seconds; second += 2) {
      for (const conductor of bench.conductors) conductor.pause();
      await delay(1_000);
      for (const conductor of bench.conductors) conductor.resume();
      await delay(1_000);
    }
  });
}

export function largeResults(bench: BenchCluster, jobs: number): Promise<OverloadFigures> {
  return observed(bench, `${jobs} jobs with 1 MiB of results each`, async (posted) => {
    const { ids, post } = await bench.prepare(megabyte(), jobs, textStore);
    posted(ids);
    await post();
  });
}

export function wide(bench: BenchCluster, atoms: number): Promise<OverloadFigures> {
  return observed(bench, `one flow of ${atoms} atoms side by side, and a join`, async (posted) => {
    const { ids, post } = await bench.prepare(fan(atoms), 1, textStore);
    posted(ids);
    await post();
  });
}

export function long(bench: BenchCluster, atoms: number): Promise<OverloadFigures> {
  return observed(bench, `one flow of ${atoms} atoms in a row`, async (posted) => {
    const { ids, post } = await bench.prepare(steps(atoms), 1, textStore);
    posted(ids);
    await post();
  });
}
