/**
 * Runs the simulation with planted bugs, each until a seed finds it; prints the table that README.md keeps. The seed that found one must be clean without it:
 * else it found something else.
 */
import { availableParallelism } from 'node:os';
import { hasDied, Lanes } from '../lanes.js';
import { invariantOf } from '../shrink.js';
import type { RunPlan } from '../simulation.js';
import type { Sabotage } from './sabotage.js';
import { sabotages } from './sabotages.js';

const seedsMaxDefault = 10_000;
/** Seeds for those that are found soon: more than they needed, as what a seed is changes with the product. */
const soonSeeds = 40;

export interface SabotageOptions {
  readonly say: (line: string) => void;
  /** Bugs tried at the same time. Default: one a core. */
  readonly count: number | undefined;
  /** So many seeds are tried for each bug. */
  readonly seedsMax: number | undefined;
}

interface Detected {
  readonly sabotage: Sabotage;
  readonly seeds: number;
  /** Invariants that it broke; undefined: no seed found it. */
  readonly found: string | undefined;
  /** What the same seed breaks without the bug. */
  readonly without: readonly string[];
}

/** `only`: those whose id holds it. `soon`: those that the first seeds find. */
export function chosenSabotages({
  only,
  soon,
}: {
  readonly only: string;
  readonly soon: boolean;
}): readonly Sabotage[] {
  return sabotages.filter(({ id, isSoon }) => id.includes(only) && (!soon || isSoon === true));
}

/** Gives the exit code: 1 when one was not found. The last line counts them. */
export async function runSabotages(chosen: readonly Sabotage[], o: SabotageOptions): Promise<number> {
  const { say, count = availableParallelism() } = o;
  const control = new Lanes({ count: 1 });
  const done = new Map<Sabotage, Detected>();
  const left = chosen[Symbol.iterator]();
  let printed = 0;
  say('| planted bug | hazard | file | seeds to detect | found as |');
  say('|---|---|---|---|---|');
  const work = async (): Promise<void> => {
    for (const sabotage of left) {
      const seedsMax = o.seedsMax ?? (sabotage.isSoon === true ? soonSeeds : seedsMaxDefault);
      done.set(sabotage, await detect(sabotage, { seedsMax, control }));
      for (let next; (next = chosen[printed]) !== undefined && done.has(next); printed++)
        say(rowOf(done.get(next) as Detected));
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  control.close();
  const failed = [...done.values()].filter(({ found, without }) => found === undefined || without.length > 0);
  for (const { sabotage, seeds, found, without } of failed) {
    if (found === undefined) say(`not found: ${sabotage.id}`);
    else say(`${sabotage.id}: seed ${seeds} fails without it as well: ${without[0]}`);
  }
  say(`${chosen.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

function rowOf({ sabotage, seeds, found }: Detected): string {
  const file = sabotage.file.replace('packages/', '').replace('/src/', '/');
  const among = sabotage.theme === undefined ? '' : ` (${sabotage.theme})`;
  const seed = `${found === undefined ? 'not in ' : ''}${seeds}${among}`;
  return `| ${sabotage.id} | ${sabotage.hazard} | ${file} | ${seed} | ${found ?? '–'} |`;
}

async function detect(
  sabotage: Sabotage,
  { seedsMax, control }: { readonly seedsMax: number; readonly control: Lanes },
): Promise<Detected> {
  const lanes = new Lanes({ sabotage: JSON.stringify(sabotage), count: 1 });
  let seeds = seedsMax;
  let found: string | undefined;
  await lanes.run(seedsFor(sabotage, seedsMax), ({ plan, violations }) => {
    if (violations.length === 0) return true;
    if (violations[0] === hasDied) throw new Error(`${sabotage.id}: what it is planted in does not run`);
    seeds = plan.seed;
    found = [...new Set(violations.map(invariantOf))].slice(0, 3).join(', ');
    return false;
  });
  lanes.close();
  const without = found === undefined ? [] : (await control.runOne({ seed: seeds })).violations;
  return { sabotage, seeds, found, without };
}

function* seedsFor({ theme }: Sabotage, last: number): Iterable<RunPlan> {
  for (let seed = 1; seed <= last; seed++) yield theme === undefined ? { seed } : { seed, theme };
}
