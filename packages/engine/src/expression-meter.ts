/**
 * Purpose: counts what an evaluation costs, in steps. Each operation is paid for before it is made, by the size of what it works on, so
 *   the cost is a number that depends on expression and data alone. No clock: the same decision on every host (C-807).
 * States: filled → spent. Evaluations are synchronous and never nested, so one count serves them all.
 * What is authoritative: nothing here outlives an evaluation.
 * On failure: a count that runs out throws, which ends the evaluation at once; an error value could be swallowed by `||`.
 * Not here: what several evaluations of one turn may cost together (`expression-budget.ts`).
 */
import { fault } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';

let left = 0;
let filled = 0;

/** Begins an evaluation. */
export function fillMeter(steps: number = expressionLimits.fuel): void {
  filled = steps;
  left = steps;
}

/** Steps since the meter was filled; at most those it was filled with. */
export function spentSteps(): number {
  return Math.ceil(Math.min(filled, filled - left));
}

/** @throws ExpressionError when there are not so many left */
export function pay(steps: number): void {
  left -= steps;
  if (!(left >= 0)) fault(`takes more than ${filled} steps`);
}
