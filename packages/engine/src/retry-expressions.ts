/** Retry controllers whose decision is an expression (E-619). */
import type { Failure, JsonValue } from '@baton/core';
import type { RetryDefinition } from '@baton/flow';
import { partOf } from './arguments.js';
import { dataOf } from './decider-expressions.js';
import { compileExpression, type Expression } from './expression.js';
import { fault } from './expression-error.js';
import type { Decision, RetryCall, RetryController } from './local-functions.js';
import type { Argument } from './protocol.js';
import type { HistoryEntry } from './run-state.js';

const variables = new Set(['attempt', 'failure', 'history', 'args']);
const decisions: readonly unknown[] = ['RETRY', 'REVERT', 'REVERT_ALL'] satisfies Decision[];

/** Kept as long as the definition. */
const kept = new WeakMap<RetryDefinition, Expression>();

/**
 * The expression that decides, parsed and checked once.
 * @throws ExpressionError
 */
export function retryExpression(retry: RetryDefinition): Expression {
  const known = kept.get(retry);
  if (known) return known;
  const expression = compileExpression(retry.onFailure?.expr ?? '', { variables });
  kept.set(retry, expression);
  return expression;
}

/** Provides the number of the attempt; a decision without an answer is a fault of the controller (E-605). */
export function expressionController(retry: RetryDefinition): RetryController {
  return {
    execute: ({ history }) => ({ data: history.length + 1 }),
    onFailure: (call) => {
      const expression = retryExpression(retry);
      const answer = expression.evaluate(given(expression, call));
      if (decisions.includes(answer)) return answer as Decision;
      return fault(`decides ${String(answer)}, and not "RETRY", "REVERT" or "REVERT_ALL"`);
    },
  };
}

/** Only what the expression reads is made. */
function given(expression: Expression, { args, history }: RetryCall): Record<string, JsonValue> {
  const reads = (variable: string): boolean => expression.reads(variable)?.size !== 0;
  const newest = [...(history.at(-1)?.failures.values() ?? [])].at(-1);
  const read = expression.reads('args');
  const named = Object.entries(args).filter(([name]) => read === undefined || read.has(name));
  return {
    attempt: history.length,
    args: Object.fromEntries(named.map(([name, argument]) => [name, argumentData(name, argument)])),
    ...(reads('failure') && { failure: newest ? failureData(newest) : null }),
    ...(reads('history') && { history: history.map(entryData) }),
  };
}

function argumentData(name: string, { value, path }: Argument): JsonValue {
  const data = dataOf(value, `the argument ${name}`);
  return path === undefined ? data : (partOf(data, path) ?? null);
}

function entryData({ value, failures }: HistoryEntry): JsonValue {
  return {
    value: dataOf(value, 'a provided value'),
    failures: Object.fromEntries(Array.from(failures, ([atom, failure]) => [atom, failureData(failure)])),
  };
}

/** What is not known is null, so that it can be compared. */
function failureData({ types, code, message, phase, atom, retryable }: Failure): JsonValue {
  return {
    type: types[0] ?? 'Error',
    types: [...types],
    code: code ?? null,
    message,
    phase: phase ?? null,
    atom: atom ?? null,
    retryable: retryable ?? null,
  };
}
