/** A routed flow, made ready for running: who leads where, by index. O(atoms + transitions). */
import { DefinitionError } from '@baton/core';
import type {
  ClauseDefinition,
  RoutedAtomDefinition,
  RoutedDefinition,
  RoutedFlowDefinition,
  TransitionDefinition,
} from '@baton/flow';
import { isRouteCommand } from '@baton/flow';
import { SubFlows } from './sub-flows.js';
import { Templates } from './templates.js';

/** Position in document order. */
export type AtomIndex = number;

export interface RoutedAtom {
  readonly index: AtomIndex;
  readonly name: string;
  readonly definition: RoutedAtomDefinition;
  /** Atoms that any of its clauses names, each once; guards ignored. */
  readonly targets: readonly AtomIndex[];
  /** Atoms that name this one (C-501). */
  readonly sources: readonly AtomIndex[];
  /** How many arrivals a join waits for; `reached`: for all that can come. Undefined: it is none. */
  readonly join: number | 'reached' | undefined;
  /** It leads back to itself. */
  readonly isCyclic: boolean;
}

export interface RoutedGraph {
  readonly shape: 'routed';
  readonly definition: RoutedDefinition;
  readonly atoms: readonly RoutedAtom[];
  readonly byName: ReadonlyMap<string, RoutedAtom>;
  readonly start: readonly AtomIndex[];
  /** Expressions and templates, parsed when they are first asked. */
  readonly templates: Templates;
  /** What its atoms may run as child runs. */
  readonly subFlows: SubFlows;
}

/**
 * @throws DefinitionError `BATON_DEFINITION_DUPLICATE_ATOM`, `BATON_DEFINITION_UNKNOWN_NODE`, or `BATON_DEFINITION_ROUTE` for a name that is
 *   reserved, a join that can never be met, one on a cycle, and a flow without a start.
 */
export function routedGraph(
  definition: RoutedDefinition,
  flows: RoutedFlowDefinition['flows'] = {},
): RoutedGraph {
  const indexes = indexesOf(definition);
  const targets = definition.atoms.map((atom) => targetsOf(atom, indexes));
  const sources: AtomIndex[][] = definition.atoms.map(() => []);
  for (const [from, reached] of targets.entries()) for (const to of reached) sources[to]?.push(from);
  const cyclic = indexesOnCycles(targets);
  const atoms = definition.atoms.map((atom, index): RoutedAtom => ({
    index,
    name: atom.name,
    definition: atom,
    targets: targets[index] ?? [],
    sources: sources[index] ?? [],
    join: joinOf(atom, sources[index]?.length ?? 0),
    isCyclic: cyclic.has(index),
  }));
  refuseJoinsOnCycles(atoms);
  return {
    shape: 'routed',
    definition,
    atoms,
    byName: new Map(atoms.map((atom) => [atom.name, atom])),
    start: startOf(definition, atoms, indexes),
    templates: new Templates(),
    subFlows: new SubFlows(flows),
  };
}

/** Clauses of an atom by the event that has them processed. */
export const clauseEvents = ['success', 'error', 'complete', 'skip'] as const;
export type ClauseEvent = (typeof clauseEvents)[number];

export function clauseOf(atom: RoutedAtomDefinition, event: ClauseEvent): ClauseDefinition | undefined {
  switch (event) {
    case 'success':
      return atom.onSuccess;
    case 'error':
      return atom.onError;
    case 'complete':
      return atom.onComplete;
    case 'skip':
      return atom.onSkip;
  }
}

export function transitionsOf(atom: RoutedAtomDefinition): readonly TransitionDefinition[] {
  return clauseEvents.flatMap((event) => clauseOf(atom, event)?.next ?? []);
}

function indexesOf({ atoms }: RoutedDefinition): ReadonlyMap<string, AtomIndex> {
  const indexes = new Map<string, AtomIndex>();
  for (const { name } of atoms) {
    if (indexes.has(name))
      throw new DefinitionError('BATON_DEFINITION_DUPLICATE_ATOM', `two atoms are called ${name}`);
    if (isRouteCommand(name)) refuse(`an atom cannot be called ${name}, which is a command`);
    indexes.set(name, indexes.size);
  }
  return indexes;
}

function targetsOf(
  atom: RoutedAtomDefinition,
  indexes: ReadonlyMap<string, AtomIndex>,
): readonly AtomIndex[] {
  const targets = new Set<AtomIndex>();
  for (const { to } of transitionsOf(atom)) {
    if (isRouteCommand(to)) continue;
    targets.add(indexOf(indexes, to, `${atom.name} leads to ${to}`));
  }
  return [...targets];
}

function indexOf(indexes: ReadonlyMap<string, AtomIndex>, name: string, what: string): AtomIndex {
  const index = indexes.get(name);
  if (index === undefined)
    throw new DefinitionError('BATON_DEFINITION_UNKNOWN_NODE', `${what}, which is no atom of the flow`);
  return index;
}

function joinOf({ name, join }: RoutedAtomDefinition, sources: number): RoutedAtom['join'] {
  if (join === undefined || join === 'reached') {
    if (join === 'reached' && sources === 0) refuse(`${name} joins, but nothing leads to it`);
    return join;
  }
  const count = join === 'all' ? sources : join;
  if (sources === 0) refuse(`${name} joins, but nothing leads to it`);
  if (count < 1 || count > sources) refuse(`${name} joins ${count} of ${sources}, and never starts`);
  return count;
}

function startOf(
  { name, start }: RoutedDefinition,
  atoms: readonly RoutedAtom[],
  indexes: ReadonlyMap<string, AtomIndex>,
): readonly AtomIndex[] {
  if (start) {
    const named = start.map((atom) => indexOf(indexes, atom, `${name} starts with ${atom}`));
    const join = named.find((index) => atoms[index]?.join !== undefined);
    if (join !== undefined)
      refuse(`${name} starts with ${atoms[join]?.name ?? ''}, which is a join and waits for others`);
    return named;
  }
  const first = atoms.filter(({ sources }) => sources.length === 0).map(({ index }) => index);
  if (first.length === 0) refuse(`${name} has no atom to start with: name it in start`);
  return first;
}

/** A join has one activation in a run, so it cannot turn (C-512). */
function refuseJoinsOnCycles(atoms: readonly RoutedAtom[]): void {
  for (const { join, isCyclic, name } of atoms)
    if (join !== undefined && isCyclic) refuse(`${name} joins on a cycle: make the cycle a flow of its own`);
}

/** Atoms that lead back to themselves: Tarjan's strongly connected components, with a stack of its own. O(atoms + transitions). */
function indexesOnCycles(targets: readonly (readonly AtomIndex[])[]): ReadonlySet<AtomIndex> {
  const onCycle = new Set<AtomIndex>();
  const found = targets.map(() => 0);
  const lowest = targets.map(() => 0);
  const isOpen = targets.map(() => false);
  const open: AtomIndex[] = [];
  const walk: { readonly index: AtomIndex; edge: number }[] = [];
  let count = 0;
  const enter = (index: AtomIndex): void => {
    found[index] = lowest[index] = ++count;
    isOpen[index] = true;
    open.push(index);
    walk.push({ index, edge: 0 });
  };
  const reach = (index: AtomIndex, reached: number): void => {
    lowest[index] = Math.min(lowest[index] ?? 0, reached);
  };
  const close = (index: AtomIndex): void => {
    const component = open.splice(open.lastIndexOf(index));
    for (const member of component) isOpen[member] = false;
    const isCycle = component.length > 1 || targets[index]?.includes(index);
    if (isCycle) for (const member of component) onCycle.add(member);
  };
  for (const start of targets.keys()) {
    if (found[start] === 0) enter(start);
    for (let at = walk.at(-1); at; at = walk.at(-1)) {
      const target = targets[at.index]?.[at.edge++];
      if (target === undefined) {
        walk.pop();
        const above = walk.at(-1);
        if (above) reach(above.index, lowest[at.index] ?? 0);
        if (lowest[at.index] === found[at.index]) close(at.index);
      } else if (found[target] === 0) enter(target);
      else if (isOpen[target] === true) reach(at.index, found[target] ?? 0);
    }
  }
  return onCycle;
}

function refuse(reason: string): never {
  throw new DefinitionError('BATON_DEFINITION_ROUTE', reason);
}
