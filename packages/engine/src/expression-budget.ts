/**
 * Purpose: bounds what the expressions of one turn cost together, so that a flow with thousands of dear conditions holds up neither the
 *   other flows of its conductor nor its session.
 * States: fresh with each turn → used up (further deciders are asked in the next turn) → exhausted (what must be answered now fails).
 * What is authoritative: counted steps. State and event decide, not time and not what happens to be parsed already.
 * Not here: what one evaluation may cost (`expression-meter.ts`).
 */
import { fault } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';
import { fillMeter, spentSteps } from './expression-meter.js';

/** Reading a text for the first time; counted each time, so that a turn is the same wherever it is computed. */
const STEPS_PER_CHARACTER = 2;
const STEPS_PER_EXPRESSION = 20;

export class ExpressionBudget {
  #spent = 0;
  /** Made when there is one: most turns have no expression. */
  #read: Set<string> | undefined;

  get isUsedUp(): boolean {
    return this.#spent >= expressionLimits.turnSteps;
  }

  /**
   * Answers from the text of an expression; `answer` parses it, if need be, and evaluates it once.
   * @throws ExpressionError when the turn has none to spend, and what `answer` throws
   */
  spend<T>(source: string, answer: () => T): T {
    this.#read ??= new Set();
    if (!this.#read.has(source)) {
      this.#read.add(source);
      this.#spent += STEPS_PER_EXPRESSION + source.length * STEPS_PER_CHARACTER;
    }
    const { turnStepsMax } = expressionLimits;
    if (this.#spent > turnStepsMax)
      fault(`was not evaluated: the expressions of this turn took more than ${turnStepsMax} steps`);
    fillMeter(0);
    try {
      return answer();
    } finally {
      this.#spent += spentSteps();
    }
  }
}
