/**
 * An explanation as a diagram, in Mermaid or DOT. Nodes are named by number and labels are escaped, so no name of an atom can break the
 * text. Long lists are cut as in the text; edges lead only to what is shown.
 */
import { isRouteCommand } from '@baton/flow';
import { clean } from '../output.js';
import { cut } from './cut.js';
import { isFlow } from './explain-flow.js';
import type { ExplainedAtom, ExplainedNode, Explanation } from './explain-flow.js';
import { marksOf, type RoutedExplanation } from './explain-routed.js';

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** Order of execution, a way of a value, or order under a condition; of a routed flow a way, with and without one. */
  readonly kind: 'order' | 'data' | 'decider';
}

interface Box {
  readonly id: string;
  readonly label: string;
  readonly shape: 'task' | 'retry' | 'gap' | 'flow';
  readonly inside: readonly Box[];
}

/** Boxes and the edges between them: what every form of diagram draws. */
export interface Drawing {
  readonly box: Box;
  readonly edges: readonly Edge[];
}

export function explainMermaid(explanation: Explanation | RoutedExplanation): string {
  const { box, edges } = drawn(explanation);
  const quoted = (label: string): string => `"${clean(label).replace(/[^\p{L}\p{N} _.,:→…-]/gu, entity)}"`;
  const boxLines = ({ id, label, shape, inside }: Box, indent: string): readonly string[] => {
    if (shape === 'flow')
      return [
        `${indent}subgraph ${id}[${quoted(label)}]`,
        ...inside.flatMap((child) => boxLines(child, `${indent}  `)),
        `${indent}end`,
      ];
    const [open, close] = shape === 'retry' ? ['{{', '}}'] : shape === 'gap' ? ['([', '])'] : ['[', ']'];
    return [`${indent}${id}${open}${quoted(label)}${close}`];
  };
  const arrows = { order: '-->', data: '-.->', decider: '==>' } as const;
  const edgeLines = edges.map(
    ({ from, to, label, kind }) =>
      `  ${from} ${arrows[kind]}${label === '' ? '' : `|${quoted(label)}|`} ${to}`,
  );
  return `${['flowchart TD', ...boxLines(box, '  '), ...edgeLines].join('\n')}\n`;
}

export function explainDot(explanation: Explanation | RoutedExplanation): string {
  const { box, edges } = drawn(explanation);
  const quoted = (label: string): string => `"${clean(label).replace(/["\\]/g, '\\$&')}"`;
  const flows = new Set<string>();
  const boxLines = ({ id, label, shape, inside }: Box, indent: string): readonly string[] => {
    if (shape === 'flow') {
      flows.add(id);
      return [
        `${indent}subgraph cluster_${id} {`,
        `${indent}  label=${quoted(label)};`,
        `${indent}  ${id} [shape=point];`,
        ...inside.flatMap((child) => boxLines(child, `${indent}  `)),
        `${indent}}`,
      ];
    }
    const shapes = { retry: 'hexagon', gap: 'plaintext', task: 'box' } as const;
    return [`${indent}${id} [label=${quoted(label)}, shape=${shapes[shape]}];`];
  };
  const boxes = boxLines(box, '  ');
  const styles = { order: 'solid', data: 'dotted', decider: 'dashed' } as const;
  const edgeLines = edges.map(({ from, to, label, kind }) => {
    const ends = `${flows.has(from) ? `, ltail=cluster_${from}` : ''}${flows.has(to) ? `, lhead=cluster_${to}` : ''}`;
    return `  ${from} -> ${to} [label=${quoted(label)}, style=${styles[kind]}${ends}];`;
  });
  return `${['digraph flow {', '  compound=true;', ...boxes, ...edgeLines, '}'].join('\n')}\n`;
}

/** Mermaid writes characters as `#number;`. */
function entity(character: string): string {
  return `#${character.codePointAt(0) ?? 0};`;
}

function drawn(explanation: Explanation | RoutedExplanation): Drawing {
  if ('routes' in explanation) return drawnRoutes(explanation);
  const { root } = explanation;
  const shown = new Map<string, ExplainedAtom>();
  const edges: Edge[] = [];
  const box = boxOf(root, shown, edges);
  const ids = new Map([...shown.values()].map((atom) => [atom.name, idOf(atom)]));
  for (const atom of shown.values()) {
    const bySource = new Map<string, string[]>();
    for (const { symbol, from } of atom.inputs) {
      const source = typeof from === 'string' ? undefined : ids.get(from[0] ?? '');
      if (source !== undefined) bySource.set(source, [...(bySource.get(source) ?? []), symbol]);
    }
    for (const [from, symbols] of bySource)
      edges.push({ from, to: idOf(atom), label: [...new Set(symbols)].join(', '), kind: 'data' });
  }
  return { box, edges };
}

/** Commands are drawn once for each atom that leads to them: one box for all would tie the picture together. */
function drawnRoutes({ name, routes, start }: RoutedExplanation): Drawing {
  const { first, omitted, last } = cut(routes);
  const kept = [...first, ...last];
  const ids = new Map(kept.map((route, index) => [route.name, `n${index + 1}`]));
  const gap: Box = { id: 'n0gap', label: `… ${omitted.length} more`, shape: 'gap', inside: [] };
  const boxes = kept.map((route): Box => {
    const marks = [route.does, ...marksOf(route), ...(start.includes(route.name) ? ['starts'] : [])];
    const shape = route.joins === undefined ? 'task' : 'retry';
    return { id: ids.get(route.name) ?? '', label: `${route.name}: ${marks.join(', ')}`, shape, inside: [] };
  });
  const commands: Box[] = [];
  const edges = kept.flatMap(({ name: from, next }) =>
    next.flatMap(({ on, to, when }, index): Edge[] => {
      const source = ids.get(from) ?? '';
      const isCommand = isRouteCommand(to);
      const target = isCommand ? `${source}c${index}` : ids.get(to);
      if (target === undefined) return [];
      if (isCommand) commands.push({ id: target, label: to, shape: 'gap', inside: [] });
      const label = `${on}${when === undefined ? '' : ` if ${when}`}`;
      return [{ from: source, to: target, label, kind: when === undefined ? 'order' : 'decider' }];
    }),
  );
  const inside = [...boxes, ...(omitted.length === 0 ? [] : [gap]), ...commands];
  return { box: { id: 'n0', label: `${name} (routed)`, shape: 'flow', inside }, edges };
}

function boxOf(node: ExplainedNode, shown: Map<string, ExplainedAtom>, edges: Edge[]): Box {
  if (!isFlow(node)) {
    shown.set(node.name, node);
    return { id: idOf(node), label: node.name, shape: node.kind, inside: [] };
  }
  const { first, omitted, last } = cut(node.children);
  const kept = [...first, ...last];
  const children = kept.map((child) => boxOf(child, shown, edges));
  const gap: Box = { id: `${idOf(node)}gap`, label: `… ${omitted.length} more`, shape: 'gap', inside: [] };
  const boxes =
    omitted.length === 0
      ? children
      : [...children.slice(0, first.length), gap, ...children.slice(first.length)];
  if (node.kind === 'linear')
    for (const [index, to] of boxes.slice(1).entries())
      edges.push({ from: boxes[index]?.id ?? to.id, to: to.id, label: '', kind: 'order' });
  const visible = new Map(kept.map((child) => [child.id, idOf(child)]));
  for (const { from, to, symbols, decider, depth } of node.links) {
    const [source, target] = [visible.get(from), visible.get(to)];
    if (source === undefined || target === undefined) continue;
    const label = [...(decider === undefined ? [] : [`if ${decider} (${depth ?? 'all'})`]), ...symbols].join(
      ', ',
    );
    edges.push({ from: source, to: target, label, kind: decider === undefined ? 'order' : 'decider' });
  }
  const retry = node.retry ? [boxOf(node.retry, shown, edges)] : [];
  return {
    id: idOf(node),
    label: `${node.name} (${node.kind})`,
    shape: 'flow',
    inside: [...retry, ...boxes],
  };
}

function idOf({ id }: { readonly id: number }): string {
  return `n${id}`;
}
