/**
 * Conditions and decisions of posted flows: CEL, evaluated in the engine's turn (E-509, E-619, C-807). What an evaluation may cost is
 * counted in steps, not in time: the engine has no clock, and a decision must be the same wherever it is made.
 */
import type { JsonValue } from '@baton/core';
import { isCelError, parse, plan } from '@bufbuild/cel';
import { celData } from './cel-data.js';
import { ExpressionError, fault } from './expression-error.js';
import { checkSource, checkSyntax, type Expr, type Names } from './expression-syntax.js';
import { Meter, meteredEnvironment } from './metered-functions.js';

/** One expression, ready to be evaluated any number of times. */
export interface Expression {
  readonly source: string;
  /** Entries of a map variable that it reads, all of them named in its text; `undefined`: it may read any. */
  reads(variable: string): ReadonlySet<string> | undefined;
  /**
   * Gives a boolean, a text, a number or null; anything else as `undefined`. Costs at most `expressionLimits.fuel` steps.
   * @throws ExpressionError when it cannot be answered, or costs too much.
   */
  evaluate(variables: Readonly<Record<string, JsonValue>>): Answer;
}

export type Answer = boolean | string | number | bigint | null | undefined;

const meter = new Meter();
const environment = meteredEnvironment(meter);

/** Steps that the last evaluation took; for measurements. */
export function lastExpressionSteps(): number {
  return meter.spent;
}

/**
 * Parses and checks an expression.
 * @throws ExpressionError for what CEL does not understand, what is not available here, and names that are not given; with the offset.
 */
export function compileExpression(source: string, names: Names): Expression {
  checkSource(source);
  const { expr, sourceInfo } = parsed(source);
  const positions = sourceInfo?.positions ?? {};
  const offsetOf = (id: bigint | undefined): number | undefined =>
    id === undefined ? undefined : positions[id.toString()];
  const syntax = checkSyntax(expr, names, ({ id }: Expr) => offsetOf(id));
  const planned = plan(environment, syntax.expr);
  return {
    source,
    reads: syntax.entries,
    evaluate: (variables) => {
      const given: Record<string, ReturnType<typeof celData>> = Object.create(null) as typeof given;
      for (const [name, value] of Object.entries(variables))
        given[name] = celData(part(value, syntax.entries(name)));
      meter.fill();
      const answer = planned(given);
      if (isCelError(answer)) throw wrapped(answer, offsetOf);
      return typeof answer === 'object' && answer !== null ? undefined : answer;
    },
  };
}

/** The entries that are read: the rest need not be converted. */
function part(value: JsonValue, entries: ReadonlySet<string> | undefined): JsonValue {
  if (entries === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => entries.has(key)));
}

function parsed(source: string): ReturnType<typeof parse> {
  try {
    return parse(source);
  } catch (error) {
    const { message, location } = error as Error & { location?: { start?: { offset?: number } } };
    return fault(message.replace(/^<input>:\d+:\d+: /, 'is no CEL: '), location?.start?.offset);
  }
}

function wrapped(
  error: Error & { readonly exprId?: bigint | undefined },
  offsetOf: (id: bigint | undefined) => number | undefined,
): ExpressionError {
  if (error.cause instanceof ExpressionError) return error.cause;
  return new ExpressionError(error.message, offsetOf(error.exprId));
}
