/** The controllers that come with Baton: pure functions of inputs and history (engine.md 6.1; taskflow retry.py). */
import { assertNever, failureIs, hash32, type JsonValue } from '@baton/core';
import type { BackoffDefinition, RetryDefinition } from '@baton/flow';
import type { RetryNode } from './compiled.js';
import type { ExpressionBudget } from './expression-budget.js';
import type { Decision, RetryCall, RetryController } from './local-functions.js';
import { expressionController } from './retry-expressions.js';
import type { HistoryEntry, RunState } from './run-state.js';

/** The controller of a retry: given by the process, else as the definition says. */
export function controllerOf(
  state: RunState,
  { name, retry }: RetryNode,
  budget?: ExpressionBudget,
): RetryController {
  return state.functions.retries?.[name] ?? builtInController(retry, budget);
}

/** The controller that a definition names; a process may wrap it. `budget`: that of the turn in which it is asked. */
export function builtInController(retry: RetryDefinition, budget?: ExpressionBudget): RetryController {
  const giveUp: Decision = retry.revertAll === true ? 'REVERT_ALL' : 'REVERT';
  switch (retry.kind) {
    case 'alwaysRevert':
      return { execute: () => undefined, onFailure: () => 'REVERT' };
    case 'alwaysRevertAll':
      return { execute: () => undefined, onFailure: () => 'REVERT_ALL' };
    case 'times':
      return {
        execute: ({ history }) => ({ data: history.length + 1 }),
        onFailure: ({ history }) =>
          history.length < (retry.attempts ?? 1) && matches(retry.on, history) ? 'RETRY' : giveUp,
      };
    case 'forEach':
      return forEach(() => retry.values ?? [], giveUp);
    case 'parameterizedForEach':
      return forEach(valuesArgument, giveUp);
    case 'custom':
      return expressionController(retry, budget);
    default:
      return assertNever(retry.kind);
  }
}

function forEach(valuesOf: (call: RetryCall) => readonly JsonValue[], giveUp: Decision): RetryController {
  return {
    execute: (call) => {
      const [next] = unused(valuesOf(call), call.history);
      if (next === undefined) throw new NotFound('no value is left to try');
      return { data: next };
    },
    onFailure: (call) => (unused(valuesOf(call), call.history).length > 0 ? 'RETRY' : giveUp),
  };
}

/** The list minus one occurrence for each history entry, in the original order, by deep equality (E-614). */
function unused(values: readonly JsonValue[], history: readonly HistoryEntry[]): readonly JsonValue[] {
  const used = new Map<string, number>();
  for (const { value } of history) {
    if (!value || !('data' in value)) continue;
    const key = textOf(value.data);
    used.set(key, (used.get(key) ?? 0) + 1);
  }
  return values.filter((value) => {
    const key = textOf(value);
    const count = used.get(key) ?? 0;
    if (count > 0) used.set(key, count - 1);
    return count === 0;
  });
}

/** Equal texts for equal data, whatever the order of keys. */
function textOf(value: JsonValue): string {
  return JSON.stringify(value, (_key, part: JsonValue) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function valuesArgument({ args }: RetryCall): readonly JsonValue[] {
  const value = args['values']?.value;
  if (value && 'data' in value && Array.isArray(value.data)) return value.data as readonly JsonValue[];
  throw new TypeError(
    'the values of a parameterizedForEach must be an array, small enough to be kept inline',
  );
}

/** Whether the newest failure is one the controller is there for (E-618). */
function matches(types: readonly string[] | undefined, history: readonly HistoryEntry[]): boolean {
  if (types === undefined) return true;
  const newest = [...(history.at(-1)?.failures.values() ?? [])].at(-1);
  return newest !== undefined && failureIs(newest, ...types);
}

/** TaskFlow's name for "nothing there"; becomes a failure of the retry. */
class NotFound extends Error {
  override readonly name = 'NotFound';
}

/**
 * Delay in ms before round `round + 1`, at least 0. Jitter takes 50 to 100 % of it, by a hash of `seed`: the engine has no
 * randomness, and the same flow must wait equally long wherever it is computed.
 */
export function backoffMs(backoff: BackoffDefinition, round: number, seed: string): number {
  const factor = { constant: 1, linear: round, exponential: 2 ** Math.min(round - 1, 30) }[backoff.kind];
  const full = Math.min(backoff.initialMs * factor, backoff.maxMs ?? Number.MAX_SAFE_INTEGER);
  const spread = backoff.jitter === true ? 0.5 + hash32(seed) / 2 ** 33 : 1;
  return Math.round(full * spread);
}
