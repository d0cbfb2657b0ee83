/** Runs the simulation with one planted bug after the other, each until a seed finds it; prints the table that README.md keeps. */
import { Lanes } from '../lanes.js';
import { invariantOf } from '../shrink.js';
import type { RunPlan } from '../simulation.js';
import type { Sabotage } from './sabotage.js';
import { sabotages } from './sabotages.js';

const seedsMaxDefault = 10_000;

export interface SabotageOptions {
  readonly say: (line: string) => void;
  /** Processes at the same time. */
  readonly count: number | undefined;
  /** Only those whose id holds this. */
  readonly only: string | undefined;
  /** So many are tried for each bug. */
  readonly seedsMax: number | undefined;
}

/** Gives the exit code: 1 when one was not found. */
export async function runSabotages(o: SabotageOptions): Promise<number> {
  const { say, count, only = '', seedsMax = seedsMaxDefault } = o;
  const chosen = sabotages.filter(({ id }) => id.includes(only));
  const lost: string[] = [];
  say('| planted bug | hazard | file | seeds to detect | found as |');
  say('|---|---|---|---|---|');
  for (const sabotage of chosen) {
    const { seeds, found } = await detect(sabotage, { count, seedsMax });
    if (found === undefined) lost.push(sabotage.id);
    const file = sabotage.file.replace('packages/', '').replace('/src/', '/');
    const among = sabotage.theme === undefined ? '' : ` (${sabotage.theme})`;
    const seed = `${found === undefined ? 'not in ' : ''}${seeds}${among}`;
    say(`| ${sabotage.id} | ${sabotage.hazard} | ${file} | ${seed} | ${found ?? '–'} |`);
  }
  say(`${chosen.length - lost.length} of ${chosen.length} found`);
  for (const id of lost) say(`not found: ${id}`);
  return lost.length === 0 ? 0 : 1;
}

async function detect(
  sabotage: Sabotage,
  { count, seedsMax }: { readonly count: number | undefined; readonly seedsMax: number },
): Promise<{ readonly seeds: number; readonly found: string | undefined }> {
  const lanes = new Lanes({ sabotage: JSON.stringify(sabotage), count });
  let seeds = seedsMax;
  let found: string | undefined;
  await lanes.run(seedsFor(sabotage, seedsMax), ({ plan, violations }) => {
    if (violations.length > 0 && plan.seed < seeds) {
      seeds = plan.seed;
      found = [...new Set(violations.map(invariantOf))].slice(0, 3).join(', ');
    }
    return found === undefined;
  });
  lanes.close();
  return { seeds, found };
}

function* seedsFor({ theme }: Sabotage, last: number): Iterable<RunPlan> {
  for (let seed = 1; seed <= last; seed++) yield theme === undefined ? { seed } : { seed, theme };
}
