import type { SimulationResult } from './simulation.js';

const sumNames = [
  'jobs',
  'calls',
  'entries',
  'takeovers',
  'sleeps',
  'refusedWrites',
  'repeatedCalls',
  'lateWork',
  'events',
  'virtualMs',
] as const;
type SumName = (typeof sumNames)[number];

/** What many runs did, together. */
export class Tally {
  seeds = 0;
  readonly #startedAt = performance.now();
  readonly #sums = Object.fromEntries(sumNames.map((name) => [name, 0])) as Record<SumName, number>;
  readonly #faults = new Map<string, number>();
  readonly #outcomes = new Map<string, number>();
  readonly #takeoverMs = { guarded: [] as number[], unguarded: [] as number[] };

  readonly #workerLossMs: number[] = [];

  add({ stats }: SimulationResult): void {
    this.seeds++;
    for (const name of sumNames) this.#sums[name] += stats[name];
    count(this.#faults, stats.faults);
    count(this.#outcomes, stats.outcomes);
    for (const { ms } of stats.workersLost) this.#workerLossMs.push(ms);
    for (const { isGuarded, ms } of stats.takenOver)
      this.#takeoverMs[isGuarded ? 'guarded' : 'unguarded'].push(ms);
  }

  lines(): readonly string[] {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const {
      jobs,
      calls,
      entries,
      takeovers,
      sleeps,
      refusedWrites,
      repeatedCalls,
      lateWork,
      events,
      virtualMs,
    } = this.#sums;
    const struck = [...this.#faults.values()].reduce((sum, each) => sum + each, 0);
    return [
      `${this.seeds} seeds in ${seconds.toFixed(1)} s, ${(this.seeds / seconds).toFixed(1)} a second: ${jobs} jobs, ${calls} calls of tasks ` +
        `(${repeatedCalls} repeated, ${lateWork} done for the first time after they were undone), ${entries} journal entries, ${takeovers} takeovers (${sleeps} jobs fell asleep), ${refusedWrites} entries of former owners tried and ` +
        `refused, ${(virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${events} events`,
      `${struck} faults: ${listed(this.#faults)}`,
      `outcomes: ${listed(this.#outcomes)}`,
      `from the death of an owner to the first entry of the next, in ms: ${spread(this.#takeoverMs.guarded)}; without a guard ${spread(this.#takeoverMs.unguarded)}`,
      `from the end of a worker's registration to what becomes of its requests, in ms: ${spread(this.#workerLossMs)}`,
    ];
  }
}

function count(sums: Map<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, number] of Object.entries(more)) sums.set(name, (sums.get(name) ?? 0) + number);
}

function spread(figures: readonly number[]): string {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(0);
  return `median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} (${sorted.length})`;
}

function listed(sums: ReadonlyMap<string, number>): string {
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, number]) => `${name} ${number}`)
    .join(', ');
}
