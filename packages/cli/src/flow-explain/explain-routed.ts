/** What a routed flow means, as data, and its form for people: where it starts, what each atom leads to, what a post must give. */
import { type RoutedAtom, type RoutedGraph, routedGraph } from '@baton/engine';
import {
  type ClauseDefinition,
  isRouteCommand,
  type RoutedAtomDefinition,
  type RoutedFlowDefinition,
  type TransitionDefinition,
} from '@baton/flow';
import { clean } from '../output.js';
import { cut, someOf } from './cut.js';

export interface RoutedExplanation {
  readonly name: string;
  readonly atoms: number;
  readonly requires: readonly string[];
  readonly optional: readonly string[];
  readonly start: readonly string[];
  /** `stays`: what ran of a run that fails stays as it is; else it is undone. */
  readonly onFailure: 'stays' | 'undone';
  readonly routes: readonly ExplainedRoute[];
}

export interface ExplainedRoute {
  readonly name: string;
  /** `task vm.boot`, `delegate approve`, or `decides`. */
  readonly does: string;
  /** Arrivals it waits for. */
  readonly joins?: number | 'reached';
  /** It leads back to itself. */
  readonly cyclic: boolean;
  /** Variables, one task for each element of their lists. */
  readonly forEach: readonly string[];
  readonly publishes: readonly string[];
  /** In the order they are looked at. */
  readonly next: readonly ExplainedWay[];
}

export interface ExplainedWay {
  readonly on: 'success' | 'error' | 'complete' | 'skip';
  /** An atom or a command. */
  readonly to: string;
  readonly when?: string;
}

/** @throws DefinitionError as posting it does. */
export function explainRouted({ root }: RoutedFlowDefinition): RoutedExplanation {
  const graph = routedGraph(root);
  return {
    name: root.name,
    atoms: graph.atoms.length,
    requires: root.requires ?? [],
    optional: Object.keys(root.optional ?? {}),
    start: graph.start.map((index) => nameOf(graph, index)),
    onFailure: root.rollback === 'completed' ? 'undone' : 'stays',
    routes: graph.atoms.map(routeOf),
  };
}

function nameOf({ atoms }: RoutedGraph, index: number): string {
  return atoms[index]?.name ?? '';
}

function routeOf({ name, definition, join, isCyclic }: RoutedAtom): ExplainedRoute {
  const { task, delegate, forEach = {} } = definition;
  const does = delegate === undefined ? undefined : `delegate ${delegate}`;
  return {
    name,
    does: does ?? (task === undefined ? 'decides' : `task ${task}`),
    ...(join !== undefined && { joins: join }),
    cyclic: isCyclic,
    forEach: Object.keys(forEach),
    publishes: publishedBy(definition),
    next: [
      ...waysOf('success', definition.onSuccess),
      ...waysOf('error', definition.onError),
      ...waysOf('complete', definition.onComplete),
      ...waysOf('skip', definition.onSkip),
    ],
  };
}

function waysOf(on: ExplainedWay['on'], clause: ClauseDefinition | undefined): readonly ExplainedWay[] {
  return (clause?.next ?? []).map(({ to, when }: TransitionDefinition) => ({
    on,
    to,
    ...(when !== undefined && { when }),
  }));
}

function publishedBy({ provides = {}, ...atom }: RoutedAtomDefinition): readonly string[] {
  const { publish, publishOnError, publishOnSkip, onSuccess, onError, onComplete, onSkip } = atom;
  const clauses = [onSuccess, onError, onComplete, onSkip].map((clause) => clause?.publish);
  const blocks = [publish, publishOnError, publishOnSkip, ...clauses];
  const names = blocks.flatMap((block) => [
    ...Object.keys(block?.branch ?? {}),
    ...Object.keys(block?.global ?? {}),
  ]);
  return [...new Set([...Object.keys(provides), ...names])];
}

export function routedText({
  name,
  atoms,
  requires,
  start,
  onFailure,
  routes,
  ...more
}: RoutedExplanation): string {
  const { first, omitted, last } = cut(routes);
  const lines = [
    `${name}: ${atoms} ${atoms === 1 ? 'atom' : 'atoms'}, routed`,
    '',
    requires.length === 0 ? 'A post need give nothing.' : `A post must give: ${someOf(requires, 12)}`,
    ...(more.optional.length === 0 ? [] : [`It may give: ${someOf(more.optional, 12)}`]),
    `Starts with: ${someOf(start, 12)}`,
    '',
    'Ways (→ publishes):',
    ...first.flatMap(routeLines),
    ...(omitted.length === 0 ? [] : [`  … ${omitted.length} more`]),
    ...last.flatMap(routeLines),
    '',
    onFailure === 'undone'
      ? 'A failure that no on-error handles: what ran is reverted, last first'
      : 'A failure that no on-error handles: the run fails, what ran stays as it is',
  ];
  return `${lines.map(clean).join('\n')}\n`;
}

function routeLines(route: ExplainedRoute): readonly string[] {
  const { name, does, publishes, next } = route;
  const gives = publishes.length === 0 ? '' : ` → ${someOf(publishes)}`;
  return [
    `  ${name}: ${[does, ...marksOf(route)].join(', ')}${gives}`,
    ...next.map((way) => `    ${wayText(way)}`),
  ];
}

/** What is special about an atom, in words. */
export function marksOf({ joins, cyclic, forEach }: ExplainedRoute): readonly string[] {
  return [
    ...(joins === undefined
      ? []
      : [joins === 'reached' ? 'waits for all that can come' : `waits for ${joins}`]),
    ...(forEach.length === 0 ? [] : [`for each ${someOf(forEach, 3)}`]),
    ...(cyclic ? ['on a cycle'] : []),
  ];
}

export function wayText({ on, to, when }: ExplainedWay): string {
  const target = isRouteCommand(to) ? to.toUpperCase() : to;
  return `on ${on}: ${target}${when === undefined ? '' : ` if ${when}`}`;
}
