/**
 * The state of a routed run as JSON text and back, so that a long journal need not be folded from its beginning (reliability P-410). Exact: what is
 * restored behaves as the original does. The text belongs to this version of the engine; whoever cannot read it folds the journal.
 */
import { type Foreign, type ObjectGraph, readGraph, writeGraph } from '../object-graph.js';
import { Backlog, type Pending } from './backlog.js';
import { noContext } from './context.js';
import type { RoutedGraph } from './routed-graph.js';
import type { RoutedState } from './routed-state.js';

const formatVersion = 1;
/** Of more, activations and items, none is written: it would keep its conductor from all other jobs for too long, and folding takes as long as reading. */
const unitsMax = 20_000;

interface Stored {
  readonly version: number;
  readonly atoms: number;
  readonly graph: ObjectGraph;
}

interface Parts {
  /** Without what is compiled; `backlog` beside it. */
  readonly state: Omit<RoutedState, 'graph' | 'backlog'>;
  readonly backlog: readonly Pending[];
}

/** O(activations and what they know). Undefined: there are too many. */
export function snapshotRouted({ graph, backlog, ...state }: RoutedState): string | undefined {
  let units = state.activations.size;
  for (const { fanOut } of state.activations.values()) units += fanOut?.items.length ?? 0;
  if (units > unitsMax) return undefined;
  const parts: Parts = { state, backlog: backlog.toJSON() };
  const stored: Stored = {
    version: formatVersion,
    atoms: graph.atoms.length,
    graph: writeGraph(parts, compiledIn(graph)),
  };
  return JSON.stringify(stored);
}

/** Undefined when the text is of another format or another flow: fold the journal instead. */
export function restoreRouted(graph: RoutedGraph, text: string): RoutedState | undefined {
  const stored = JSON.parse(text) as Stored;
  if (stored.version !== formatVersion || stored.atoms !== graph.atoms.length) return undefined;
  const { state, backlog } = readGraph(stored.graph, compiledIn(graph)) as Parts;
  const restored = { ...state, graph, backlog: new Backlog() };
  for (const pending of backlog) restored.backlog.add(pending);
  return restored;
}

/** An atom is its index; what all runs share is null. */
function compiledIn({ atoms }: RoutedGraph): Foreign {
  const indexes = new Map<object, number>(atoms.map((atom, index) => [atom, index]));
  return {
    write: (value) => (value === noContext ? null : indexes.get(value)),
    read: (index) => (index === null ? noContext : (atoms[index] ?? {})),
  };
}
