/**
 * Functions of expressions that look into the run: `task(name)`, `global(name)`, `uuid()` (C-804).
 * Evaluations are synchronous and never nested, so one host serves them all.
 */
import type { JsonValue } from '@baton/core';
import { InvariantError } from '@baton/core';
import type { LibraryFunction } from '../expression-library.js';
import { pay } from '../expression-meter.js';

export interface ExpressionHost {
  /** The latest activation of an atom; null when there is none. */
  task(name: string): JsonValue;
  global(name: string): JsonValue;
  /** Different with each call, the same each time the turn is computed. */
  uuid(): string;
}

let host: ExpressionHost | undefined;

export function withHost<T>(present: ExpressionHost, evaluate: () => T): T {
  host = present;
  try {
    return evaluate();
  } finally {
    host = undefined;
  }
}

function present(): ExpressionHost {
  if (!host) throw new InvariantError('BATON_INVARIANT_UNREACHABLE', 'an expression has no run to look into');
  return host;
}

export const hostFunctions: ReadonlyMap<string, LibraryFunction> = new Map<string, LibraryFunction>([
  [
    'task',
    {
      min: 1,
      max: 1,
      apply: (name) => (typeof name === 'string' ? costly(present().task(name)) : undefined),
    },
  ],
  [
    'global',
    { min: 1, max: 1, apply: (name) => (typeof name === 'string' ? present().global(name) : undefined) },
  ],
  ['uuid', { min: 0, max: 0, apply: () => present().uuid() }],
]);

function costly(data: JsonValue): JsonValue {
  pay(10);
  return data;
}
