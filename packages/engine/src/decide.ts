/** Links with a condition: who is asked, and who is left out when the answer is no (engine.md section 5; taskflow deciders.py). */
import { InputError, type JsonValue, type OperatorNote, toFailure, type Value } from '@baton/core';
import type { DeciderDepth } from '@baton/flow';
import { settle } from './settle.js';
import { provided } from './arguments.js';
import { type AtomNode, type DeciderEdge, isAtom, type Node, type NodeId } from './compiled.js';
import { deciderEdgesTo, nameOfNode } from './decider-edges.js';
import { decideByExpression, deciderExpression, type Question } from './decider-expressions.js';
import { readyFor } from './readiness.js';
import { lastValueOf, roomOf, roundOf, type RunState } from './run-state.js';
import type { TurnDraft } from './turn-draft.js';

const depths: readonly DeciderDepth[] = ['atom', 'neighbors', 'flow', 'all'];

/** What may be started next. */
export interface Round {
  /** In the order of a round (E-113). */
  readonly atoms: readonly NodeId[];
  /** Conditions have cost as much as they may in one turn: what was not asked yet is for a turn of its own. */
  readonly isCut: boolean;
}

/**
 * Of what is ready the first for which there is room, after their deciders were asked and what they refuse was ignored. Each is asked once: what it
 * said is a fact of this turn, in which its target is started or ignored (E-501, E-508); in the order in which they became ready, if there is room for all.
 */
export function decide(turn: TurnDraft): Round {
  const { compiled, readiness } = turn.state;
  const { ready, arrivals } = readiness;
  if (arrivals === undefined) return { atoms: firstReady(turn.state), isCut: false };
  const asked = new Set(turn.readyBefore);
  // who is ignored makes room, and may free others: these are asked too
  for (;;) {
    const atoms = firstReady(turn.state);
    const inTurn = atoms.length === ready.size ? arrivals.members() : atoms;
    const unasked = inTurn.filter((id) => !asked.has(id));
    if (unasked.length === 0) return { atoms, isCut: false };
    for (const id of unasked) {
      if (turn.expressions.isUsedUp)
        return { atoms: firstReady(turn.state).filter((id) => asked.has(id)), isCut: true };
      asked.add(id);
      const edges = readyFor(turn.state, id) === 'execute' ? deciderEdgesTo(compiled, id) : [];
      if (edges.length > 0) judge(turn, turn.node(id), edges);
    }
  }
}

function firstReady(state: RunState): NodeId[] {
  const { ready } = state.readiness;
  const first: NodeId[] = [];
  const room = roomOf(state);
  for (let id = ready.next(); id !== undefined && first.length < room; id = ready.next(id)) first.push(id);
  return first;
}

function judge(turn: TurnDraft, target: AtomNode, edges: readonly DeciderEdge[]): void {
  const history = Object.fromEntries(
    edges.flatMap(({ from }) =>
      isIgnored(turn, from) ? [] : [[nameOfNode(turn.state.compiled, from), resultOf(turn, from)]],
    ),
  ) as Readonly<Record<string, Value | undefined>>;
  let widest: DeciderDepth | undefined;
  try {
    for (const edge of edges) {
      if (isIgnored(turn, edge.from) || vote(turn, { target: target.id, edges, edge }, history)) continue;
      if (widest === undefined || depths.indexOf(edge.depth) > depths.indexOf(widest)) widest = edge.depth;
    }
  } catch (error) {
    const first = { round: roundOf(turn.state, target), attempt: 1 };
    turn.atom(target, 'RUNNING', first);
    return settle(turn, target, { failure: toFailure(error, { phase: 'decider' }) });
  }
  if (widest !== undefined) ignore(turn, target, widest, {});
}

function vote(
  turn: TurnDraft,
  asked: Omit<Question, 'compiled'>,
  history: Readonly<Record<string, Value | undefined>>,
): boolean {
  const { compiled, functions } = turn.state;
  const { decider, from, to } = asked.edge;
  if ('expr' in decider)
    return turn.expressions.spend(decider.expr, () =>
      decideByExpression(deciderExpression({ compiled, ...asked }, decider.expr), history),
    );
  const given = 'local' in decider ? functions.deciders?.[decider.local] : undefined;
  if (!given)
    throw new InputError('BATON_INPUT_INVALID', `no decider is given for ${JSON.stringify(decider)}`);
  return given({ from: nameOfNode(compiled, from), to: nameOfNode(compiled, to), history });
}

/** E-506. `told`: with a note, when a person wanted it. */
export function ignore(
  turn: TurnDraft,
  target: AtomNode,
  depth: DeciderDepth,
  told: { readonly note?: OperatorNote },
): void {
  if (depth === 'all') return turn.fact({ fact: 'scope', of: target.name, to: 'IGNORE', ...told });
  for (const node of [target, ...affected(turn, target, depth)]) {
    turn.intention(node, 'IGNORE');
    if (turn.run(node.id).state !== 'IGNORE') turn.atom(node, 'IGNORE', told);
  }
}

/** E-522 to E-524. */
function affected(turn: TurnDraft, target: AtomNode, depth: DeciderDepth): readonly AtomNode[] {
  const { nodes } = turn.state.compiled;
  if (depth === 'atom') return [];
  const after = (id: NodeId): AtomNode[] => (nodes[id]?.after ?? []).flatMap((next) => atomIn(nodes[next]));
  if (depth === 'neighbors') return after(target.id).filter((node) => node.kind === 'task');
  const sameLevel = new Set(after(target.id));
  for (const node of sameLevel)
    if (node.kind === 'task') for (const next of after(node.id)) sameLevel.add(next);
  return [...sameLevel];
}

function atomIn(node: Node | undefined): AtomNode[] {
  return node && isAtom(node) ? [node] : [];
}

function isIgnored(turn: TurnDraft, id: NodeId): boolean {
  return turn.state.runs[id]?.state === 'IGNORE';
}

/** The result of an atom; of a sub-flow, the symbols it provides, as a reader after it sees them (E-503). */
function resultOf(turn: TurnDraft, id: NodeId): Value | undefined {
  const { nodes, byLeaf } = turn.state.compiled;
  const node = nodes[id];
  if (node === undefined) return undefined;
  if (isAtom(node)) return lastValueOf(turn.run(id));
  const symbols: Record<string, JsonValue> = {};
  for (const atom of byLeaf.slice(node.firstLeaf, node.leaf + 1))
    for (const symbol of atom.provides.keys()) {
      const found = provided(turn.state, atom, symbol)?.value;
      if (found && 'data' in found) symbols[symbol] = found.data;
    }
  return { data: symbols };
}
