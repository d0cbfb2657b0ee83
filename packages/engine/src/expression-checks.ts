import type { ExpressionChecks } from '@baton/flow';
import { compileExpression } from './expression.js';
import { ExpressionError } from './expression-error.js';
import { retryVariables } from './retry-expressions.js';
import { Templates } from './routed/templates.js';

/** For `parseFlowYaml` of @baton/flow: that what should be CEL is, and uses only names and functions there are. */
export const expressionChecks: ExpressionChecks = {
  guard: (source) => faultOf(() => new Templates().expression(source)),
  template: (text) => faultOf(() => new Templates().check(text)),
  decider: (source, sources) =>
    faultOf(() =>
      compileExpression(source, {
        variables: new Set(['history']),
        short: { of: 'history', names: sources },
      }),
    ),
  decision: (source) => faultOf(() => compileExpression(source, { variables: retryVariables })),
};

function faultOf(compile: () => unknown): string | undefined {
  try {
    compile();
    return undefined;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { message, offset } = error;
    return offset === undefined ? message : `${message} at character ${offset + 1}`;
  }
}
