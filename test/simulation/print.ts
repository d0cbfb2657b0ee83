import type { LogLine } from './process.js';

/** One line of a trace. */
export function printed({ atMs, process, level, message, fields }: LogLine): string {
  const text = JSON.stringify(fields, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Error ? value.message : value;
  });
  return `${atMs.toFixed(1).padStart(9)} ${process.padEnd(10)} ${level.padEnd(5)} ${message} ${text}`;
}
