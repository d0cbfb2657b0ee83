/**
 * Purpose: plants one fault after the other in the engine and looks which test is red first (red-test.ts). A fault that no test finds is a
 *   rule that nobody holds. Exit code 1 when one survived, 2 when the faults or the tests themselves are not in order.
 * What is authoritative: the sources; faults are planted in memory only (planting.mjs). RESULT.md keeps what was found.
 * On failure, and after Ctrl-C: nothing is left behind.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { planted } from '../../support/planted.mjs';
import { root } from '../../support/runner/tool.js';
import { typeErrors } from '../../support/type-errors.js';
import type { Mutant } from './mutant.js';
import { mutants } from './mutants.js';
import { redTestWith } from './red-test.js';
import { readResult, survived, writeResult } from './result.js';

/** Gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const { wanted, jobs } = optionsOf(args);
    checkTypes(wanted);
    return await tryAll(wanted, jobs);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
}

function optionsOf(args: readonly string[]): { readonly wanted: readonly Mutant[]; readonly jobs: number } {
  const { only = [], jobs } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      jobs: { type: 'string', default: String(availableParallelism()) },
    },
  }).values;
  const unknown = only.filter((id) => !mutants.some((mutant) => mutant.id === id));
  if (unknown.length > 0) throw new Error(`no fault is called ${unknown.join(', ')}`);
  if (!/^[1-9]\d*$/.test(jobs)) throw new Error('--jobs: a number above 0');
  return {
    wanted: only.length === 0 ? mutants : mutants.filter(({ id }) => only.includes(id)),
    jobs: Number(jobs),
  };
}

/** What the compiler finds, no test has to find. @throws Error when it finds a fault. */
function checkTypes(wanted: readonly Mutant[]): void {
  const rounds: Record<string, string>[] = [];
  for (const mutant of wanted) {
    const path = join(root, 'packages', mutant.file);
    const round = rounds.find((texts) => !(path in texts)) ?? {};
    if (Object.keys(round).length === 0) rounds.push(round);
    round[path] = planted(readFileSync(path, 'utf8'), mutant);
  }
  // a name that is left over is no rule broken
  const errors = rounds
    .flatMap((texts) => typeErrors([], texts))
    .filter((error) => !/is declared but its value is never read|are unused/.test(error));
  if (errors.length > 0) throw new Error(`faults that do not compile:\n${errors.join('\n')}`);
}

async function tryAll(wanted: readonly Mutant[], jobs: number): Promise<number> {
  const waiting = [...wanted];
  const result = readResult();
  let left = 0;
  const lane = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const by = await tried(mutant);
      if (by === survived) left++;
      await writeResult(result.set(mutant.id, by));
    }
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  console.log(`${wanted.length - left} found, ${left} survived`);
  return left === 0 ? 0 : 1;
}

async function tried(mutant: Mutant): Promise<string> {
  const started = performance.now();
  const by = (await redTestWith(mutant))?.replaceAll('|', '/') ?? survived;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${by === survived ? '✗' : '✓'} ${mutant.id} (${mutant.rule}: ${mutant.why}) ${seconds} s  ${by}`,
  );
  return by;
}
