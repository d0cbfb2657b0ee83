/**
 * Conditions and decisions of posted flows: CEL, evaluated in the engine's turn (E-509, E-619, C-807). What an evaluation may cost is
 * counted in steps, not in time: the engine has no clock, and a decision must be the same wherever it is made.
 */
import type { JsonValue } from '@baton/core';
import { ExpressionError } from './expression-error.js';
import { fillMeter, pay, spentSteps } from './expression-meter.js';
import { parseExpression } from './expression-parser.js';
import { programOf } from './expression-program.js';
import { type Names, Scope } from './expression-syntax.js';
import { type Datum, Failed, jsonOfDatum } from './expression-values.js';

/** One expression, ready to be evaluated any number of times. */
export interface Expression {
  readonly source: string;
  /** Entries of a map variable that it reads, all of them named in its text; `undefined`: it may read any. */
  reads(variable: string): ReadonlySet<string> | undefined;
  /**
   * Gives a boolean, a text, a number or null; anything else as `undefined`. Costs at most `expressionLimits.fuel` steps; data are not
   * copied, and what is not read costs nothing.
   * `steps`: what making the variables cost already.
   * @throws ExpressionError when it cannot be answered, or costs too much.
   */
  evaluate(variables: Readonly<Record<string, JsonValue>>, steps?: number): Answer;
  /** The same, of any kind, as data. @throws ExpressionError */
  value(variables: Readonly<Record<string, JsonValue>>, steps?: number): JsonValue;
}

export type Answer = boolean | string | number | bigint | null | undefined;

/** Steps that the last evaluation took. */
export function lastExpressionSteps(): number {
  return spentSteps();
}

/**
 * Parses and checks an expression.
 * @throws ExpressionError for what CEL does not understand, what is not available here, and names that are not given; with the offset.
 */
export function compileExpression(source: string, names: Names): Expression {
  const scope = new Scope(names);
  const program = programOf(parseExpression(source), scope);
  const answerTo = (variables: Readonly<Record<string, JsonValue>>, steps: number): Datum => {
    fillMeter();
    pay(steps);
    const answer = program(scope.variables.map((name) => variables[name] ?? null));
    if (answer instanceof Failed) throw new ExpressionError(answer.message(), answer.at);
    return answer;
  };
  return {
    source,
    reads: (variable) => scope.entriesOf(variable),
    evaluate: (variables, steps = 0) => {
      const answer = answerTo(variables, steps);
      return typeof answer === 'object' && answer !== null ? undefined : answer;
    },
    value: (variables, steps = 0) => jsonOfDatum(answerTo(variables, steps)),
  };
}
