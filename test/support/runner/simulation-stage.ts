/** Whole clusters in virtual time, by seed; a dozen planted bugs, which the first seeds find; and the model of the ownership protocol without its widest bounds. */
import type { StageResult } from './stages.js';
import { runNode } from './tool.js';

const seeds = 2_000;

export async function runSimulation(): Promise<StageResult> {
  const results = [
    await run('simulation', ['test/simulation/run.mjs', '--seeds', String(seeds)]),
    await run('sabotage', ['test/simulation/run.mjs', '--sabotage', '--soon']),
    await run('model', ['test/model/run.mjs', 'quick']),
  ];
  return {
    passed: results.reduce((sum, { passed }) => sum + passed, 0),
    failures: results.flatMap(({ failures }) => failures),
  };
}

async function run(name: string, command: readonly string[]): Promise<StageResult> {
  const { code, output } = await runNode(command, { quiet: true });
  return countedResult(name, { code, output });
}

/** Shows what a run said, or its end when all is well, and counts it: its last line is `N passed, M failed`. */
export function countedResult(
  name: string,
  { code, output }: { readonly code: number; readonly output: string },
  { shownMax = 4 } = {},
): StageResult {
  const lines = output.trimEnd().split('\n');
  const sums = /^(\d+) passed, (\d+) failed$/.exec(lines.at(-1) ?? '');
  const shown = code === 0 ? lines.filter((line) => !line.startsWith('✓')).slice(-shownMax) : lines;
  for (const line of shown) console.log(`  ${name}: ${line}`);
  const failed = Number(sums?.[2] ?? 0);
  if (!sums || (code !== 0) !== failed > 0)
    return { passed: 0, failures: [`${name} ended with code ${code}: ${lines.at(-1) ?? ''}`] };
  return { passed: Number(sums[1]), failures: failed === 0 ? [] : [`${name}: ${failed} failed, see above`] };
}
