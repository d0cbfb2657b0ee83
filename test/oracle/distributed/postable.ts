/** What of the recordings a cluster can run: flow JSON without functions, run once from beginning to end. What it cannot, and why. */
import { codeOf } from '@baton/core';
import { compile, partOf, validate, type Compiled } from '@baton/engine';
import type {
  FlowDefinition,
  LinkDefinition,
  NodeDefinition,
  PatternDefinition,
  RetryDefinition,
} from '@baton/flow';
import { definitionOf, type Built } from '../definition-of.js';
import { refusedTags } from '../refused.js';
import type { DeciderSpec, NodeSpec, RecordedRun, RetrySpec, Scenario, TaskSpec } from '../scenario.js';

export interface Postable {
  readonly record: RecordedRun;
  readonly definition: FlowDefinition;
  readonly compiled: Compiled;
  readonly store: Scenario['store'] & object;
}

/** Name of the one task that workers offer: it does what the script of its atom says. */
export const scriptedTask = 'scripted';

/** The job of a recording; else the reason why there is none, in words that many recordings share. */
export function postableOf(record: RecordedRun): Postable | { readonly reason: string } {
  const { scenario, expected } = record;
  const reason = outsideReason(record) ?? functionReason(scenario.flow);
  if (reason !== undefined) return { reason };
  // of two injections of one symbol the persisted one counts
  const store = { ...scenario.transientStore, ...scenario.store };
  try {
    const built = definitionOf(scenario);
    const definition = { ...built.definition, root: withoutFunctions(built.definition.root, built) };
    const compiled = compile(definition);
    validate(compiled, Object.keys(store));
    return { record, definition, compiled, store };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || (expected.error === null && expected.phases[0]?.raised === null)) throw error;
    return { reason: `a flow that is refused when it is posted (${code})` };
  }
}

/** What was recorded is nothing that a job does, or nothing to compare an end with. */
function outsideReason(record: RecordedRun): string | undefined {
  const { scenario, expected } = record;
  const actions = scenario.actions ?? [{ do: 'run' }];
  if (actions.length !== 1 || Object.keys(actions[0] ?? {}).some((key) => key !== 'do'))
    return 'more than one uninterrupted run';
  const tag = expected.tags.find((name) => refusedTags.has(name));
  if (tag !== undefined) return `an oddity that Baton does not copy (${tag})`;
  if (!expected.stable) return 'an end that depends on the schedule';
  return tasksOf(scenario.flow).some(promisesMore)
    ? 'a result without a promised part, a failure for Baton (E-130)'
    : undefined;
}

/** What is a function in TaskFlow and cannot be said otherwise. */
function functionReason(node: NodeSpec): string | undefined {
  if (node.type === 'task' || node.type === 'ref') return undefined;
  if (node.retry && retryOf(node.retry) === undefined) return 'a retry controller of its own';
  const deciders = (node.links ?? []).flatMap(({ decider }) => (decider ? [decider] : []));
  if (deciders.some((decider) => expressionOf(decider) === undefined))
    return 'a decider without an expression';
  return node.children?.map(functionReason).find((reason) => reason !== undefined);
}

/** How flow JSON says what a controller does; undefined: it cannot. */
function retryOf({
  kind,
  decisions = [],
  execute = [],
  revert = [],
}: RetrySpec): Partial<RetryDefinition> | undefined {
  if ([...execute, ...revert].some((step) => 'raise' in step || 'return' in step)) return undefined;
  if (kind !== 'Scripted') return {};
  // an expression knows the number of the attempt, but not how often it was asked
  const [decision, ...others] = new Set(decisions);
  const decides = decision !== undefined && ['RETRY', 'REVERT', 'REVERT_ALL'].includes(decision);
  return decides && others.length === 0
    ? { kind: 'custom', onFailure: { expr: JSON.stringify(decision) } }
    : undefined;
}

function expressionOf({ op, value = null, atom = '' }: DeciderSpec): string | undefined {
  const name = JSON.stringify(atom);
  if (op === 'const') return String(value === true);
  if (op === 'known') return `${name} in history`;
  if (op === 'raise' || typeof value === 'object') return undefined;
  return `${name} in history && history[${name}] == ${JSON.stringify(value)}`;
}

function withoutFunctions(node: NodeDefinition, built: Built): NodeDefinition {
  if (node.kind === 'task') return { ...node, task: scriptedTask };
  const { retry, links, children = [] } = node;
  const spec = built.retries.get(retry?.name ?? '');
  return {
    ...node,
    ...(retry && { retry: { ...retry, ...(spec && retryOf(spec)) } }),
    ...(links && { links: links.map((link) => deciding(link, built)) }),
    children: children.map((child) => withoutFunctions(child, built)),
  } satisfies PatternDefinition;
}

function deciding(link: LinkDefinition, { deciders }: Built): LinkDefinition {
  const known = link.decider && 'local' in link.decider ? deciders.get(link.decider.local) : undefined;
  return known ? { ...link, decider: { expr: expressionOf(known.spec) ?? '' } } : link;
}

function tasksOf(node: NodeSpec): readonly TaskSpec[] {
  if (node.type === 'task') return [node];
  return node.type === 'ref' ? [] : (node.children ?? []).flatMap(tasksOf);
}

function promisesMore({ provides, execute = [{}], name }: TaskSpec): boolean {
  if (provides === undefined || typeof provides === 'string') return false;
  const isList = (spec: typeof provides): spec is readonly string[] => Array.isArray(spec);
  const parts: readonly (string | number)[] = isList(provides) ? [...provides.keys()] : provides.keys;
  return execute
    .filter(({ raise }) => raise === undefined)
    .map((step) => ('return' in step ? (step.return ?? null) : `${name}.1`))
    .some((result) => parts.some((part) => partOf(result, part) === undefined));
}
