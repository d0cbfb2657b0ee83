/**
 * Purpose: the resident memory of processes over time, from /proc, sampled while something else is measured.
 * On failure: a process that is gone keeps its last figures.
 */
import { readFileSync } from 'node:fs';

const everyMs = 500;
const mib = 1024;

/** MiB, resident. */
export interface Memory {
  readonly first: number;
  readonly most: number;
  readonly last: number;
  /** Mean of the last tenth of the time against that of the tenth before the middle: what still grows is well above 1. */
  readonly growth: number;
}

/** Samples until the answer is called. Names → pids. */
export function meterMemory(
  processes: Readonly<Record<string, number>>,
): () => Readonly<Record<string, Memory>> {
  const samples = new Map(Object.keys(processes).map((name) => [name, [] as number[]]));
  const look = (): void => {
    for (const [name, pid] of Object.entries(processes)) {
      const resident = residentMib(pid);
      if (resident !== undefined) samples.get(name)?.push(resident);
    }
  };
  look();
  const timer = setInterval(look, everyMs);
  return () => {
    clearInterval(timer);
    look();
    return Object.fromEntries(Array.from(samples, ([name, sizes]) => [name, memoryOf(sizes)]));
  };
}

function memoryOf(sizes: readonly number[]): Memory {
  const tenth = Math.max(1, Math.floor(sizes.length / 10));
  const middle = Math.floor(sizes.length / 2);
  const growth = meanOf(sizes.slice(-tenth)) / meanOf(sizes.slice(Math.max(0, middle - tenth), middle || 1));
  return {
    first: Math.round(sizes[0] ?? NaN),
    most: Math.round(Math.max(...sizes)),
    last: Math.round(sizes.at(-1) ?? NaN),
    growth: Number(growth.toFixed(2)),
  };
}

function meanOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}

export function residentMib(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return found === null ? undefined : Number(found[1]) / mib;
  } catch {
    return undefined; // gone
  }
}
