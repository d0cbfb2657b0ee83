/**
 * Purpose: one process of a simulation: runs the seeds it is told, one after the other, and answers each.
 * On failure: what a run throws is a violation of its seed; so is a rejection that nobody handles, which would end a real process.
 * Not here: which seeds (lanes.ts).
 */
import { themeOf } from './faults.js';
import { noResult } from './no-result.js';
import { printed } from './print.js';
import { simulate, type RunPlan, type SimulationResult } from './simulation.js';

export interface LaneRequest {
  readonly plan: RunPlan;
  readonly trace: boolean;
}

const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => {
  unhandled.push(
    `unhandled rejection: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`,
  );
});

async function run({ plan, trace }: LaneRequest): Promise<SimulationResult> {
  unhandled.length = 0;
  if (plan.theme !== undefined && themeOf(plan.seed) !== plan.theme) return noResult(plan);
  try {
    const result = await simulate(
      plan,
      trace ? (line) => process.stdout.write(`${printed(line)}\n`) : undefined,
    );
    return { ...result, violations: [...unhandled, ...result.violations] };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...noResult(plan), violations: [...unhandled, `the run itself failed: ${text}`] };
  }
}

process.on('message', (request: LaneRequest) => {
  void run(request).then((result) => process.connected && process.send?.(result));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
