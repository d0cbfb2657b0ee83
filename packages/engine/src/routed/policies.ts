/** What the policies of an atom say about one activation of it (section 10): expressions are evaluated when they apply, and their kind is checked. */
import { failureIs, type JsonValue } from '@baton/core';
import type { Given, RoutedAttemptPolicy } from '@baton/flow';
import { isWorthRepeating } from '../attempts.js';
import { fault } from '../expression-error.js';
import { shown } from '../expression-values.js';
import type { Outcome } from '../protocol.js';
import { backoffMs } from '../retry-controllers.js';
import type { Unit } from './routed-state.js';
import { evaluateAt, type Place } from './surroundings.js';

type Maybe<T> = Given<T> | undefined;

/** Milliseconds; 0 when nothing is said. @throws ExpressionError for what is no whole number, or negative */
export function durationAt(place: Place, given: Maybe<number>, what: string): number {
  return wholeNumber(valueAt(place, given) ?? 0, 0, what);
}

/** Undefined when nothing is said. @throws ExpressionError for what is no whole number above 0 */
export function countAt(place: Place, given: Maybe<number>, what: string): number | undefined {
  const value = valueAt(place, given);
  return value === undefined || value === null ? undefined : wholeNumber(value, 1, what);
}

/** @throws ExpressionError for what is neither true nor false */
export function isTrueAt(place: Place, given: Maybe<boolean>, what: string): boolean {
  const value = valueAt(place, given) ?? false;
  return typeof value === 'boolean'
    ? value
    : fault(`of ${what} gives ${shown(value)}, neither true nor false`);
}

/** @throws ExpressionError for what is no text */
export function textAt(place: Place, given: Given<string>, what: string): string {
  const value = valueAt(place, given);
  return typeof value === 'string' ? value : fault(`of ${what} gives ${shown(value ?? null)}, no text`);
}

/** What an expression of a policy says, given as its bare text. */
export function isSoAt(place: Place, expr: string | undefined, what: string): boolean | undefined {
  return expr === undefined ? undefined : isTrueAt(place, { expr }, what);
}

function valueAt(place: Place, given: Maybe<JsonValue>): JsonValue | undefined {
  const isExpression = typeof given === 'object' && given !== null && 'expr' in given;
  if (!isExpression) return given as JsonValue | undefined;
  return evaluateAt(place, place.state.graph.templates.expression(String(given['expr'])));
}

function wholeNumber(value: JsonValue, least: number, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  return fault(`of ${what} gives ${shown(value)}, no whole number from ${least} on`);
}

/** Whether another attempt follows on an outcome (C-1011 to C-1018); `place` knows the outcome as `self`. @throws ExpressionError */
export function isRepeated(place: Place, unit: Unit, policy: RoutedAttemptPolicy, outcome: Outcome): boolean {
  if (unit.attempt - unit.spent >= (countAt(place, policy.max, 'attempts.max') ?? 1)) return false;
  const goesOn = isSoAt(place, policy.continueOn, 'continue-on');
  if (!('failure' in outcome)) return goesOn === true;
  const { failure } = outcome;
  if (!isWorthRepeating(policy, failure) || failureIs(failure, ...(policy.stopOn ?? []))) return false;
  return goesOn !== false && isSoAt(place, policy.breakOn, 'break-on') !== true;
}

/** How long the next attempt waits, in ms. @throws ExpressionError */
export function delayBefore(place: Place, unit: Unit, policy: RoutedAttemptPolicy, outcome: Outcome): number {
  const { backoff: kind = 'constant', maxDelayMs: maxMs, jitter = false } = policy;
  const initialMs = durationAt(place, policy.delayMs, 'attempts.delay');
  const backoff = { kind, initialMs, jitter, ...(maxMs !== undefined && { maxMs }) };
  const planned = backoffMs(
    backoff,
    unit.attempt - unit.spent,
    `${place.state.flowId}/${unit.id}/${unit.attempt}`,
  );
  return 'failure' in outcome ? Math.max(planned, outcome.failure.retryAfterMs ?? 0) : planned;
}
