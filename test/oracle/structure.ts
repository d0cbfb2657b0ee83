/** What a flow compiles to, in the form of the recordings (FORMAT 2.2, 2.3), and where it differs from them. */
import { type AtomNode, type Compiled, isAtom, type Node, scopesOf } from '@baton/engine';
import { type Difference, narrowed } from './difference.js';
import type { AtomInterface, Expected } from './scenario.js';

export function structureDifference(
  { interface: interfaces, structure }: Expected,
  compiled: Compiled,
  paths: ReadonlyMap<string, string>,
): Difference | undefined {
  for (const atom of compiled.atoms.values()) {
    const pair = narrowed(interfaces[atom.name], interfaceOf(atom));
    if (pair)
      return {
        where: `interface of ${atom.name}${pair.at}`,
        expected: pair.want,
        got: pair.got,
        rule: 'E-101 to E-111',
      };
  }
  if (!structure) return undefined;
  const { nodes, edges, controllers } = structureOf(compiled, paths);
  const parts: (readonly [string, unknown, unknown, string])[] = [
    ['nodes', structure.nodes.map(String).toSorted(), nodes.toSorted(), 'E-301'],
    ['edges', structure.edges.map(String).toSorted(), edges.toSorted(), 'E-303'],
    ['controllers', structure.controllers, controllers, 'E-304'],
  ];
  if (structure.scopes)
    for (const [name, scopes] of Object.entries(structure.scopes)) {
      const atom = compiled.atoms.get(name);
      parts.push([`scopes of ${name}`, scopes, atom && scopesOf(compiled, atom), 'E-401']);
    }
  for (const [where, want, got, rule] of parts) {
    const pair = narrowed(want, got);
    if (pair) return { where: `${where}${pair.at}`, expected: pair.want, got: pair.got, rule };
  }
  return undefined;
}

function structureOf(
  { nodes, deciders }: Compiled,
  paths: ReadonlyMap<string, string>,
): {
  readonly nodes: readonly string[];
  readonly edges: readonly string[];
  readonly controllers: Readonly<Record<string, string>>;
} {
  const nameOf = (node: Node | undefined): string => {
    if (!node || isAtom(node)) return node?.name ?? '';
    const end = node.kind === 'flow_end' ? '$' : '';
    const path = end === '' ? node.name : node.name.slice(0, -1);
    return `${paths.get(path) ?? path}${end}`;
  };
  const edges = nodes.flatMap((node) =>
    node.after.map((after) => {
      const depth = deciders
        .get(after)
        ?.find(({ from }) => from === node.id)
        ?.depth.toUpperCase();
      return [nameOf(node), nameOf(nodes[after]), ...(depth === undefined ? [] : [depth])].join();
    }),
  );
  const controllers = nodes.flatMap((node) =>
    node.controller === undefined ? [] : [[nameOf(node), nameOf(nodes[node.controller])] as const],
  );
  return {
    nodes: nodes.map((node) => `${nameOf(node)},${node.kind}`),
    edges,
    controllers: Object.fromEntries(controllers),
  };
}

/** Empty parts are left out. */
function interfaceOf({ execute, revert, inject, provides }: AtomNode): AtomInterface {
  const symbols = (bindings: AtomNode['execute'], optional: boolean): string[] =>
    bindings
      .filter((one) => one.optional === optional && !inject.has(one.symbol))
      .map(({ symbol }) => symbol);
  const mapping = (bindings: AtomNode['execute']): Readonly<Record<string, string>> =>
    Object.fromEntries(bindings.map(({ parameter, symbol }) => [parameter, symbol]));
  const set = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
  const parts = {
    args: mapping(execute),
    optional: set(symbols(execute, true)),
    revertArgs: mapping(revert),
    revertOptional: set(symbols(revert, true)),
    requires: set([...symbols(execute, false), ...symbols(revert, false)]),
    provides: Object.fromEntries(provides),
  };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => Object.keys(part).length > 0));
}
