/** What a compiled flow means, as data: order, where each value comes from, who decides about failures, what is undone. */
import { compile, type AtomNode, type Compiled, type Node, visibleProviders } from '@baton/engine';
import type {
  FlowDefinition,
  LinkDefinition,
  PatternDefinition,
  RetryDefinition,
  TaskDefinition,
} from '@baton/flow';

export interface Explanation {
  readonly name: string;
  readonly atoms: number;
  /** Symbols that nothing in sight provides: what a post must give. */
  readonly requires: readonly Requirement[];
  readonly provides: readonly string[];
  readonly root: ExplainedNode;
  readonly controllers: readonly ExplainedController[];
}

export interface Requirement {
  readonly symbol: string;
  readonly neededBy: readonly string[];
  /** Atoms that provide it where those who need it cannot see them. */
  readonly outOfSight: readonly string[];
}

export type ExplainedNode = ExplainedAtom | ExplainedFlow;

export interface ExplainedAtom {
  readonly kind: 'task' | 'retry';
  readonly id: number;
  readonly name: string;
  /** What workers offer it as, where it is not called the same. */
  readonly task?: string;
  /** What is waited for outside, instead of a task. */
  readonly delegate?: string;
  readonly inputs: readonly ExplainedInput[];
  /** Where `revert` takes other inputs than `execute`. */
  readonly revertInputs?: readonly ExplainedInput[];
  readonly provides: readonly string[];
  readonly controller?: string;
}

export interface ExplainedInput {
  readonly parameter: string;
  readonly symbol: string;
  readonly optional: boolean;
  /** Providers in the order they are looked up, the innermost scope first; with `store` none of them is in sight. */
  readonly from: readonly string[] | 'injected' | 'store';
}

export interface ExplainedFlow {
  readonly kind: 'linear' | 'unordered' | 'graph';
  readonly id: number;
  readonly name: string;
  readonly atoms: number;
  readonly retry?: ExplainedAtom;
  /** In the order they run, where there is one. */
  readonly children: readonly ExplainedNode[];
  readonly links: readonly ExplainedLink[];
}

export interface ExplainedLink {
  /** Ids of children. */
  readonly from: number;
  readonly to: number;
  readonly symbols: readonly string[];
  /** Runs only if it says so. */
  readonly decider?: string;
  /** What else is left out when the decider says no. */
  readonly depth?: string;
}

export interface ExplainedController {
  readonly name: string;
  readonly flow: string;
  /** For people: `times 3`. */
  readonly decision: string;
  /** What it undoes when it tries again. */
  readonly undoes: readonly string[];
  /** When it gives up: who is asked, or what is undone. */
  readonly then: { readonly asks: string } | { readonly reverts: 'everything' | 'scope' };
}

export function isFlow(node: ExplainedNode): node is ExplainedFlow {
  return node.kind !== 'task' && node.kind !== 'retry';
}

/** @throws DefinitionError as `compile` does. */
export function explainFlow(definition: FlowDefinition): Explanation {
  const compiled = compile(definition);
  const inputs = new Map([...compiled.atoms.values()].map((atom) => [atom.id, inputsOf(compiled, atom)]));
  const top = compiled.nodes.find((node) => node.parent === undefined && node.kind !== 'flow_end');
  const root = explained(compiled, inputs, top ?? missing(), definition.root);
  return {
    name: definition.root.name,
    atoms: compiled.atoms.size,
    requires: requirements(compiled, inputs),
    provides: [...compiled.providers.keys()],
    root,
    controllers: [...compiled.atoms.values()].flatMap((atom) =>
      atom.kind === 'retry' ? [controller(compiled, atom.id, atom.name, atom.retry)] : [],
    ),
  };
}

interface AtomInputs {
  readonly execute: readonly ExplainedInput[];
  readonly revert: readonly ExplainedInput[];
}

function inputsOf(compiled: Compiled, atom: AtomNode): AtomInputs {
  const of = (method: 'execute' | 'revert'): readonly ExplainedInput[] =>
    atom[method].map((binding) => {
      const { parameter, symbol, optional } = binding;
      const seen = atom.inject.has(symbol)
        ? []
        : firstOf(visibleProviders(compiled, atom, binding), LOOKED_UP);
      const providers = [...seen].map((provider) => provider.atom.name);
      const from = atom.inject.has(symbol) ? 'injected' : providers.length === 0 ? 'store' : providers;
      return { parameter, symbol, optional, from };
    });
  return { execute: of('execute'), revert: of('revert') };
}

/** Providers listed for one input; the first that has a value is taken, so those far down matter little. */
const LOOKED_UP = 5;

function explained(
  compiled: Compiled,
  inputs: ReadonlyMap<number, AtomInputs>,
  node: Node,
  definition: FlowDefinition['root'] | RetryDefinition,
): ExplainedNode {
  if (node.kind === 'task' || node.kind === 'retry') return atomOf(compiled, inputs, node);
  const { flow, id, flowName: name } = node;
  const pattern = definition as PatternDefinition;
  if (!flow) return missing();
  const children = flow.children.map((child, index) => {
    const [start, part] = [compiled.nodes[child], pattern.children?.[index]];
    return start && part ? explained(compiled, inputs, start, part) : missing();
  });
  const retry = flow.retry === undefined ? undefined : compiled.nodes[flow.retry];
  return {
    kind: flow.pattern,
    id,
    name,
    atoms: (compiled.nodes[flow.end]?.leaf ?? 0) - node.firstLeaf + 1,
    ...(retry?.kind === 'retry' && { retry: atomOf(compiled, inputs, retry) }),
    // ids are given in the order of execution
    children: flow.pattern === 'graph' ? children.toSorted((a, b) => a.id - b.id) : children,
    links: (pattern.links ?? []).map((link) => linkOf(link, flow.children)),
  };
}

function atomOf(compiled: Compiled, inputs: ReadonlyMap<number, AtomInputs>, atom: AtomNode): ExplainedAtom {
  const { execute = [], revert = [] } = inputs.get(atom.id) ?? {};
  const controlling = atom.controller === undefined ? undefined : compiled.nodes[atom.controller];
  const { task, delegate }: Partial<TaskDefinition> = atom.kind === 'task' ? atom.task : {};
  return {
    kind: atom.kind,
    id: atom.id,
    name: atom.name,
    ...(task !== undefined && task !== atom.name && { task }),
    ...(delegate !== undefined && { delegate }),
    inputs: execute,
    ...(JSON.stringify(execute) !== JSON.stringify(revert) && { revertInputs: revert }),
    provides: [...atom.provides.keys()],
    ...(controlling && { controller: controlling.name }),
  };
}

function linkOf(
  { from, to, symbols = [], decider, depth }: LinkDefinition,
  ids: readonly number[],
): ExplainedLink {
  return {
    from: ids[from] ?? -1,
    to: ids[to] ?? -1,
    symbols,
    ...(decider && {
      decider: 'expr' in decider ? decider.expr : `${decider.local}()`,
      depth: depth ?? 'all',
    }),
  };
}

function requirements(compiled: Compiled, inputs: ReadonlyMap<number, AtomInputs>): readonly Requirement[] {
  const needed = new Map<string, Set<string>>();
  for (const atom of compiled.atoms.values()) {
    const { execute = [], revert = [] } = inputs.get(atom.id) ?? {};
    for (const { symbol, optional, from } of [...execute, ...revert])
      if (from === 'store' && !optional) needed.set(symbol, (needed.get(symbol) ?? new Set()).add(atom.name));
  }
  return [...needed].map(([symbol, atoms]) => ({
    symbol,
    neededBy: [...atoms],
    outOfSight: (compiled.providers.get(symbol) ?? []).map(({ name }) => name),
  }));
}

function controller(
  compiled: Compiled,
  id: number,
  name: string,
  retry: RetryDefinition,
): ExplainedController {
  const node = compiled.nodes[id];
  const flow = node?.parent === undefined ? undefined : compiled.nodes[node.parent];
  const parent = node?.controller === undefined ? undefined : compiled.nodes[node.controller];
  const everything = retry.revertAll === true || retry.kind === 'alwaysRevertAll';
  const then = everything
    ? ({ reverts: 'everything' } as const)
    : parent
      ? { asks: parent.name }
      : ({ reverts: compiled.options.deferReverts ? 'everything' : 'scope' } as const);
  return {
    name,
    flow: flow?.kind === 'flow' ? flow.flowName : '',
    decision: decisionOf(retry),
    undoes: descendants(compiled, id),
    then,
  };
}

function decisionOf({ kind, attempts = 1, values, rebind, on, backoff }: RetryDefinition): string {
  const what =
    kind === 'times'
      ? `times ${attempts}`
      : kind === 'forEach'
        ? `forEach of ${values?.length ?? 0} values`
        : kind === 'parameterizedForEach'
          ? `forEach of ${rebind?.['values'] ?? 'values'}`
          : kind;
  const only = on ? `, only after ${on.join(' or ')}` : '';
  return `${what}${only}${backoff ? `, ${backoff.kind} backoff from ${backoff.initialMs} ms` : ''}`;
}

/** Atoms that run after this one, wherever they are (E-626), in document order. */
function descendants(compiled: Compiled, id: number): readonly string[] {
  const seen = new Set(compiled.nodes[id]?.after);
  for (const at of seen) for (const next of compiled.nodes[at]?.after ?? []) seen.add(next);
  return [...compiled.atoms.values()].filter((atom) => seen.has(atom.id)).map(({ name }) => name);
}

function missing(): never {
  throw new TypeError('a compiled flow lacks a node of its definition');
}

function firstOf<T>(items: Iterable<T>, most: number): readonly T[] {
  const first: T[] = [];
  for (const item of items) {
    first.push(item);
    if (first.length === most) break;
  }
  return first;
}
