/**
 * A flow definition becomes an execution graph and a hierarchy (engine.md section 3; taskflow engines/action_engine/compiler.py).
 * Pure and linear in nodes and links; equal definitions give equal numbering (E-309).
 */
import { DefinitionError, type JsonValue } from '@baton/core';
import {
  flowLimits,
  type FlowDefinition,
  type Inputs,
  type LinkDefinition,
  type NodeDefinition,
  type PatternDefinition,
  type RetryDefinition,
  retryNameOf,
  type TaskDefinition,
} from '@baton/flow';
import { BranchOrder } from './branch-order.js';
import type { AtomNode, Binding, Compiled, DeciderEdge, FlowNode, Node, NodeId } from './compiled.js';
import { graphOrder } from './graph-order.js';
import { roundOrderOf } from './ready-set.js';

/** A node while it is built; ids are given in the order of `Building.nodes`. */
interface Draft {
  id: NodeId;
  readonly kind: Node['kind'];
  readonly name: string;
  before: NodeId[];
  after: NodeId[];
  readonly controller: Draft | undefined;
  readonly parent: Draft | undefined;
  readonly leaf: number;
  readonly branch: number;
  readonly atom: TaskDefinition | RetryDefinition | undefined;
  retryOf?: Draft;
  flow?: FlowNode;
  flowName: string;
  firstLeaf: number;
}

/** A child in its flow: where its part of the graph begins and ends. */
interface Span {
  readonly start: Draft;
  readonly end: Draft;
}

interface Surroundings {
  readonly path: string;
  readonly controller: Draft | undefined;
  readonly parent: Draft | undefined;
  /** Index among the children of the parent; -1 for a retry. */
  readonly branch: number;
  readonly depth: number;
}

/**
 * Compiles a flow.
 * @throws DefinitionError `…_DUPLICATE_ATOM`, `…_CYCLE`, `…_BINDING`, `…_INVALID` (nesting too deep).
 */
export function compile(definition: FlowDefinition): Compiled {
  const document = documentOrder(definition.root);
  const building = new Building();
  building.add(definition.root, { path: '@', controller: undefined, parent: undefined, branch: 0, depth: 0 });
  const nodes = building.nodes.map((draft) => finished(draft, document));
  const atoms = nodes.filter((node): node is AtomNode => node.kind === 'task' || node.kind === 'retry');
  const byLeaf = atoms.toSorted((a, b) => a.leaf - b.leaf);
  const asWritten = atoms.toSorted((a, b) => a.document - b.document);
  const providers = providersOf(byLeaf);
  for (const { execute, revert } of atoms) {
    bind(execute, providers);
    bind(revert, providers);
  }
  return {
    definition,
    options: { deferReverts: true, neverResolve: false, ...definition.options },
    nodes,
    atoms: new Map(asWritten.map((atom) => [atom.name, atom])),
    byLeaf,
    roundOrder: roundOrderOf(asWritten, nodes.length),
    providers,
    deciders: building.deciders,
  };
}

class Building {
  readonly nodes: Draft[] = [];
  readonly deciders = new Map<NodeId, DeciderEdge[]>();
  #leaves = 0;

  add(definition: NodeDefinition, around: Surroundings): Span {
    if (definition.kind !== 'task') return this.#addFlow(definition, around);
    const task = this.#draft('task', definition.name, around, definition);
    this.#place(task);
    return { start: task, end: task };
  }

  /** Entry, children, retry, end: this order numbers the nodes (E-301 to E-305). */
  #addFlow(flow: PatternDefinition, around: Surroundings): Span {
    if (around.depth > flowLimits.depthMax)
      throw new DefinitionError(
        'BATON_DEFINITION_INVALID',
        `flow ${flow.name} is nested deeper than ${flowLimits.depthMax}`,
      );
    const entry = this.#draft('flow', around.path, around);
    this.#place(entry);
    const retry = flow.retry && this.#addRetry(flow, flow.retry, entry, around);
    const inside = { controller: retry ?? around.controller, parent: entry, depth: around.depth + 1 };
    const spans: (Span | undefined)[] = (flow.children ?? []).map(() => undefined);
    const order = childOrder(flow);
    for (const child of order) {
      const definition = flow.children?.[child];
      // only flows are named by where they stand
      const path = definition?.kind === 'task' ? '' : `${around.path}.${child}`;
      if (definition) spans[child] = this.add(definition, { ...inside, branch: child, path });
    }
    const links = linksOf(flow);
    for (const link of links) this.#link(spans, link);
    if (retry) this.#place(retry);
    if (retry) connect(entry, retry);
    const inOrder = order.flatMap((child) => spans[child] ?? []);
    for (const span of inOrder) if (span.start.before.length === 0) connect(retry ?? entry, span.start);
    const end = this.#draft('flow_end', `${around.path}$`, around);
    const sinks = inOrder.filter((span) => span.end.after.length === 0);
    this.#place(end);
    for (const span of sinks) connect(span.end, end);
    if (sinks.length === 0) connect(retry ?? entry, end);
    entry.flowName = end.flowName = flow.name;
    end.firstLeaf = entry.leaf;
    entry.flow = {
      end: end.id,
      pattern: flow.kind,
      depth: around.depth,
      retry: retry?.id,
      children: spans.map((span) => span?.start.id ?? -1),
      order: flow.kind === 'graph' ? new BranchOrder(byTarget(links, order.length), order) : undefined,
    };
    return { start: entry, end };
  }

  /** Takes its leaf before the children, its id after them. */
  #addRetry(flow: PatternDefinition, retry: RetryDefinition, entry: Draft, around: Surroundings): Draft {
    const draft = this.#draft('retry', retryNameOf(flow), { ...around, parent: entry, branch: -1 }, retry);
    draft.retryOf = entry;
    return draft;
  }

  #link(spans: readonly (Span | undefined)[], link: LinkDefinition): void {
    const from = spans[link.from]?.end;
    const to = spans[link.to]?.start;
    if (!from || !to)
      throw new DefinitionError(
        'BATON_DEFINITION_UNKNOWN_NODE',
        `link ${link.from} → ${link.to} leads outside`,
      );
    connect(from, to);
    if (!link.decider) return;
    const edges = this.deciders.get(to.id) ?? [];
    edges.push({ from: from.id, to: to.id, decider: link.decider, depth: link.depth ?? 'all' });
    this.deciders.set(to.id, edges);
  }

  #draft(
    kind: Node['kind'],
    name: string,
    around: Surroundings,
    atom?: TaskDefinition | RetryDefinition,
  ): Draft {
    const leaf = atom || kind === 'flow' ? this.#leaves : this.#leaves - 1;
    if (atom) this.#leaves++;
    return {
      id: -1,
      kind,
      name,
      before: [],
      after: [],
      controller: around.controller,
      parent: around.parent,
      leaf,
      branch: around.branch,
      flowName: '',
      firstLeaf: leaf,
      atom,
    };
  }

  #place(draft: Draft): void {
    draft.id = this.nodes.length;
    this.nodes.push(draft);
  }
}

function connect(from: Draft, to: Draft): void {
  from.after = joined(from.after, to.id);
  to.before = joined(to.before, from.id);
}

/** Most have one neighbour, and the first push to an empty array makes room for seventeen. */
function joined(neighbours: NodeId[], id: NodeId): NodeId[] {
  if (neighbours.length === 0) return [id];
  neighbours.push(id);
  return neighbours;
}

function childOrder(flow: PatternDefinition): readonly number[] {
  if (flow.kind === 'graph') return graphOrder(flow);
  return (flow.children ?? []).map((_, index) => index);
}

/** Links in the order of their source, then as made: what TaskFlow's graph iterates. */
function linksOf(flow: PatternDefinition): readonly LinkDefinition[] {
  if (flow.kind === 'unordered') return [];
  if (flow.kind === 'graph') return (flow.links ?? []).toSorted((a, b) => a.from - b.from);
  return (flow.children ?? []).slice(1).map((_, index) => ({ from: index, to: index + 1 }));
}

function byTarget(links: readonly LinkDefinition[], children: number): readonly (readonly number[])[] {
  const sources: number[][] = Array.from({ length: children }, () => []);
  for (const link of links) sources[link.to]?.push(link.from);
  return sources;
}

/** Atom name → position in the definition as written, a retry before its flow's children. */
function documentOrder(root: NodeDefinition): ReadonlyMap<string, number> {
  const order = new Map<string, number>();
  const number = (name: string): void => {
    if (order.has(name))
      throw new DefinitionError('BATON_DEFINITION_DUPLICATE_ATOM', `two atoms are called ${name}`);
    order.set(name, order.size);
  };
  const visit = (node: NodeDefinition): void => {
    if (node.kind === 'task') return number(node.name);
    if (node.retry) number(retryNameOf(node));
    node.children?.forEach(visit);
  };
  visit(root);
  return order;
}

/** Written out field by field, and arrays cut to their size: a flow may have a hundred thousand of these. */
function finished(draft: Draft, document: ReadonlyMap<string, number>): Node {
  const { id, name, leaf, branch, kind, atom } = draft;
  const before = cut(draft.before);
  const after = cut(draft.after);
  const controller = draft.controller?.id;
  const parent = draft.parent?.id;
  const common = { id, name, before, after, leaf, branch, controller, parent };
  if (kind === 'flow' || kind === 'flow_end' || !atom)
    return {
      ...common,
      kind: kind === 'flow' ? 'flow' : 'flow_end',
      flowName: draft.flowName,
      firstLeaf: draft.firstLeaf,
      ...(draft.flow && { flow: draft.flow }),
    };
  const execute = bindingsOf(name, atom);
  const revert = atom.revertInputs ? bindingsOf(name, atom.revertInputs) : execute;
  const inject = mapOf<JsonValue>(atom.inject);
  const provides = mapOf(atom.provides);
  const { priority = 0 } = atom;
  const place = document.get(name) ?? 0;
  if (atom.kind !== 'task')
    return {
      ...{ ...common, document: place, priority, execute, revert, inject, provides },
      ...{ kind: 'retry', retry: atom, flow: draft.retryOf?.id ?? -1 },
    };
  return {
    id,
    name,
    before,
    after,
    leaf,
    branch,
    controller,
    parent,
    document: place,
    priority,
    execute,
    revert,
    inject,
    provides,
    kind: 'task',
    task: atom,
  };
}

function cut(neighbours: NodeId[]): readonly NodeId[] {
  return neighbours.length > 1 ? neighbours.slice() : neighbours;
}

/** Who provides a symbol is known when all nodes are there. */
type UnboundBinding = Omit<Binding, 'providers'> & { providers: readonly AtomNode[] };

const noAtoms: readonly AtomNode[] = [];
const noBindings: readonly Binding[] = [];
const nothing: ReadonlyMap<string, never> = new Map<string, never>();

/** Most atoms inject or provide nothing: they share one map. */
function mapOf<V>(fields: Readonly<Record<string, V>> = {}): ReadonlyMap<string, V> {
  const entries = Object.entries(fields);
  return entries.length === 0 ? nothing : new Map(entries);
}

function bindingsOf(atom: string, { requires = [], optional = [], rebind = {} }: Inputs): readonly Binding[] {
  if (requires.length === 0 && optional.length === 0 && Object.keys(rebind).length === 0) return noBindings;
  const [only] = requires;
  if (
    only !== undefined &&
    requires.length === 1 &&
    optional.length === 0 &&
    Object.keys(rebind).length === 0
  )
    return [{ parameter: only, symbol: only, optional: false, providers: noAtoms }];
  const parameters = new Set(requires);
  for (const parameter of optional) parameters.add(parameter);
  for (const parameter of Object.keys(rebind))
    if (!parameters.has(parameter))
      throw new DefinitionError(
        'BATON_DEFINITION_BINDING',
        `${atom} has no parameter ${parameter} to rebind`,
      );
  const needed = new Set(requires);
  return [...parameters].map((parameter) => ({
    parameter,
    symbol: Object.hasOwn(rebind, parameter) ? (rebind[parameter] ?? parameter) : parameter,
    optional: !needed.has(parameter),
    providers: noAtoms,
  }));
}

function bind(bindings: readonly UnboundBinding[], providers: Compiled['providers']): void {
  for (const binding of bindings) binding.providers = providers.get(binding.symbol) ?? noAtoms;
}

function providersOf(byLeaf: readonly AtomNode[]): ReadonlyMap<string, readonly AtomNode[]> {
  const providers = new Map<string, AtomNode[]>();
  for (const atom of byLeaf)
    for (const symbol of atom.provides.keys()) {
      const known = providers.get(symbol);
      if (known) known.push(atom);
      else providers.set(symbol, [atom]);
    }
  return providers;
}
