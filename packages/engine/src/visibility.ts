/**
 * Which atoms an atom may take values from, and in what order (engine.md section 4; taskflow scopes.py).
 *
 * TaskFlow builds a list of scopes for each atom, which costs the square of the flow. The same order falls out of two numbers:
 * providers to the left of the reader, from right to left (`leaf`), kept if they are ancestors; those whose lowest common flow
 * is the same form one scope. Ancestry needs no walk either, except between children of a graph (`branch-order.ts`).
 */
import type { AtomNode, Binding, Compiled, FlowNode, Node, NodeId } from './compiled.js';

export interface VisibleProvider {
  readonly atom: AtomNode;
  /** Depth of the common flow; equal for providers of one scope, falling from scope to scope. */
  readonly scope: number;
}

/** Those of the providers of a symbol that `reader` sees, in lookup order (E-401, E-402). */
export function* visibleProviders(
  compiled: Compiled,
  reader: Node,
  { providers }: Pick<Binding, 'providers'>,
): Generator<VisibleProvider> {
  let next = lastLeftOf(providers, reader.leaf);
  while (next >= 0) {
    const atom = providers[next];
    if (!atom) return;
    const { common, ours, theirs } = meet(compiled, reader, atom);
    const flow = flowOf(compiled, common);
    if (precedes(flow, theirs.branch, ours.branch)) {
      yield { atom, scope: flow.depth };
      next--;
    } else {
      // nothing of this branch is visible; in an unordered flow no branch is, so go on with what precedes them all
      const edge = flow.pattern === 'unordered' ? firstChildLeaf(compiled, flow) : theirs.leaf;
      next = Math.min(next - 1, lastLeftOf(providers, edge));
    }
  }
}

/** The scopes of an atom as lists of atom names, outermost last; for inspection, costs the size of the flow. */
export function scopesOf(compiled: Compiled, reader: AtomNode): readonly (readonly string[])[] {
  const scopes: string[][] = [];
  let levels = 0;
  for (let at: Node | undefined = reader; at?.parent !== undefined; at = compiled.nodes[at.parent]) levels++;
  for (let level = 0; level < levels; level++) scopes.push([]);
  const byLeaf = [...compiled.atoms.values()].toSorted((a, b) => b.leaf - a.leaf);
  for (const atom of byLeaf) {
    if (atom.leaf >= reader.leaf) continue;
    const { common, ours, theirs } = meet(compiled, reader, atom);
    const flow = flowOf(compiled, common);
    if (precedes(flow, theirs.branch, ours.branch)) scopes[levels - 1 - flow.depth]?.push(atom.name);
  }
  while (scopes.at(-1)?.length === 0) scopes.pop();
  return scopes;
}

/** Index of the last provider whose leaf is below `leaf`; -1 if none. */
function lastLeftOf(providers: readonly AtomNode[], leaf: number): number {
  let low = 0;
  let high = providers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((providers[middle]?.leaf ?? 0) < leaf) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The lowest flow around both, and the branch of it in which each of them is. */
function meet(
  compiled: Compiled,
  reader: Node,
  provider: Node,
): { common: NodeId; ours: Node; theirs: Node } {
  let ours = reader;
  let theirs = provider;
  let difference = depthOf(compiled, ours) - depthOf(compiled, theirs);
  for (; difference > 0; difference--) ours = parentOf(compiled, ours);
  for (; difference < 0; difference++) theirs = parentOf(compiled, theirs);
  while (ours.parent !== theirs.parent) {
    ours = parentOf(compiled, ours);
    theirs = parentOf(compiled, theirs);
  }
  return { common: ours.parent ?? -1, ours, theirs };
}

function depthOf(compiled: Compiled, node: Node): number {
  return node.parent === undefined ? 0 : flowOf(compiled, node.parent).depth + 1;
}

function parentOf(compiled: Compiled, node: Node): Node {
  return compiled.nodes[node.parent ?? -1] ?? node;
}

const noFlow: FlowNode = {
  end: -1,
  pattern: 'linear',
  depth: -1,
  retry: undefined,
  children: [],
  order: undefined,
};

function flowOf(compiled: Compiled, entry: NodeId): FlowNode {
  const node = compiled.nodes[entry];
  return node?.kind === 'flow' ? (node.flow ?? noFlow) : noFlow;
}

/** Whether branch `earlier`, which is to the left of branch `later`, comes before it in the execution graph. */
function precedes(flow: FlowNode, earlier: number, later: number): boolean {
  if (earlier === -1 || flow.pattern === 'linear') return true;
  if (flow.pattern === 'unordered') return false;
  return flow.order?.precedes(earlier, later) ?? false;
}

function firstChildLeaf(compiled: Compiled, flow: FlowNode): number {
  const first = flow.children[0];
  return (first === undefined ? undefined : compiled.nodes[first]?.leaf) ?? 0;
}
