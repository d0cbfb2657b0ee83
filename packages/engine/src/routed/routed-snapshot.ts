/**
 * The state of a routed run as JSON text and back, so that a long journal need not be folded from its beginning (reliability P-410). Exact: what is
 * restored behaves as the original does. The text belongs to this version of the engine; whoever cannot read it folds the journal.
 */
import { type Foreign, readGraph, writeGraph } from '../object-graph.js';
import { Backlog, type Pending } from './backlog.js';
import { noContext } from './context.js';
import type { RoutedGraph } from './routed-graph.js';
import type { RoutedState } from './routed-state.js';

const formatVersion = 1;

interface Stored {
  readonly version: number;
  readonly atoms: number;
  /** Without what is compiled; `backlog` beside it. */
  readonly state: Omit<RoutedState, 'graph' | 'backlog'>;
  readonly backlog: readonly Pending[];
}

/** O(activations and what they know). */
export function snapshotRouted({ graph, backlog, ...state }: RoutedState): string {
  const stored: Stored = {
    version: formatVersion,
    atoms: graph.atoms.length,
    state,
    backlog: backlog.toJSON(),
  };
  return writeGraph(stored, compiledIn(graph));
}

/** Undefined when the text is of another format or another flow: fold the journal instead. */
export function restoreRouted(graph: RoutedGraph, text: string): RoutedState | undefined {
  const { version, atoms, state, backlog } = readGraph(text, compiledIn(graph)) as Stored;
  if (version !== formatVersion || atoms !== graph.atoms.length) return undefined;
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
