/**
 * `npm run simulate -- [--seeds N] [--from S]`: many seeds, each a cluster with its own workload and faults. Prints every violation with the command that
 * shows it again, and closes with what was done. `--seed X [--trace]`: one of them, with what every process logs. `--sabotage [--only TEXT] [--soon]`: with
 * planted bugs. Exit code 1 when an invariant was broken, or a planted bug was not found; 2 when it was called in a wrong way.
 */
import { parseArgs } from 'node:util';
import { Lanes } from './lanes.js';
import { chosenSabotages, runSabotages } from './sabotage/run-sabotages.js';
import { shrink } from './shrink.js';
import type { RunPlan, SimulationResult } from './simulation.js';
import { Tally } from './tally.js';

/** Of a hundred seeds one runs twice, and its histories must be equal. */
const repeatEvery = 100;
/** Violations are shown for so many seeds; more are only counted. */
const shownMax = 10;

const usage = `usage: npm run simulate -- [--seeds N] [--from S] [--lanes N]
       npm run simulate -- --seed S [--faults N,…] [--jobs ID,…] [--trace]
       npm run simulate -- --sabotage [--only TEXT] [--soon] [--seeds N] [--lanes N]`;

/** What is wrong with the command line, in words. */
class UsageError extends Error {}

export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(optionsOf(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n${usage}\n`);
    return 2;
  }
}

/** @throws UsageError */
function optionsOf(args: readonly string[]) {
  const options = {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    faults: { type: 'string' },
    jobs: { type: 'string' },
    lanes: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
    only: { type: 'string' },
    soon: { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError */
function numberOf(name: string, text: string, min: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= min) return number;
  throw new UsageError(`--${name} takes a whole number from ${min}, not "${text}"`);
}

/** @throws UsageError */
async function run(values: ReturnType<typeof optionsOf>): Promise<number> {
  const count = values.lanes === undefined ? undefined : numberOf('lanes', values.lanes, 1);
  const seeds = values.seeds === undefined ? undefined : numberOf('seeds', values.seeds, 1);
  if (values.sabotage) {
    const { only = '', soon } = values;
    const chosen = chosenSabotages({ only, soon });
    if (chosen.length === 0) throw new UsageError(`no planted bug that is chosen so holds "${only}"`);
    return runSabotages(chosen, { say, count, seedsMax: seeds });
  }
  if (values.only !== undefined || values.soon) throw new UsageError('--only and --soon go with --sabotage');
  if (values.seed !== undefined) {
    const seed = numberOf('seed', values.seed, 0);
    const faults = values.faults?.split(',').filter(Boolean);
    const jobs = values.jobs?.split(',').filter(Boolean);
    return runOne(
      {
        seed,
        ...(faults && { faults: faults.map((text) => numberOf('faults', text, 0)) }),
        ...(jobs && { jobs }),
      },
      values.trace,
    );
  }
  return runMany({ from: numberOf('from', values.from, 0), seeds: seeds ?? 200, count });
}

async function runOne(plan: RunPlan, trace: boolean): Promise<number> {
  const lanes = new Lanes({ trace, count: 1 });
  const result = await lanes.runOne(plan);
  lanes.close();
  say(`seed ${plan.seed}, history ${result.hash}: ${JSON.stringify(result.stats)}`);
  for (const violation of result.violations) say(`  ${violation}`);
  return result.violations.length === 0 ? 0 : 1;
}

async function runMany(o: {
  readonly from: number;
  readonly seeds: number;
  readonly count: number | undefined;
}): Promise<number> {
  const lanes = new Lanes({ count: o.count });
  const tally = new Tally();
  const failed: SimulationResult[] = [];
  const hashes = new Map<number, string>();
  let differing = 0;
  await lanes.run(plansOf(o), (result) => {
    const { seed } = result.plan;
    const first = hashes.get(seed);
    if (first !== undefined) {
      if (first === result.hash) return true;
      differing++;
      say(`seed ${seed}: I20 a second run of it differs`);
      return true;
    }
    if (seed % repeatEvery === 0) hashes.set(seed, result.hash);
    tally.add(result);
    if (result.violations.length > 0) {
      failed.push(result);
      say(`seed ${seed}: ${result.violations[0]?.split('\n', 1)[0] ?? ''}`);
    }
    if (tally.seeds % 1_000 === 0)
      say(`${tally.seeds} of ${o.seeds} seeds, ${failed.length} with violations`);
    return true;
  });
  for (const result of failed.slice(0, shownMax)) await show(result, lanes);
  lanes.close();
  for (const line of tally.lines()) say(line);
  const wrong = failed.length + differing;
  say(`${o.seeds - failed.length} passed, ${wrong} failed`);
  return wrong === 0 ? 0 : 1;
}

function* plansOf({ from, seeds }: { readonly from: number; readonly seeds: number }): Iterable<RunPlan> {
  for (let seed = from; seed < from + seeds; seed++) yield { seed };
  for (let seed = from; seed < from + seeds; seed++) if (seed % repeatEvery === 0) yield { seed };
}

async function show(failed: SimulationResult, lanes: Lanes): Promise<void> {
  const { seed } = failed.plan;
  say(`seed ${seed}: ${JSON.stringify(failed.stats)}`);
  for (const violation of failed.violations) say(`  ${violation}`);
  say(`  again: npm run simulate -- --seed ${seed} --trace`);
  const smallest = await shrink(failed, (plan) => lanes.runOne(plan));
  if (smallest === failed) return;
  const { faults, jobs } = smallest.plan;
  say(
    `  smaller: npm run simulate -- --seed ${seed} --faults '${faults.join()}' --jobs '${jobs.join()}' --trace`,
  );
  for (const violation of smallest.violations) say(`    ${violation}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
