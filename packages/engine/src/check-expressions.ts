import { DefinitionError } from '@baton/core';
import type { Compiled } from './compiled.js';
import { deciderEdgesTo, nameOfNode } from './decider-edges.js';
import { deciderExpression } from './decider-expressions.js';
import { ExpressionError } from './expression-error.js';
import { retryExpression } from './retry-expressions.js';

/**
 * Parses and checks every expression of a flow. Done when a flow is given, not when it is compiled: a conductor parses an
 * expression when it is first asked, and one that is wrong fails its atom.
 * @throws DefinitionError `BATON_DEFINITION_EXPRESSION`; `details` has the source and the offset in it.
 */
export function checkExpressions(compiled: Compiled): void {
  for (const atom of compiled.atoms.values()) {
    const edges = compiled.deciders.size === 0 ? [] : deciderEdgesTo(compiled, atom.id);
    for (const edge of edges) {
      const { decider } = edge;
      if (!('expr' in decider)) continue;
      const link = `link ${nameOfNode(compiled, edge.from)} → ${nameOfNode(compiled, edge.to)}`;
      refusing(`the decider of ${link}`, decider.expr, () =>
        deciderExpression({ compiled, edge, target: atom.id, edges }, decider.expr),
      );
    }
    if (atom.kind === 'retry' && atom.retry.kind === 'custom')
      refusing(`the decision of retry ${atom.name}`, atom.retry.onFailure?.expr ?? '', () =>
        retryExpression(atom.retry),
      );
  }
}

export function refusing(what: string, source: string, compile: () => unknown): void {
  try {
    compile();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { offset } = error;
    const place = offset === undefined ? '' : ` at character ${offset + 1}`;
    const shown = source.length > 120 ? `${source.slice(0, 120)}…` : source;
    throw new DefinitionError(
      'BATON_DEFINITION_EXPRESSION',
      `${what}, ${JSON.stringify(shown)}, ${error.message}${place}`,
      { details: { source, ...(offset !== undefined && { offset }) } },
    );
  }
}
