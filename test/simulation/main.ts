/**
 * `npm run simulate -- [--seeds N] [--from S] [--seed X --trace]`: many seeds, each a cluster with its own workload and faults; prints every violation
 * with the seed that shows it again, and closes with a count. Exit code 1 when there was one.
 */
import { parseArgs } from 'node:util';
import type { LogLine } from './process.js';
import { simulate, type SimulationResult } from './simulation.js';

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  const startedAt = performance.now();
  const results: SimulationResult[] = [];
  let failed = 0;
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate({ seed, ...(values.trace && { onLog: print }) });
    results.push(result);
    if (result.violations.length > 0) {
      failed++;
      say(`seed ${seed}: ${JSON.stringify(result.stats)}`);
      for (const violation of result.violations) say(`  ${violation}`);
    }
    if (seed % 100 === 0 && seed % 1_000 !== 0 && (await simulate({ seed })).hash !== result.hash) {
      failed++;
      say(`seed ${seed}: I20 a second run of it differs`);
    }
    if (results.length % 100 === 0) say(`${results.length} of ${count} seeds, ${failed} with violations`);
  }
  summarise(results, performance.now() - startedAt);
  say(`${count - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function summarise(results: readonly SimulationResult[], ms: number): void {
  const sum = (of: (stats: SimulationResult['stats']) => number): number =>
    results.reduce((total, { stats }) => total + of(stats), 0);
  const faults: Record<string, number> = {};
  for (const { stats } of results)
    for (const [kind, count] of Object.entries(stats.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  say(
    `${results.length} seeds in ${(ms / 1_000).toFixed(1)} s (${((results.length / ms) * 1_000).toFixed(1)} a second): ` +
      `${sum((stats) => stats.jobs)} jobs, ${sum((stats) => stats.calls)} task calls, ${sum((stats) => stats.entries)} entries, ` +
      `${sum((stats) => stats.takeovers)} takeovers, ${sum((stats) => stats.fenced)} writes of former owners refused, ` +
      `${(sum((stats) => stats.virtualMs) / 3_600_000).toFixed(1)} h of virtual time, ${sum((stats) => stats.events)} events`,
  );
  say(
    `faults: ${Object.entries(faults)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}`,
  );
}

function print({ atMs, process, level, message, fields }: LogLine): void {
  const text = JSON.stringify(fields, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Error ? value.message : value;
  });
  say(`${atMs.toFixed(1).padStart(9)} ${process.padEnd(8)} ${level.padEnd(5)} ${message} ${text}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
