/**
 * Functions of expressions that look into the run: `task(name)`, `tasks(state)`, `global(name)`, `uuid()` (C-804).
 * Evaluations are synchronous and never nested, so one host serves them all.
 */
import type { JsonValue } from '@baton/core';
import { InvariantError } from '@baton/core';
import type { Result } from '../expression-functions.js';
import type { LibraryFunction } from '../expression-library.js';
import { pay } from '../expression-meter.js';
import type { Datum } from '../expression-values.js';

export interface ExpressionHost {
  /** The latest activation of an atom; null when there is none. */
  task(name: string): JsonValue;
  /** Activations in the order in which they began, all or those in one state. */
  tasks(state?: string): readonly JsonValue[];
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
  ['tasks', { min: 0, max: 1, apply: tasksOf }],
  [
    'global',
    { min: 1, max: 1, apply: (name) => (typeof name === 'string' ? present().global(name) : undefined) },
  ],
  ['uuid', { min: 0, max: 0, apply: () => present().uuid() }],
]);

/** Expressions here have no map literals, so `tasks("FAILURE")` is what `tasks({state: "FAILURE"})` is elsewhere. */
function tasksOf(state?: Datum): Result {
  if (state !== undefined && typeof state !== 'string') return undefined;
  const tasks = present().tasks(state);
  pay(tasks.length * 10);
  return tasks as Datum[];
}

function costly(data: JsonValue): JsonValue {
  pay(10);
  return data;
}
