/** Flows that run flows: what a run is made of is all of them, pinned by one hash (C-1203). */
import { DefinitionError } from '@baton/core';
import type { FlowDefinition, NodeDefinition } from './definition.js';
import { symbolsOf } from './node-symbols.js';
import { isRouted, type RoutedFlowDefinition } from './routed-definition.js';

type AnyFlow = FlowDefinition | RoutedFlowDefinition;

/**
 * The flow with those that its atoms name, and theirs: taken from `others`, or from what the flow has already. With an atom whose flow an
 * expression names, all of `others`. An ordered flow names none, and is given back.
 * @throws DefinitionError `BATON_DEFINITION_UNKNOWN_FLOW`; `BATON_DEFINITION_INVALID` when two of `others` have one name
 */
export function withFlows<F extends AnyFlow>(flow: F, others: Iterable<AnyFlow>): F {
  if (!isRouted(flow)) return flow;
  const known = new Map(Object.entries(flow.flows ?? {}));
  const given = new Set<string>();
  for (const other of others) {
    const { name } = other.root;
    if (given.has(name))
      throw new DefinitionError('BATON_DEFINITION_INVALID', `two of the flows given are called ${name}`);
    given.add(name);
    known.set(name, alone(other));
  }
  return { ...alone(flow), ...closure(flow, known) } as F;
}

/** A flow of `flows`, as a run of its own is made of it. Undefined: there is none of that name. */
export function subFlowOf(
  { flows = {} }: Pick<RoutedFlowDefinition, 'flows'>,
  name: string,
): AnyFlow | undefined {
  const flow = Object.hasOwn(flows, name) ? flows[name] : undefined;
  if (!flow || !isRouted(flow)) return flow;
  return { ...flow, ...closure(flow, new Map(Object.entries(flows))) };
}

/** Names of what a flow may or must be given. Of an ordered flow: symbols that its atoms take from outside. */
export function inputsOfFlow({ root }: AnyFlow): {
  readonly requires: readonly string[];
  readonly optional: readonly string[];
} {
  if (root.kind === 'routed')
    return { requires: root.requires ?? [], optional: Object.keys(root.optional ?? {}) };
  const { requires } = symbolsOf(root);
  const optional = new Set(optionalSymbols(root));
  return { requires: [...requires], optional: [...optional].filter((symbol) => !requires.has(symbol)) };
}

function closure(
  flow: RoutedFlowDefinition,
  known: ReadonlyMap<string, AnyFlow>,
): Pick<RoutedFlowDefinition, 'flows'> {
  const reached = new Map<string, AnyFlow>();
  const pending: AnyFlow[] = [flow];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (!isRouted(next)) continue;
    for (const { name: atom, flow: named } of next.root.atoms) {
      if (named === undefined) continue;
      const names = typeof named === 'string' ? [named] : known.keys();
      for (const name of names) {
        const found = known.get(name);
        if (!found) throw unknownFlow(next.root.name, atom, name);
        if (!reached.has(name)) pending.push(found);
        reached.set(name, found);
      }
    }
  }
  return reached.size === 0 ? {} : { flows: Object.fromEntries(reached) };
}

function alone(flow: AnyFlow): AnyFlow {
  if (!isRouted(flow)) return flow;
  const { flows: _flows, ...own } = flow;
  return own;
}

function unknownFlow(flow: string, atom: string, name: string): DefinitionError {
  const message = `${atom} of ${flow} runs the flow ${name}, which was not given with it`;
  return new DefinitionError('BATON_DEFINITION_UNKNOWN_FLOW', message);
}

function* optionalSymbols(node: NodeDefinition): Iterable<string> {
  if (node.kind !== 'task') {
    for (const child of node.children ?? []) yield* optionalSymbols(child);
    return;
  }
  const { optional = [], rebind = {} } = node;
  for (const parameter of optional)
    yield Object.hasOwn(rebind, parameter) ? (rebind[parameter] ?? parameter) : parameter;
}
