import { DefinitionError } from '@baton/core';
import { type FlowDefinition, flowLimits, type LinkDefinition, type NodeDefinition } from './definition.js';
import { flowDefinitionSchema, type JsonSchema } from './flow-schema.js';
import type { RoutedFlowDefinition } from './routed-definition.js';
import { routedFlowSchema } from './routed-schema.js';
import { firstMisfit, shortPath, type UnknownFields } from './schema-check.js';

/**
 * Checks that data from outside is a flow definition, and gives it back as one. Fields it does not know are kept (E-1504): a stored
 * definition may be of a newer version. From an author they are slips, to be `refused`.
 * What needs the whole flow (names, cycles, bindings) is checked by `compile` of @baton/engine.
 * @throws DefinitionError `BATON_DEFINITION_INVALID` with the path; `BATON_DEFINITION_UNKNOWN_NODE` for a link that leads nowhere.
 */
export function parseFlowDefinition(
  json: unknown,
  { unknownFields = 'kept' }: { readonly unknownFields?: UnknownFields } = {},
): FlowDefinition {
  if (isRoutedJson(json)) refuse('root', 'is a routed flow: an ordered one is wanted here');
  fits(flowDefinitionSchema, json, unknownFields);
  const definition = json as FlowDefinition;
  const atoms = checkNode(definition.root, 'root', 0);
  if (atoms > flowLimits.atomsMax) refuse('root', `holds ${atoms} atoms, more than ${flowLimits.atomsMax}`);
  return definition;
}

/**
 * The same for a routed flow. What needs the whole flow (targets, joins, expressions) is checked when it is given to an engine.
 * @throws DefinitionError `BATON_DEFINITION_INVALID` with the path.
 */
export function parseRoutedFlow(
  json: unknown,
  { unknownFields = 'kept' }: { readonly unknownFields?: UnknownFields } = {},
): RoutedFlowDefinition {
  fits(routedFlowSchema, json, unknownFields);
  const definition = json as RoutedFlowDefinition;
  for (const [name, flow] of Object.entries(definition.flows ?? {})) {
    if (Object.hasOwn(flow, 'flows')) refuse(`flows.${name}`, 'has flows of its own: they belong beside it');
    if (parseAnyFlow(flow, { unknownFields }).root.name !== name)
      refuse(`flows.${name}`, `is the flow ${flow.root.name}: it goes by its own name`);
  }
  return definition;
}

/** A flow of either shape. @throws DefinitionError */
export function parseAnyFlow(
  json: unknown,
  options: { readonly unknownFields?: UnknownFields } = {},
): FlowDefinition | RoutedFlowDefinition {
  return isRoutedJson(json) ? parseRoutedFlow(json, options) : parseFlowDefinition(json, options);
}

function isRoutedJson(json: unknown): boolean {
  return (json as { root?: { kind?: unknown } } | null | undefined)?.root?.kind === 'routed';
}

function fits(schema: JsonSchema, json: unknown, unknownFields: UnknownFields): void {
  const misfit = firstMisfit(schema, json, unknownFields);
  if (misfit)
    throw new DefinitionError(
      'BATON_DEFINITION_INVALID',
      `flow definition: ${misfit.path === '' ? 'it' : misfit.path} ${misfit.reason}`,
      { details: { path: misfit.path } },
    );
}

/** Gives the number of atoms inside. */
function checkNode(node: NodeDefinition, path: string, depth: number): number {
  if (node.kind === 'task') return 1;
  if (depth > flowLimits.depthMax) refuse(path, `is nested deeper than ${flowLimits.depthMax}`);
  if (node.links && node.kind !== 'graph')
    refuse(`${path}.links`, `belong to a graph, not to a ${node.kind} flow`);
  if (node.retry && (node.retry.kind === 'custom') !== (node.retry.onFailure !== undefined))
    refuse(`${path}.retry`, 'has onFailure if, and only if, its kind is custom');
  const children = node.children ?? [];
  checkLinks(node.links ?? [], children.length, `${path}.links`);
  return children.reduce(
    (atoms, child, index) => atoms + checkNode(child, `${path}.children[${index}]`, depth + 1),
    node.retry ? 1 : 0,
  );
}

function checkLinks(links: readonly LinkDefinition[], children: number, path: string): void {
  const seen = new Set<string>();
  for (const [index, { from, to, decider, depth }] of links.entries()) {
    const at = `${path}[${index}]`;
    if (from >= children || to >= children)
      throw new DefinitionError(
        'BATON_DEFINITION_UNKNOWN_NODE',
        `flow definition: ${shortPath(at)} names child ${Math.max(from, to)}, but there are ${children}`,
      );
    if (depth !== undefined && decider === undefined) refuse(at, 'has a depth without a decider');
    if (seen.has(`${from}→${to}`)) refuse(at, `joins ${from} and ${to} a second time`);
    seen.add(`${from}→${to}`);
  }
}

function refuse(where: string, reason: string): never {
  const path = shortPath(where);
  throw new DefinitionError('BATON_DEFINITION_INVALID', `flow definition: ${path} ${reason}`, {
    details: { path },
  });
}
