import type {
  AtomDefinition,
  Inputs,
  NodeDefinition,
  PatternDefinition,
  RetryDefinition,
} from './definition.js';

/** The symbols a node takes from outside and gives to what follows (E-110, E-205). Optional ones are not required. */
export interface NodeSymbols {
  readonly requires: ReadonlySet<string>;
  readonly provides: ReadonlySet<string>;
}

const known = new WeakMap<NodeDefinition, NodeSymbols>();

/** Definitions never change, so each is looked through once. */
export function symbolsOf(node: NodeDefinition): NodeSymbols {
  const found = known.get(node);
  if (found) return found;
  const symbols = node.kind === 'task' ? atomSymbols(node) : patternSymbols(node);
  known.set(node, symbols);
  return symbols;
}

/** Of a task or retry controller. */
export function atomSymbols(atom: Omit<AtomDefinition, 'name'>): NodeSymbols {
  const needed = [...requiredOf(atom), ...requiredOf(atom.revertInputs ?? atom)];
  const injected = atom.inject ?? {};
  return {
    requires: new Set(needed.filter((symbol) => !Object.hasOwn(injected, symbol))),
    provides: new Set(Object.keys(atom.provides ?? {})),
  };
}

function requiredOf({ requires = [], rebind = {} }: Inputs): string[] {
  return requires.map((parameter) =>
    Object.hasOwn(rebind, parameter) ? (rebind[parameter] ?? parameter) : parameter,
  );
}

function patternSymbols(flow: PatternDefinition): NodeSymbols {
  const controller = retrySymbols(flow.retry);
  const requires = new Set(controller.requires);
  const provides = new Set(controller.provides);
  const children = (flow.children ?? []).map(symbolsOf);
  const comesBefore = flow.kind === 'graph' ? ancestors(flow) : undefined;
  for (const [index, child] of children.entries()) {
    for (const symbol of child.requires) {
      // in a linear flow `provides` holds, at this point, just what came before
      const earlier = flow.kind === 'linear' ? provides.has(symbol) : controller.provides.has(symbol);
      const linked = comesBefore?.(index).some((before) => children[before]?.provides.has(symbol) === true);
      if (!earlier && linked !== true) requires.add(symbol);
    }
    for (const symbol of child.provides) provides.add(symbol);
  }
  return { requires, provides };
}

export function retrySymbols(retry: RetryDefinition | undefined): NodeSymbols {
  return atomSymbols(retry ?? {});
}

/** For a child of a graph, the children before it, nearest first. */
export function ancestors({
  children = [],
  links = [],
}: PatternDefinition): (child: number) => readonly number[] {
  const sources: number[][] = children.map(() => []);
  for (const { from, to } of links) sources[to]?.push(from);
  return (child) => {
    const seen = new Set(sources[child]);
    for (const at of seen) for (const source of sources[at] ?? []) seen.add(source);
    return [...seen];
  };
}
