/** Deciders that are expressions: `history` holds the results of the sources by name; a name alone is short for its entry (E-509). */
import type { JsonValue, Value } from '@baton/core';
import type { Compiled, DeciderEdge, NodeId } from './compiled.js';
import { nameOfNode } from './decider-edges.js';
import { compileExpression, type Expression } from './expression.js';
import { fault } from './expression-error.js';

export interface Question {
  readonly compiled: Compiled;
  readonly edge: DeciderEdge;
  /** The atom that is asked for, and all links that are asked about it. */
  readonly target: NodeId;
  readonly edges: readonly DeciderEdge[];
}

/** By link and target: which names there are depends on the target. Kept as long as the compiled flow. */
const kept = new WeakMap<DeciderEdge, Map<NodeId, Expression>>();

/**
 * The expression of a link, parsed and checked once; `undefined` when a function decides.
 * @throws ExpressionError
 */
export function deciderExpression({ compiled, edge, target, edges }: Question): Expression | undefined {
  if (!('expr' in edge.decider)) return undefined;
  const byTarget = kept.get(edge) ?? new Map<NodeId, Expression>();
  kept.set(edge, byTarget);
  const known = byTarget.get(target);
  if (known) return known;
  const names = new Set(edges.map(({ from }) => nameOfNode(compiled, from)));
  const short = { of: 'history', names };
  const expression = compileExpression(edge.decider.expr, { variables: new Set(['history']), short });
  byTarget.set(target, expression);
  return expression;
}

/**
 * What an expression says about its target.
 * @throws ExpressionError when it has no answer, or one that is neither true nor false.
 */
export function decideByExpression(
  expression: Expression,
  history: Readonly<Record<string, Value | undefined>>,
): boolean {
  const read = expression.reads('history');
  const entries = Object.entries(history)
    .filter(([source]) => read === undefined || read.has(source))
    .map(([source, value]) => [source, dataOf(value, `the result of ${source}`)] as const);
  const answer = expression.evaluate({ history: Object.fromEntries(entries) });
  if (typeof answer === 'boolean') return answer;
  return fault(
    `gives ${answer === undefined ? 'a list or a map' : JSON.stringify(String(answer))}, neither true nor false`,
  );
}

/** Nothing was returned: null. What is too large for the journal is not there to be read: deciding does no I/O. */
export function dataOf(value: Value | undefined, what: string): JsonValue {
  if (value === undefined) return null;
  if ('data' in value) return value.data;
  return fault(
    `reads ${what}, which is ${'ref' in value ? 'too large to be kept inline' : 'bytes'}; let the task provide the part that decides`,
  );
}
