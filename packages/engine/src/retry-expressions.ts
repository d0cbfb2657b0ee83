/** Retry controllers whose decision is an expression (E-619). */
import type { Failure, JsonValue } from '@baton/core';
import type { RetryDefinition } from '@baton/flow';
import { partOf } from './arguments.js';
import { dataOf } from './decider-expressions.js';
import { compileExpression, type Expression } from './expression.js';
import { ExpressionBudget } from './expression-budget.js';
import { fault } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';
import { shown } from './expression-values.js';
import type { Decision, RetryCall, RetryController } from './local-functions.js';
import type { Argument } from './protocol.js';
import type { HistoryEntry } from './run-state.js';

/** What a decision reads. */
export const retryVariables: ReadonlySet<string> = new Set(['attempt', 'failure', 'history', 'args']);
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
  const expression = compileExpression(retry.onFailure?.expr ?? '', { variables: retryVariables });
  kept.set(retry, expression);
  return expression;
}

/** Provides the number of the attempt; a decision without an answer is a fault of the controller (E-605). */
export function expressionController(
  retry: RetryDefinition,
  budget = new ExpressionBudget(),
): RetryController {
  return {
    execute: ({ history }) => ({ data: history.length + 1 }),
    onFailure: (call) => {
      const answer = budget.spend(retry.onFailure?.expr ?? '', () => {
        const expression = retryExpression(retry);
        const { variables, steps } = given(expression, call);
        return expression.evaluate(variables, steps);
      });
      if (decisions.includes(answer)) return answer as Decision;
      return fault(`decides ${shown(answer ?? null)}, and not "RETRY", "REVERT" or "REVERT_ALL"`);
    },
  };
}

/** Only what the expression reads is made; `steps`: what making it cost. */
function given(
  expression: Expression,
  { args, history }: RetryCall,
): { readonly variables: Record<string, JsonValue>; readonly steps: number } {
  const reads = (variable: string): boolean => expression.reads(variable)?.size !== 0;
  const newest = [...(history.at(-1)?.failures.values() ?? [])].at(-1);
  const read = expression.reads('args');
  const named = Object.entries(args).filter(([name]) => read === undefined || read.has(name));
  const isRead = reads('history');
  const steps = isRead ? history.reduce((sum, { failures }) => sum + 1 + failures.size, 0) : 0;
  const { listMax } = expressionLimits;
  if (steps > listMax) fault(`reads a history of more than ${listMax} attempts and failures`);
  const variables = {
    attempt: history.length,
    args: Object.fromEntries(named.map(([name, argument]) => [name, argumentData(name, argument)])),
    ...(reads('failure') && { failure: newest ? failureData(newest) : null }),
    ...(isRead && { history: history.map(entryData) }),
  };
  return { variables, steps };
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
export function failureData({ types, code, message, phase, atom, retryable, details }: Failure): JsonValue {
  return {
    type: types[0] ?? 'Error',
    types: [...types],
    code: code ?? null,
    message,
    phase: phase ?? null,
    atom: atom ?? null,
    retryable: retryable ?? null,
    data: details ?? null,
  };
}
