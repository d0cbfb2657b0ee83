/** Flow JSON as a YAML document, by the short forms where there are some (C-1513). */
import { codeOf, DefinitionError } from '@baton/core';
import { stringify } from 'yaml';
import { canonicalFlowJson } from '../canonical-flow-json.js';
import type {
  AtomDefinition,
  BackoffDefinition,
  FlowDefinition,
  LinkDefinition,
  NodeDefinition,
  PatternDefinition,
  RetryDefinition,
  TaskDefinition,
} from '../definition.js';
import { symbolsOf } from '../node-symbols.js';
import { parseAnyFlow } from '../parse-flow-definition.js';
import { isRouted, type RoutedFlowDefinition } from '../routed-definition.js';
import { parseFlowYaml } from './parse-flow-yaml.js';
import { shortTimeout } from './policies.js';
import { routedDocument, withoutEmpty } from './routed-yaml.js';
import {
  declared,
  duration,
  durationField,
  filled,
  providesField,
  takenFields,
  workFields,
  type Written,
  written,
} from './yaml-fields.js';

/**
 * The document that `parseFlowYaml` makes this definition of, but for order where it says nothing, defaults, and what is empty.
 * @throws DefinitionError when it is no flow, or one that YAML has no words for: a flow that is just one task, an empty one, `output: {}`, or one
 *   beyond the limits of a document.
 * Flows that it runs follow as documents of their own.
 */
export function flowYaml(flow: FlowDefinition | RoutedFlowDefinition): string {
  const definition = parseAnyFlow(JSON.parse(JSON.stringify(flow)), { unknownFields: 'refused' });
  if (!isRouted(definition) || !definition.flows) return oneDocument(definition);
  const { flows, ...own } = definition;
  return [own, ...Object.values(flows)].map(oneDocument).join('---\n');
}

function oneDocument(definition: FlowDefinition | RoutedFlowDefinition): string {
  if (isRouted(definition)) {
    const lean = { ...definition, root: withoutEmpty(definition.root) };
    return verified(lean, [routedDocument(lean.root)]);
  }
  const { root, options } = definition;
  if (root.kind === 'task') refuse(`${root.name} is one task, and a document is a flow: put it into one`);
  const named = { ...definition, root: withValuesNamed(root) };
  // links that are not made by data and `after` in this way are listed
  return verified(
    named,
    [false, true].map((listed) => orderedDocument(root, options, listed)),
  );
}

/** Builders always say which symbol the values of a retry are. */
function withValuesNamed(node: PatternDefinition): PatternDefinition {
  const { retry, children } = node;
  return {
    ...node,
    ...(retry?.kind === 'parameterizedForEach' && {
      retry: { ...retry, rebind: { values: 'values', ...retry.rebind } },
    }),
    ...(children && {
      children: children.map((child) => (child.kind === 'task' ? child : withValuesNamed(child))),
    }),
  };
}

/** The first that means the same. */
function verified(definition: FlowDefinition | RoutedFlowDefinition, documents: readonly Written[]): string {
  const wanted = canonicalFlowJson(definition);
  let reason = 'something in it has no place there';
  for (const document of documents) {
    const text = stringify(document, { aliasDuplicateObjects: false, lineWidth: 0, schema: 'core' });
    try {
      if (canonicalFlowJson(parseFlowYaml(text, { path: definition.root.name })) === wanted) return text;
    } catch (error) {
      if (codeOf(error) !== 'BATON_DEFINITION_DOCUMENT') throw error;
      reason = (error as Error).message.split('\n')[0] ?? '';
    }
  }
  return refuse(`${definition.root.name} cannot be written as YAML: ${reason}`);
}

function refuse(reason: string): never {
  throw new DefinitionError('BATON_DEFINITION_INVALID', reason);
}

function orderedDocument(
  root: PatternDefinition,
  options: FlowDefinition['options'],
  listed: boolean,
): Written {
  const { requires } = symbolsOf(root);
  const tasks = tasksOf(root);
  const given = new Set(tasks.flatMap(({ provides = {} }) => Object.keys(provides)));
  const optional = tasks
    .flatMap((task) => (task.optional ?? []).map((parameter) => task.rebind?.[parameter] ?? parameter))
    .filter((symbol) => !requires.has(symbol) && !given.has(symbol));
  return written({
    baton: 1,
    flow: root.name,
    requires: declared(requires),
    optional: declared(optional),
    'defer-reverts': options?.deferReverts,
    'never-resolve': options?.neverResolve,
    ...patternFields(root, listed),
  });
}

function patternFields(flow: PatternDefinition, listed: boolean): Readonly<Record<string, unknown>> {
  const { kind, retry, children = [], links = [] } = flow;
  const keys = keysOf(children);
  const byHand = listed
    ? []
    : links.filter(({ symbols, decider }) => symbols === undefined || decider !== undefined);
  const atoms = children.map((child, index): [string, Written] => {
    const key = keys[index] ?? '';
    const after = byHand.filter(({ to }) => to === index);
    return [key, nodeFields(child, key, afterFields(after, keys), listed)];
  });
  return {
    pattern: kind === 'graph' ? undefined : kind,
    retry: retry && retryFields(retry),
    atoms: new Map(atoms),
    links: listed && kind === 'graph' ? links.map((link) => linkFields(link, keys)) : undefined,
  };
}

/** Names of flows need not be unique, keys must. */
function keysOf(children: readonly NodeDefinition[]): readonly string[] {
  const names = new Set(children.map(({ name }) => name));
  const taken = new Set<string>();
  return children.map(({ name }) => {
    let key = name;
    for (let number = 2; taken.has(key) || (key !== name && names.has(key)); number++)
      key = `${name}-${number}`;
    taken.add(key);
    return key;
  });
}

function nodeFields(
  node: NodeDefinition,
  key: string,
  after: Readonly<Record<string, unknown>>,
  listed: boolean,
): Written {
  const name = node.name === key ? undefined : node.name;
  if (node.kind !== 'task') return written({ name, flow: written(patternFields(node, listed)), ...after });
  const { delegate, expects, open, task = delegate === undefined ? node.name : undefined } = node;
  return written({
    ...{ name, task, delegate, expects, open },
    ...atomFields(node),
    ...workFields(node, shortTimeout({ task, delegate })),
    ...after,
  });
}

function atomFields(atom: Omit<AtomDefinition, 'name'>): Readonly<Record<string, unknown>> {
  const { inject, provides, revertInputs, priority } = atom;
  return {
    ...takenFields(atom),
    inject,
    provides: provides && providesField(provides),
    'revert-inputs': revertInputs && written(takenFields(revertInputs)),
    priority,
  };
}

function afterFields(
  links: readonly LinkDefinition[],
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  if (links.length === 0) return {};
  const names = links.map(({ from }) => keys[from] ?? '');
  const depth = links.find((link) => link.depth !== undefined)?.depth;
  if (links.every(({ decider }) => decider === undefined))
    return { after: names.length === 1 ? names[0] : names };
  return {
    after: new Map(
      links.map(({ decider }, index) => [names[index], decider && 'expr' in decider ? decider.expr : null]),
    ),
    depth,
  };
}

function linkFields({ from, to, symbols, decider, depth }: LinkDefinition, keys: readonly string[]): Written {
  return written({
    from: keys[from],
    to: keys[to],
    symbols,
    when: decider && 'expr' in decider ? decider.expr : undefined,
    local: decider && 'local' in decider ? decider.local : undefined,
    depth,
  });
}

function retryFields(retry: RetryDefinition): Written {
  const { kind, name, attempts, values, onFailure, revertAll, on, backoff, requires, rebind = {} } = retry;
  const { values: symbol = 'values', ...others } = rebind;
  const forms = {
    times: { times: attempts ?? 1 },
    forEach: { 'for-each': values ?? [] },
    parameterizedForEach: { 'for-each-of': symbol },
    custom: { decide: onFailure?.expr },
    alwaysRevert: { 'always-revert': true },
    alwaysRevertAll: { 'always-revert-all': true },
  };
  const taken =
    kind === 'parameterizedForEach'
      ? {
          requires: filled(requires?.filter((parameter) => parameter !== 'values')),
          rebind: Object.keys(others).length > 0 ? others : undefined,
        }
      : {};
  return written({
    ...forms[kind],
    name,
    ...atomFields(retry),
    ...taken,
    'revert-all': revertAll,
    on,
    backoff: backoff && backoffField(backoff),
  });
}

function backoffField({ kind, initialMs, maxMs, jitter }: BackoffDefinition): unknown {
  return written({ kind, initial: duration(initialMs), max: durationField(maxMs), jitter });
}

function tasksOf(node: NodeDefinition): readonly TaskDefinition[] {
  return node.kind === 'task' ? [node] : (node.children ?? []).flatMap(tasksOf);
}
