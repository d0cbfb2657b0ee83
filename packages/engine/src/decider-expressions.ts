/** Deciders that are expressions: `history` holds the results of the sources by name; a name alone is short for its entry (E-509). */
import type { JsonValue, Value } from '@baton/core';
import type { Compiled, DeciderEdge, NodeId } from './compiled.js';
import { nameOfNode } from './decider-edges.js';
import { compileExpression, type Expression } from './expression.js';
import { fault } from './expression-error.js';
import { shown } from './expression-values.js';

export interface Question {
  readonly compiled: Compiled;
  readonly edge: DeciderEdge;
  /** The atom that is asked for, and all links that are asked about it. */
  readonly target: NodeId;
  readonly edges: readonly DeciderEdge[];
}

/** By link and target: which names there are depends on the target. Kept as long as the compiled flow. */
const kept = new WeakMap<DeciderEdge, Map<NodeId, Expression>>();

/** Names of the sources of all links that are asked about one atom: the same for each of them. */
const namesOf = new WeakMap<Question['edges'], ReadonlySet<string>>();

/**
 * The expression of a link, parsed and checked once.
 * @throws ExpressionError
 */
export function deciderExpression({ compiled, edge, target, edges }: Question, source: string): Expression {
  const byTarget = kept.get(edge) ?? new Map<NodeId, Expression>();
  kept.set(edge, byTarget);
  const known = byTarget.get(target);
  if (known) return known;
  const names = namesOf.get(edges) ?? new Set(edges.map(({ from }) => nameOfNode(compiled, from)));
  namesOf.set(edges, names);
  const short = { of: 'history', names };
  const expression = compileExpression(source, { variables: new Set(['history']), short });
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
  const read = expression.reads('history') ?? Object.keys(history);
  const entries: (readonly [string, JsonValue])[] = [];
  for (const source of read)
    if (Object.hasOwn(history, source))
      entries.push([source, dataOf(history[source], `the result of ${source}`)]);
  const answer = expression.evaluate({ history: Object.fromEntries(entries) }, entries.length);
  if (typeof answer === 'boolean') return answer;
  const said = answer === undefined ? 'a list or a map' : JSON.stringify(shown(answer));
  return fault(`gives ${said}, neither true nor false`);
}

/** Nothing was returned: null. What is too large for the journal is not there to be read: deciding does no I/O. */
export function dataOf(value: Value | undefined, what: string): JsonValue {
  if (value === undefined) return null;
  if ('data' in value) return value.data;
  return fault(
    `reads ${what}, which is ${'ref' in value ? 'too large to be kept inline' : 'bytes'}; let the task provide the part that decides`,
  );
}
