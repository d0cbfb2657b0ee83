/** What one expression costs in this process, the first time and later. */
import { compileExpression, ExpressionError, lastExpressionSteps } from '@baton/engine';
import type { Hostile } from '../../../packages/engine/src/fixtures/hostile-expressions.js';

export interface ExpressionFigures {
  /** CPU of all threads, from the text to the end of the evaluation. */
  readonly coldMs: number;
  readonly warmMs: number;
  readonly steps: number;
  readonly end: string;
}

export function measureExpression({ source, history }: Hostile): ExpressionFigures {
  const names = {
    variables: new Set(['history']),
    short: { of: 'history', names: new Set(Object.keys(history)) },
  };
  let [end, steps] = ['', 0];
  const once = (): void => {
    try {
      const expression = compileExpression(source, names);
      end = 'answered';
      try {
        expression.evaluate({ history });
      } finally {
        steps = lastExpressionSteps();
      }
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      end = error.message.slice(0, 60);
    }
  };
  const coldMs = cpuMsOf(once);
  for (let round = 0; round < 4; round++) once();
  return { coldMs, warmMs: cpuMsOf(once), steps, end };
}

/** A fixed amount of work, to tell how fast the machine is just now. */
export function referenceMs(): number {
  const rows = Array.from({ length: 5_000 }, (_, index) => ({ index, text: `row ${index}` }));
  const text = JSON.stringify(rows);
  for (let round = 0; round < 20; round++) JSON.parse(text);
  return Number(cpuMsOf(() => void JSON.parse(JSON.stringify(JSON.parse(text)))).toFixed(1));
}

function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
