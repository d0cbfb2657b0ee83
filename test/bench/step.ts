/**
 * `npm run bench -- step`: what one remote step costs on the real services, with real processes, beside the floor measured in the same
 * run. Options: --json, --only sequential,throughput,fan,drain, --flows N, --rounds N, --open 32,256, --profile FOLDER (CPU profiles of all members).
 */
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchCluster } from '../support/bench/bench-cluster.js';
import {
  drainWaiting,
  fanOut,
  sequential,
  throughput,
  type CpuPer,
  type SequentialFigures,
} from '../support/bench/step-measures.js';
import { progressOver } from '../support/bench/progress.js';
import { storeProduct } from '../support/bench/store-product.js';
import {
  distributionColumns,
  distributionRow,
  tableOf,
  type Distribution,
} from '../support/bench/distribution.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: 'sequential,throughput,fan,drain' },
    flows: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '10' },
    open: { type: 'string', default: '32,256' },
    profile: { type: 'string' },
  },
});
const parts = new Set(options.only.split(','));
const rounds = Number(options.rounds);
const opens = parts.has('throughput') ? options.open.split(',').map(Number) : [];
const begin = progressOver([...parts].filter((part) => part !== 'throughput').length + opens.length);

/** DESIGN goals. */
const goals = Object.freeze({
  step: '≤ 3 ms, ≤ 1.2 × floor',
  throughput: { 32: '≥ 2,500', 256: '≥ 5,500' } as Readonly<Record<number, string>>,
  fan: '≤ 19 ms',
  drain: '≤ 0.85 s',
  drainCpu: '≤ 1.5 ms a job',
});

function environment(): Record<string, string> {
  if (options.profile === undefined) return {};
  const folder = resolve(options.profile);
  mkdirSync(folder, { recursive: true });
  const profiler = new URL('../support/bench/profile.mjs', import.meta.url);
  return { NODE_OPTIONS: `--import ${profiler.href}`, BENCH_PROFILES: folder };
}

const loadBefore = loadavg()[0];
if (parts.has('sequential')) begin(`${options.flows} flows one after the other`);
const singly = parts.has('sequential') ? await sequential(Number(options.flows), environment()) : undefined;
const figures = { sequential: singly, ...(await manyAtOnce()) };
const machine = { store: await storeProduct(), loadBefore, loadAfter: loadavg()[0] };
console.log(options.json ? JSON.stringify({ bench: 'step', goals, machine, ...figures }) : asText());
process.exit();

async function manyAtOnce() {
  const bench = new BenchCluster({ env: environment() });
  try {
    await Promise.all([bench.conductor(), bench.worker(), bench.worker()]);
    const many = [];
    for (const open of opens) {
      begin(`${open} flows at once`);
      many.push(await throughput(bench, open, rounds));
    }
    if (parts.has('fan')) begin('fan-out of 100');
    const fan = parts.has('fan') ? await fanOut(bench, 100, 50) : undefined;
    if (parts.has('drain')) begin('1,000 waiting jobs');
    const drain = parts.has('drain') ? await drainWaiting(bench, 1_000, 4) : undefined;
    return { throughput: many, fan, drain };
  } finally {
    if (options.profile !== undefined) await stopped(bench);
    await bench.dispose();
  }
}

/** A profile is written by a process that ends by itself. */
async function stopped(bench: BenchCluster): Promise<void> {
  for (const member of bench.cluster.members) member.terminate();
  await Promise.all(bench.cluster.members.map((member) => member.exited));
}

function asText(): string {
  const sections: string[] = [];
  if (figures.sequential !== undefined) sections.push(sequentialText(figures.sequential));
  for (const { open, stepsPerSecond, cpuPerStep } of figures.throughput)
    sections.push(
      section(
        `${open} ten-step flows at once, 1 conductor, 2 workers`,
        [['steps/s', stepsPerSecond, goals.throughput[open] ?? '']],
        cpuText('step', cpuPerStep),
      ),
    );
  if (figures.fan !== undefined)
    sections.push(
      section(
        `fan-out of ${figures.fan.width} and join, post to off the board`,
        [['ms', figures.fan.total, goals.fan]],
        cpuText('flow', figures.fan.cpuPerFlow),
      ),
    );
  if (figures.drain !== undefined)
    sections.push(
      section(
        `${figures.drain.jobs} three-step jobs waiting, 1 conductor, 2 workers`,
        [['s', figures.drain.seconds, goals.drain]],
        `${cpuText('job', figures.drain.cpuPerJob)}; goal ${goals.drainCpu}`,
      ),
    );
  sections.push(
    `${machine.store}; load average ${machine.loadBefore?.toFixed(2)} before, ${machine.loadAfter?.toFixed(2)} after`,
  );
  return sections.join('\n\n');
}

function sequentialText(figures: SequentialFigures): string {
  const { step, journalStepMean, floorBefore, floorAfter, ratioToFloor, cpuPerStep, flows } = figures;
  return section(
    `one remote step, ${flows} ten-step flows one after the other, 1 conductor, 1 worker (ms)`,
    [
      ['start of a task to start of the next', step, goals.step],
      ['floor before: journal insert', floorBefore.insert, ''],
      ['floor before: Kafka round trip', floorBefore.roundTrip, ''],
      ['floor after: journal insert', floorAfter.insert, ''],
      ['floor after: Kafka round trip', floorAfter.roundTrip, ''],
    ],
    `${ratioToFloor} × floor; (terminal entry − claim entry) / 10 in the journal: mean ${journalStepMean} ms\n${cpuText('step', cpuPerStep)}`,
  );
}

function section(
  title: string,
  rows: readonly (readonly [string, Distribution | undefined, string])[],
  notes: string,
): string {
  const table = tableOf([
    ['', ...distributionColumns, 'goal'],
    ...rows.map(([name, distribution, goal]) => distributionRow(name, distribution, goal)),
  ]);
  return `${title}\n${table}\n${notes}`;
}

function cpuText(unit: string, { ms, byGroup, busy, foreign }: CpuPer): string {
  const groups = Object.entries(byGroup).map(([group, used]) => `${group} ${used}`);
  return `CPU ${ms} ms a ${unit} (${groups.join(', ')}); machine ${Math.round(busy * 100)} % busy, ${Math.round(foreign * 100)} % by others`;
}
