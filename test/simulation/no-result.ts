import type { RunPlan, SimulationResult } from './simulation.js';

/** Of a run that came to nothing. */
export function noResult({ seed, faults = [], jobs = [] }: RunPlan): SimulationResult {
  const stats = { jobs: 0, events: 0, virtualMs: 0, calls: 0, entries: 0, takeovers: 0, refusedWrites: 0 };
  return {
    plan: { seed, faults, jobs },
    violations: [],
    hash: '',
    stats: {
      ...stats,
      repeatedCalls: 0,
      sleeps: 0,
      lateWork: 0,
      faults: {},
      outcomes: {},
      takenOver: [],
      workersLost: [],
    },
  };
}
