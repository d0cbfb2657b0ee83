/** Three minutes of faults on real services, by a seed of its own; the seed is shown. */
import { countedResult } from './simulation-stage.js';
import type { StageResult } from './stages.js';
import { runNode } from './tool.js';

const minutes = 3;
/** The report and the sums, without the progress before them. */
const shownMax = 15;

export async function runChaos(): Promise<StageResult> {
  const run = await runNode(['test/chaos/run.mjs', '--minutes', String(minutes)], { quiet: true });
  return countedResult('chaos', run, { shownMax });
}
