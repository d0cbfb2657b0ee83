import { closest, DefinitionError, InputError } from '@baton/core';
import type { FlowDefinition, LinkDefinition, NodeDefinition, PatternDefinition } from './definition.js';
import { ancestors } from './node-symbols.js';
import { isRouted, type RoutedFlowDefinition } from './routed-definition.js';

/**
 * The part of an ordered flow that one atom of its top level needs: the atom, what comes before it, and the links between them (C-1601,
 * TaskFlow's TargetedFlow). Atoms beside it are left out.
 * @throws InputError `BATON_INPUT_INVALID` for a routed flow, or one that is a single task; DefinitionError `BATON_DEFINITION_UNKNOWN_NODE`
 */
export function targeted(flow: FlowDefinition | RoutedFlowDefinition, target: string): FlowDefinition {
  if (isRouted(flow) || flow.root.kind === 'task')
    throw new InputError(
      'BATON_INPUT_INVALID',
      `target is for ordered flows: where ${flow.root.name} goes, its transitions say`,
    );
  const { children = [] } = flow.root;
  const index = children.findIndex(({ name }) => name === target);
  if (index < 0) throw unknownTarget(flow.root, target, children);
  return { ...flow, root: { ...flow.root, ...partOf(flow.root, children, index) } };
}

function partOf(
  root: PatternDefinition,
  children: readonly NodeDefinition[],
  target: number,
): Pick<PatternDefinition, 'children' | 'links'> {
  const kept = [...keptOf(root, target)].toSorted((a, b) => a - b);
  const places = new Map(kept.map((child, place) => [child, place]));
  const links = root.links?.flatMap((link): LinkDefinition[] => {
    const [from, to] = [places.get(link.from), places.get(link.to)];
    return from === undefined || to === undefined ? [] : [{ ...link, from, to }];
  });
  return { children: children.filter((_, child) => places.has(child)), ...(links && { links }) };
}

function keptOf(root: PatternDefinition, target: number): ReadonlySet<number> {
  switch (root.kind) {
    case 'graph':
      return new Set([target, ...ancestors(root)(target)]);
    case 'linear':
      return new Set(Array.from({ length: target + 1 }, (_, child) => child));
    case 'unordered':
      return new Set([target]);
  }
}

function unknownTarget(
  { name }: PatternDefinition,
  target: string,
  children: readonly NodeDefinition[],
): DefinitionError {
  const names = children.map((child) => child.name);
  const near = closest(target, names);
  return new DefinitionError(
    'BATON_DEFINITION_UNKNOWN_NODE',
    `${name} has no atom ${target} to be its target${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}
