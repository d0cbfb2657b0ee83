import { InputError } from './errors.js';

/** Milliseconds, or a number with a unit: `"250ms" "10s" "2m" "1h" "3d"`. */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h` | `${number}d`;

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** For people: in the largest unit of which it has one, with at most two decimals, as `durationMs` takes it: `300ms`, `1.5h`. */
export function durationText(ms: number): string {
  const [unit, unitMs] = Object.entries(UNIT_MS).findLast(([, oneMs]) => ms >= oneMs) ?? ['ms', 1];
  return `${Number((ms / unitMs).toFixed(2))}${unit}`;
}

/** Milliseconds of a duration. @throws InputError `BATON_INPUT_INVALID` when it is negative or not a duration. */
export function durationMs(duration: Duration | string, name = 'duration'): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(String(duration).trim());
  const ms = match ? Number(match[1]) * UNIT_MS[(match[2] ?? 'ms') as keyof typeof UNIT_MS] : Number.NaN;
  if (!Number.isFinite(ms))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${name} ${JSON.stringify(duration)} is not a duration such as 250ms, 10s, 2m, 1h or 3d`,
    );
  return ms;
}
