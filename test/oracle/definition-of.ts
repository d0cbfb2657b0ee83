import type {
  DeciderDepth,
  Extraction,
  FlowDefinition,
  Inputs,
  LinkDefinition,
  NodeDefinition,
  PatternDefinition,
  RetryDefinition,
  TaskDefinition,
} from '@baton/flow';
import { DefinitionError } from '@baton/core';
import { compile, type Compiled } from '@baton/engine';
import { ancestors, GraphLinks, parseFlowDefinition } from '@baton/flow';
import type {
  DeciderSpec,
  FlowSpec,
  NodeSpec,
  ProvidesSpec,
  RetrySpec,
  Scenario,
  Signature,
  TaskSpec,
} from './scenario.js';

export interface Built {
  readonly definition: FlowDefinition;
  /** Retry specs by name, and decider specs by the name in `decider: { local }`. */
  readonly retries: ReadonlyMap<string, RetrySpec>;
  readonly deciders: ReadonlyMap<
    string,
    { readonly spec: DeciderSpec; readonly from: string; readonly to: string }
  >;
  /** Document position (FORMAT 2.5) of each atom, and of each flow by its path. */
  readonly places: ReadonlyMap<string, number>;
  /** Path of a flow in the definition → its path in the scenario. */
  readonly paths: ReadonlyMap<string, string>;
}

/**
 * Flow JSON of a scenario.
 * @throws DefinitionError as the builders of flows do.
 */
const compiledFlows = new WeakMap<object, CompiledFlow>();

export interface CompiledFlow {
  readonly built: Built;
  readonly compiled: Compiled;
}

/** Built and compiled once, however often it is played. @throws DefinitionError when Baton refuses the flow. */
export function compiledFlow(scenario: Pick<Scenario, 'flow' | 'options'>): CompiledFlow {
  const known = compiledFlows.get(scenario.flow);
  if (known) return known;
  const built = definitionOf(scenario);
  const made = { built, compiled: compile(built.definition) };
  compiledFlows.set(scenario.flow, made);
  return made;
}

export function definitionOf(scenario: Pick<Scenario, 'flow' | 'options'>): Built {
  const { deferReverts = false, neverResolve = false } = scenario.options ?? {};
  const builder = new Builder();
  const root = builder.node(scenario.flow, '@');
  return {
    definition: parseFlowDefinition({ schemaVersion: 1, root, options: { deferReverts, neverResolve } }),
    retries: builder.retries,
    deciders: builder.deciders,
    places: builder.places,
    paths: builder.pathsIn(root),
  };
}

class Builder {
  readonly retries = new Map<string, RetrySpec>();
  readonly deciders = new Map<string, { spec: DeciderSpec; from: string; to: string }>();
  readonly places = new Map<string, number>();
  readonly #tasks = new Map<string, TaskDefinition>();
  readonly #paths = new Map<NodeDefinition, string>();
  #atoms = 0;

  node(spec: NodeSpec, path: string): NodeDefinition {
    if (spec.type === 'ref') {
      const task = this.#tasks.get(spec.name);
      if (task) return task;
      throw new DefinitionError('BATON_DEFINITION_UNKNOWN_NODE', `${spec.name} was not made before`);
    }
    if (spec.type !== 'task') return this.#flow(spec, path);
    const task = taskOf(spec);
    this.#place(spec.name);
    if (!this.#tasks.has(spec.name)) this.#tasks.set(spec.name, task);
    return task;
  }

  /** Path of a flow in the definition → path in the scenario, where children that were dropped count. */
  pathsIn(root: NodeDefinition): ReadonlyMap<string, string> {
    const paths = new Map<string, string>();
    const visit = (node: NodeDefinition, path: string): void => {
      if (node.kind === 'task') return;
      paths.set(path, this.#paths.get(node) ?? path);
      node.children?.forEach((child, index) => visit(child, `${path}.${index}`));
    };
    visit(root, '@');
    return paths;
  }

  #place(name: string): void {
    if (!this.places.has(name)) this.places.set(name, this.#atoms);
    this.#atoms++;
  }

  #flow(spec: FlowSpec, path: string): PatternDefinition {
    const retry = spec.retry && this.#retry(spec.retry);
    this.places.set(path, this.#atoms);
    const given = (spec.children ?? []).map((child, index) => this.node(child, `${path}.${index}`));
    // the same atom added twice to one flow is ignored (E-207)
    const children = [...new Set(given)];
    const base = { name: spec.name, children, ...(retry && { retry }) };
    const { type } = spec;
    const made =
      type === 'linear' || type === 'unordered'
        ? { kind: type, ...base }
        : this.#graph(spec, { ...base, given });
    this.#paths.set(made, path);
    return made;
  }

  #graph(
    { links: linkSpecs = [], target, ...spec }: FlowSpec,
    { given, ...base }: Omit<PatternDefinition, 'kind'> & { readonly given: readonly NodeDefinition[] },
  ): PatternDefinition {
    const { children = [] } = base;
    const at = (index: number): number => children.indexOf(given[index] ?? NOTHING);
    const links = new GraphLinks(spec.name, base.retry);
    const { resolveRequires = true, resolveExisting = true } = spec;
    for (const child of children) links.add(child, { resolveRequires, resolveExisting });
    for (const { from, to, decider, depth } of linkSpecs) {
      const ends = { from: this.#idOf(given[from]), to: this.#idOf(given[to]) };
      const local = `${ends.from}→${ends.to}`;
      if (decider) this.deciders.set(local, { spec: decider, ...ends });
      links.link({
        from: at(from),
        to: at(to),
        ...(decider && { decider: { local } }),
        ...(depth !== undefined && { depth: depth.toLowerCase() as DeciderDepth }),
      });
    }
    const graph = { kind: 'graph', ...base, links: links.definitions } as const;
    return cut(graph, target === undefined ? undefined : at(target));
  }

  #idOf(node: NodeDefinition | undefined): string {
    return node?.kind === 'task' ? node.name : ((node && this.#paths.get(node)) ?? '');
  }

  #retry(spec: RetrySpec): RetryDefinition {
    this.retries.set(spec.name, spec);
    this.#place(spec.name);
    const { name, priority = 0, attempts, values, revertAll } = spec;
    return {
      name,
      priority,
      kind: kinds[spec.kind],
      ...(attempts !== undefined && { attempts }),
      ...(values && { values }),
      ...(revertAll !== undefined && { revertAll }),
      ...inputs(retrySignature(spec)),
      provides: extractions(spec.provides),
    };
  }
}

const kinds = {
  AlwaysRevert: 'alwaysRevert',
  AlwaysRevertAll: 'alwaysRevertAll',
  Times: 'times',
  ForEach: 'forEach',
  ParameterizedForEach: 'parameterizedForEach',
  Scripted: 'alwaysRevert',
} as const;

const NOTHING: NodeDefinition = { kind: 'task', name: '' };

function taskOf(spec: TaskSpec): TaskDefinition {
  const { name, priority = 0, inject } = spec;
  const back = spec.revertParams ?? { anyKeywords: true };
  return {
    kind: 'task',
    name,
    priority,
    ...(inject && { inject }),
    ...inputs(spec),
    revertInputs: inputs({
      ...back,
      ...given('requires', back.requires?.length ? back.requires : spec.requires),
      ...given('rebind', back.rebind ?? spec.rebind),
    }),
    provides: extractions(spec.provides),
  };
}

function given<K extends string, V>(key: K, value: V | undefined): { readonly [X in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [X in K]?: V });
}

function retrySignature({ requires, rebind, kind, from }: RetrySpec): Signature {
  const own = kind === 'ParameterizedForEach' && from !== undefined;
  return {
    anyKeywords: true,
    ...given('requires', requires),
    ...given('rebind', own ? { values: from } : rebind),
  };
}

/** FORMAT 1.2. A name the method does not take is left as a `rebind` of no parameter, for Baton to refuse (E-111). */
function inputs({
  params = [],
  optional = [],
  anyKeywords = false,
  requires = [],
  rebind = {},
}: Signature): Inputs {
  const named = Array.isArray(rebind)
    ? byPosition(params, rebind)
    : (rebind as Readonly<Record<string, string>>);
  const mapping: Readonly<Record<string, string>> = {
    ...Object.fromEntries([...params, ...requires].map((name) => [name, name])),
    ...named,
  };
  const taken = new Set([...params, ...optional]);
  return {
    requires: Object.keys(mapping).filter((name) => anyKeywords || taken.has(name)),
    optional: optional.filter((name) => !Object.hasOwn(mapping, name)),
    rebind: mapping,
  };
}

/** E-107: more symbols than parameters are taken one to one. */
function byPosition(params: readonly string[], symbols: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(symbols.map((symbol, index) => [params[index] ?? symbol, symbol]));
}

function extractions(provides: ProvidesSpec | undefined): Readonly<Record<string, Extraction>> {
  if (provides === undefined) return {};
  if (typeof provides === 'string') return { [provides]: null };
  const isList = (spec: typeof provides): spec is readonly string[] => Array.isArray(spec);
  if (isList(provides)) return Object.fromEntries(provides.map((symbol, index) => [symbol, index]));
  return Object.fromEntries(provides.keys.map((key) => [key, key]));
}

/** A targeted graph: the target and what is before it, in the order of the whole. */
function cut(graph: PatternDefinition, target: number | undefined): PatternDefinition {
  if (target === undefined) return graph;
  const kept = [target, ...ancestors(graph)(target)].toSorted((a, b) => a - b);
  const renumber = ({ from, to, ...rest }: LinkDefinition): LinkDefinition[] =>
    kept.includes(from) && kept.includes(to)
      ? [{ from: kept.indexOf(from), to: kept.indexOf(to), ...rest }]
      : [];
  return {
    ...graph,
    children: (graph.children ?? []).filter((_, index) => kept.includes(index)),
    links: (graph.links ?? []).flatMap(renumber),
  };
}
