import type { RunPlan, SimulationResult } from './simulation.js';

/**
 * A smaller plan that still breaks an invariant that the full one broke: faults and jobs are left out one after the other as long as it does. What is left is
 * what the failure needs, up to chance: leaving something out moves everything behind it.
 */
export async function shrink(
  failed: SimulationResult,
  run: (plan: RunPlan) => Promise<SimulationResult>,
): Promise<SimulationResult> {
  const broken = new Set(failed.violations.map(invariantOf));
  let smallest = failed;
  let { faults, jobs } = failed.plan;
  const tried = async (plan: Required<Pick<RunPlan, 'faults' | 'jobs'>>): Promise<boolean> => {
    const result = await run({ seed: failed.plan.seed, ...plan });
    if (!result.violations.some((violation) => broken.has(invariantOf(violation)))) return false;
    smallest = result;
    return true;
  };
  for (const jobId of [...jobs]) {
    const fewer = jobs.filter((each) => each !== jobId);
    if (fewer.length > 0 && (await tried({ faults, jobs: fewer }))) jobs = fewer;
  }
  for (const number of [...faults]) {
    const fewer = faults.filter((each) => each !== number);
    if (await tried({ faults: fewer, jobs })) faults = fewer;
  }
  return smallest;
}

/** `I09`, or what has no number. */
export function invariantOf(violation: string): string {
  return /^(?:[A-Z]+-?\d+|model)\b/.exec(violation)?.[0] ?? 'crash';
}
