import type { Inputs, LinkDefinition, NodeDefinition, PatternDefinition, RetryDefinition } from '@baton/flow';
import type { DeciderDepth, FlowDefinition } from '@baton/flow';
import { ancestors, GraphLinks } from '@baton/flow';
import type { AtomInterface, DeciderSpec, FlowSpec, NodeSpec, RecordedRun, RetrySpec } from './scenario.js';

export interface Built {
  readonly definition: FlowDefinition;
  /** Retry specs by name, and decider specs by the name in `decider: { local }`. */
  readonly retries: ReadonlyMap<string, RetrySpec>;
  readonly deciders: ReadonlyMap<
    string,
    { readonly spec: DeciderSpec; readonly from: string; readonly to: string }
  >;
}

/** Flow JSON of a scenario; the argument mappings are taken from the recording (FORMAT 2.2). */
export function definitionOf({ scenario, expected }: RecordedRun): Built {
  const retries = new Map<string, RetrySpec>();
  const deciders = new Map<string, { spec: DeciderSpec; from: string; to: string }>();

  const atom = (name: string): Inputs & Pick<RetryDefinition, 'provides' | 'revertInputs'> => {
    const found: AtomInterface = expected.interface[name] ?? {};
    return {
      ...inputs(found.args ?? {}, found.optional ?? []),
      revertInputs: inputs(found.revertArgs ?? {}, found.revertOptional ?? []),
      ...(found.provides && { provides: found.provides }),
    };
  };

  const node = (spec: NodeSpec, path: string): NodeDefinition => {
    if (spec.type !== 'task') return flow(spec, path);
    const { name, priority = 0, inject } = spec;
    return { kind: 'task', name, priority, ...(inject && { inject }), ...atom(name) };
  };

  const retry = (spec: RetrySpec): RetryDefinition => {
    retries.set(spec.name, spec);
    const { name, priority = 0, attempts, values, revertAll } = spec;
    return {
      name,
      priority,
      kind: kinds[spec.kind],
      ...(attempts !== undefined && { attempts }),
      ...(values && { values }),
      ...(revertAll !== undefined && { revertAll }),
      ...atom(name),
    };
  };

  const flow = (spec: FlowSpec, path: string): PatternDefinition => {
    const children = (spec.children ?? []).map((child, index) => node(child, `${path}.${index}`));
    const base = { name: spec.name, children, ...(spec.retry && { retry: retry(spec.retry) }) };
    if (spec.type === 'linear' || spec.type === 'unordered') return { kind: spec.type, ...base };
    const links = new GraphLinks(spec.name, base.retry);
    const { resolveRequires = true, resolveExisting = true } = spec;
    for (const child of children) links.add(child, { resolveRequires, resolveExisting });
    for (const { from, to, decider, depth } of spec.links ?? []) {
      const ends = { from: idOf(children, path, from), to: idOf(children, path, to) };
      const local = `${ends.from}→${ends.to}`;
      if (decider) deciders.set(local, { spec: decider, ...ends });
      links.link({
        from,
        to,
        ...(decider && { decider: { local } }),
        ...(depth !== undefined && { depth: depth.toLowerCase() as DeciderDepth }),
      });
    }
    return cut({ kind: 'graph', ...base, links: links.definitions }, spec.target);
  };

  const { deferReverts = false, neverResolve = false } = scenario.options ?? {};
  const root = node(scenario.flow, '@');
  return {
    definition: { schemaVersion: 1, root, options: { deferReverts, neverResolve } },
    retries,
    deciders,
  };
}

const kinds = {
  AlwaysRevert: 'alwaysRevert',
  AlwaysRevertAll: 'alwaysRevertAll',
  Times: 'times',
  ForEach: 'forEach',
  ParameterizedForEach: 'parameterizedForEach',
  Scripted: 'alwaysRevert',
} as const;

function inputs(args: Readonly<Record<string, string>>, optional: readonly string[]): Inputs {
  const parameters = Object.entries(args);
  return {
    requires: parameters.filter(([, symbol]) => !optional.includes(symbol)).map(([parameter]) => parameter),
    optional: parameters.filter(([, symbol]) => optional.includes(symbol)).map(([parameter]) => parameter),
    rebind: args,
  };
}

function idOf(children: readonly NodeDefinition[], path: string, index: number): string {
  const child = children[index];
  return child?.kind === 'task' ? child.name : `${path}.${index}`;
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
