/**
 * `npm run bench -- takeover`: SIGKILL of a conductor whose job has a task running on a worker, until the next owner's first accepted
 * journal entry and until the task is adopted; the same without a guard; and SIGKILL of a worker until its task is started elsewhere. On
 * the real services, with real processes. Options: --kills N, --jobs N (of the dead conductor), --survivors N (conductors beside it), --workers N (kills
 * of workers), --no-guard-kills N, --json.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { distributionColumns, distributionRow, tableOf } from '../support/bench/distribution.js';
import { progressOver } from '../support/bench/progress.js';
import { storeProduct } from '../support/bench/store-product.js';
import {
  conductorKills,
  phases,
  workerKills,
  type Phase,
  type TakeoverFigures,
  type WorkerLossFigures,
} from '../support/bench/takeover-measures.js';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    kills: { type: 'string', default: '20' },
    jobs: { type: 'string', default: '1' },
    survivors: { type: 'string', default: '1' },
    workers: { type: 'string', default: '10' },
    'no-guard-kills': { type: 'string', default: '3' },
  },
});
const jobs = Number(options.jobs);
const survivors = Number(options.survivors);

/** DESIGN goals. */
const goals: Readonly<Partial<Record<Phase, string>>> = Object.freeze({
  'kill → seen': jobs === 1 ? '≤ 10 ms' : '',
  'seen → claimed': jobs === 1 ? '≤ 4 ms' : '',
  'claimed → head found': jobs === 1 ? '≤ 6 ms' : '',
  'head found → fenced': jobs === 1 ? '≤ 2 ms' : '',
  'kill → first entry, first job': jobs === 1 ? 'median ≤ 22 ms, p99 ≤ 100 ms' : '',
  'kill → first entry, last job':
    ({ 100: '≤ 110 ms', 1000: '≤ 700 ms' } as Record<number, string>)[jobs] ?? '',
});
const workerGoal = 'median ≤ 18 ms';

const loadBefore = loadavg()[0];
const unguardedKills = Number(options['no-guard-kills']);
const workerKillCount = Number(options.workers);
const begin = progressOver(1 + Number(unguardedKills > 0) + Number(workerKillCount > 0));
begin(`${options.kills} kills of conductors`);
const guarded = await conductorKills({ kills: Number(options.kills), jobs, survivors, guard: true });
if (unguardedKills > 0) begin(`${unguardedKills} kills of conductors without a guard`);
const unguarded =
  unguardedKills === 0
    ? undefined
    : await conductorKills({ kills: unguardedKills, jobs, survivors, guard: false });
if (workerKillCount > 0) begin(`${workerKillCount} kills of workers`);
const workers = workerKillCount === 0 ? undefined : await workerKills(workerKillCount);
const machine = { store: await storeProduct(), loadBefore, loadAfter: loadavg()[0] };
if (options.json)
  console.log(
    JSON.stringify({
      bench: 'takeover',
      goals: { ...goals, workerLoss: workerGoal },
      machine,
      guarded,
      unguarded,
      workers,
    }),
  );
else
  console.log(
    [
      conductorText(guarded),
      unguarded && conductorText(unguarded),
      workers && workerText(workers),
      `${machine.store}; load average ${machine.loadBefore?.toFixed(2)} before, ${machine.loadAfter?.toFixed(2)} after`,
    ]
      .filter((part) => part !== undefined)
      .join('\n\n'),
  );
process.exit();

function conductorText(figures: TakeoverFigures): string {
  const { kills, guard, requests, adopted, executedTwice, conflicts, lost } = figures;
  const share = ((100 * conflicts) / (kills * figures.jobs)).toFixed(1);
  const title = guard
    ? `${kills} conductors killed, ${figures.jobs} job(s) each, ${figures.survivors} survivor(s) (ms)`
    : `the same without a guard: the session times out after 4 s (ms)`;
  const rows = phases.flatMap((phase) =>
    figures.phases[phase] === undefined
      ? []
      : [distributionRow(phase, figures.phases[phase], guard ? (goals[phase] ?? '') : '')],
  );
  const table = tableOf([['', ...distributionColumns, 'goal'], ...rows]);
  const sums = `open requests ${requests}, jobs adopted ${adopted}, claims lost to another ${conflicts} (${share} %, goal < 1 %), tasks executed twice ${executedTwice} (goal 0), jobs lost ${lost} (goal 0)`;
  return `${title}\n${table}\n${sums}`;
}

function workerText({ kills, secondDelivery, seen }: WorkerLossFigures): string {
  const table = tableOf([
    ['', ...distributionColumns, 'goal'],
    distributionRow('kill → seen', seen),
    distributionRow('kill → second delivery started', secondDelivery, workerGoal),
  ]);
  return `${kills} workers killed with a task in hand (ms)\n${table}\nsecond deliveries ${secondDelivery?.n ?? 0} of ${kills}`;
}
