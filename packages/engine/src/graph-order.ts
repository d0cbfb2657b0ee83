import { DefinitionError } from '@baton/core';
import type { PatternDefinition } from '@baton/flow';

/**
 * Topological order of a graph's children: those without predecessors as they were added, then the ones freed by them, in the
 * order of links (what networkx gives TaskFlow).
 * @throws DefinitionError `BATON_DEFINITION_CYCLE`
 */
export function graphOrder(graph: PatternDefinition): readonly number[] {
  const children = graph.children ?? [];
  const waiting = new Int32Array(children.length);
  const after: number[][] = children.map(() => []);
  for (const { from, to } of graph.links ?? []) {
    after[from]?.push(to);
    waiting[to] = (waiting[to] ?? 0) + 1;
  }
  const order = children.map((_, index) => index).filter((index) => waiting[index] === 0);
  for (let next = 0; next < order.length; next++) {
    for (const freed of after[order[next] ?? 0] ?? []) {
      waiting[freed] = (waiting[freed] ?? 0) - 1;
      if (waiting[freed] === 0) order.push(freed);
    }
  }
  if (order.length < children.length) {
    const stuck = children.filter((_, index) => (waiting[index] ?? 0) > 0).map((child) => child.name);
    throw new DefinitionError(
      'BATON_DEFINITION_CYCLE',
      `the links of ${graph.name} form a cycle through ${stuck.join(', ')}`,
    );
  }
  return order;
}
