/** What jobs cost that wait for an answer, and how soon one goes on that was answered. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@baton/testkit';
import { monotonicMs, type BenchCluster } from './bench-cluster.js';
import { askThenStamp, textStore } from './bench-flows.js';
import { distributionOf, type Distribution } from './distribution.js';
import { residentMib } from './memory-meter.js';

export interface DormantFigures {
  readonly jobs: number;
  /** From the post of the first until all sleep, and from the first answer until all have ended. */
  readonly seconds: { readonly toSleep: number; readonly toEnd: number };
  /** Resident memory of each process, MiB: with as many jobs ended before and none waiting, and with all of them waiting. */
  readonly memory: Readonly<Record<string, { readonly before: number; readonly waiting: number }>>;
  /** KiB a waiting job, of all conductors and workers together. */
  readonly kibPerJob: number;
  /** From the answer, before it is stored, to the start of the task after it (ms): one job at a time, while the others sleep. */
  readonly wake: Distribution | undefined;
}

/** Answers on their way at the same time. */
const ANSWERING = 50;
/** Until the collector has given back what is free. */
const settledMs = 20_000;

export async function dormancy(
  bench: BenchCluster,
  { jobs, samples }: { readonly jobs: number; readonly samples: number },
): Promise<DormantFigures> {
  const withinMs = 60_000 + 20 * jobs;
  const asleep = async (): Promise<readonly string[]> => {
    const { ids, post } = await bench.prepare(askThenStamp, jobs, textStore);
    await post();
    await eventually(async () => (await bench.dormant()) === jobs, { withinMs, what: `${jobs} jobs sleep` });
    return ids;
  };
  // as much has gone through every process before as will: what grows now grows for those that wait
  const first = await asleep();
  await answerAll(bench, first);
  await bench.ended(first, { withinMs });
  await delay(settledMs);

  const before = memoryOf(bench);
  const postedMs = monotonicMs();
  const ids = await asleep();
  const toSleep = (monotonicMs() - postedMs) / 1_000;
  await delay(settledMs);
  const waiting = memoryOf(bench);
  const wake = await wakeTimes(bench, ids.slice(0, samples));
  const answeredMs = monotonicMs();
  await answerAll(bench, ids.slice(samples));
  const toEnd = ((await bench.ended(ids, { withinMs })) - answeredMs) / 1_000;

  const members = bench.cluster.members.map(({ id }) => id);
  const grown = members.reduce((sum, id) => sum + (waiting[id] ?? 0) - (before[id] ?? 0), 0);
  return {
    jobs,
    seconds: { toSleep: Number(toSleep.toFixed(1)), toEnd: Number(toEnd.toFixed(1)) },
    memory: Object.fromEntries(
      Object.entries(before).map(([id, mib]) => [id, { before: mib, waiting: waiting[id] ?? NaN }]),
    ),
    kibPerJob: Number(((grown * 1_024) / jobs).toFixed(2)),
    wake,
  };
}

async function wakeTimes(bench: BenchCluster, ids: readonly string[]): Promise<Distribution | undefined> {
  const answeredMs = new Map<string, number>();
  for (const id of ids) {
    answeredMs.set(id, monotonicMs());
    await bench.answer(id, 'ask');
    await bench.ended([id]);
  }
  const starts = () => bench.ledger().filter(({ flowId }) => answeredMs.has(flowId));
  await eventually(() => starts().length === ids.length, {
    withinMs: 10_000,
    what: 'each start is in the ledger',
  });
  return distributionOf(starts().map(({ flowId, atMs }) => atMs - (answeredMs.get(flowId) ?? NaN)));
}

async function answerAll(bench: BenchCluster, ids: readonly string[]): Promise<void> {
  const left = [...ids];
  const answerer = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) await bench.answer(id, 'ask');
  };
  await Promise.all(Array.from({ length: ANSWERING }, answerer));
}

function memoryOf(bench: BenchCluster): Readonly<Record<string, number>> {
  const sizes = Object.entries(bench.processes).map(
    ([id, pid]) => [id, Number((residentMib(pid) ?? NaN).toFixed(1))] as const,
  );
  return Object.fromEntries(sizes);
}
