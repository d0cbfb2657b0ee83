import { type Compiled, type DeciderEdge, isAtom, type NodeId } from './compiled.js';

/** Links with a decider that lead to an atom, directly or through entries of flows (E-502). */
export function deciderEdgesTo({ nodes, deciders }: Compiled, target: NodeId): readonly DeciderEdge[] {
  const found: DeciderEdge[] = [];
  const queue = [target];
  for (const id of queue) {
    found.push(...(deciders.get(id) ?? []));
    for (const before of nodes[id]?.before ?? []) if (nodes[before]?.kind === 'flow') queue.push(before);
  }
  return found;
}

/** The name a user gave: sub-flows are known by the name they were written with. */
export function nameOfNode({ nodes }: Compiled, id: NodeId): string {
  const node = nodes[id];
  return node && !isAtom(node) ? node.flowName : (node?.name ?? '');
}
