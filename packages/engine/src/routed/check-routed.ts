import { DefinitionError } from '@baton/core';
import {
  isRouteCommand,
  type PublishDefinition,
  type RoutedAtomDefinition,
  type RoutedTimeouts,
} from '@baton/flow';
import { refusing } from '../check-expressions.js';
import { stdTaskFault } from '../built-in-tasks.js';
import { clauseEvents, clauseOf, type RoutedAtom, type RoutedGraph } from './routed-graph.js';

/**
 * What is known to be wrong before a run begins: inputs that are missing or unknown (C-601), if it is said what is given, and every expression
 * that is none (C-806).
 * @throws DefinitionError `BATON_DEFINITION_MISSING_REQUIREMENT`, `BATON_DEFINITION_ROUTE`, `BATON_DEFINITION_EXPRESSION`
 */
export function checkRouted(graph: RoutedGraph, given?: readonly string[]): void {
  const { definition, templates } = graph;
  if (given) checkInputs(graph, given);
  for (const atom of graph.atoms) checkAtom(graph, atom);
  for (const part of ['vars', 'output', 'outputOnError'] as const)
    refusing(`${part} of ${definition.name}`, JSON.stringify(definition[part] ?? {}), () =>
      templates.check(definition[part] ?? {}),
    );
}

function checkInputs({ definition }: RoutedGraph, given: readonly string[]): void {
  const { name, requires = [], optional = {} } = definition;
  const missing = requires.filter((input) => !given.includes(input));
  if (missing.length > 0)
    throw new DefinitionError(
      'BATON_DEFINITION_MISSING_REQUIREMENT',
      `${name} is not given ${missing.join(', ')}`,
    );
  const unknown = given.filter((input) => !requires.includes(input) && !Object.hasOwn(optional, input));
  if (unknown.length === 0) return;
  const inputs = [...requires, ...Object.keys(optional)].join(', ') || 'none';
  throw new DefinitionError(
    'BATON_DEFINITION_ROUTE',
    `${name} has no input ${unknown.join(', ')}; its inputs: ${inputs}`,
  );
}

function checkAtom(
  { templates, subFlows, definition: { rollback } }: RoutedGraph,
  { name, definition }: RoutedAtom,
): void {
  const template = (what: string, value: Parameters<typeof templates.check>[0]): void =>
    refusing(`${what} of ${name}`, JSON.stringify(value), () => templates.check(value));
  const published = (what: string, { branch = {}, global = {} }: PublishDefinition = {}): void =>
    template(what, [branch, global]);
  const { input = {}, publish, publishOnError, publishOnSkip } = definition;
  const whole = Object.keys(input).length === 1 ? input['expr'] : undefined;
  if (typeof whole === 'string') refusing(`the input of ${name}`, whole, () => templates.expression(whole));
  else template('the input', input);
  checkPolicies(definition, name, (what, value) => {
    const source = typeof value === 'string' ? value : expressionOf(value);
    if (source !== undefined) refusing(`${what} of ${name}`, source, () => templates.expression(source));
  });
  const { flow, output } = definition;
  if (output !== undefined) template('the output', output);
  if (output !== undefined && rollback === 'completed')
    refuseAtom(name, 'has an output, and its flow is undone with what its tasks gave: leave out one of them');
  if (typeof flow === 'string' && !subFlows.names.includes(flow))
    throw new DefinitionError(
      'BATON_DEFINITION_UNKNOWN_FLOW',
      `${name} runs the flow ${flow}, which was not given with it`,
    );
  template('for-each', definition.forEach ?? {});
  published('publish', publish);
  published('publishOnError', publishOnError);
  published('publishOnSkip', publishOnSkip);
  for (const event of clauseEvents) {
    const clause = clauseOf(definition, event);
    published(`what on-${event} publishes`, clause?.publish);
    for (const { to, when, message = null } of clause?.next ?? []) {
      if (when !== undefined) refusing(`the guard ${name} → ${to}`, when, () => templates.expression(when));
      if (isRouteCommand(to)) template(`the message of ${to}`, message);
    }
  }
}

/** Expressions of policies, given to `check`; and policies that make no sense where they stand. */
function checkPolicies(
  { attempts, timeout, forEach, task, delegate, expects, open, flow, ...atom }: RoutedAtomDefinition,
  name: string,
  check: (what: string, value: unknown) => void,
): void {
  const { pauseBefore, waitBeforeMs, waitAfterMs, failOn, parallel, onItemError } = atom;
  for (const [what, value] of Object.entries({
    ...{ 'pause-before': pauseBefore, 'wait-before': waitBeforeMs, 'wait-after': waitAfterMs },
    ...{ 'fail-on': failOn, parallel, 'attempts.max': attempts?.max, 'attempts.delay': attempts?.delayMs },
    ...{ 'break-on': attempts?.breakOn, 'continue-on': attempts?.continueOn },
    ...{ 'timeout.attempt': timeout?.attemptMs, 'timeout.queue': timeout?.queueMs },
    ...{ 'timeout.wait': timeout?.waitMs, 'timeout.total': timeout?.totalMs, flow: expressionOf(flow) },
  }))
    check(what, value);
  const fault = stdTaskFault(task);
  if (fault !== undefined) refuseAtom(name, fault);
  const kinds = Object.entries({ task, delegate, flow }).flatMap(([kind, of]) =>
    of === undefined ? [] : [kind],
  );
  if (kinds.length > 1) refuseAtom(name, `has ${kinds.join(' and ')}: it is one of them`);
  if (delegate === undefined && (expects !== undefined || open !== undefined))
    refuseAtom(name, `has ${expects ? 'expects' : 'open'}, which means nothing without delegate`);
  if (atom.output !== undefined && kinds.length === 0)
    refuseAtom(name, 'has an output, but nothing that gives a result');
  if (forEach && kinds.length === 0) refuseAtom(name, 'has for-each, but nothing to run for each element');
  if (flow !== undefined) refuseForTasks(atom, timeout);
  if (forEach && Object.keys(forEach).length === 0) refuseAtom(name, 'has a for-each without a list');
  if (forEach) return;
  const stray = Object.entries({ parallel, onItemError, 'attempts.scope': attempts?.scope }).find(
    ([, value]) => value !== undefined,
  );
  if (stray) refuseAtom(name, `has ${stray[0]}, which means nothing without forEach`);
}

/** A child run has times and inputs of its own; of this atom it has `timeout.total`. */
function refuseForTasks(
  { name, version, onWorkerLoss, requires, optional }: RoutedAtomDefinition,
  { attemptMs, queueMs, waitMs }: RoutedTimeouts = {},
): void {
  const limits = { 'timeout.attempt': attemptMs, 'timeout.queue': queueMs, 'timeout.wait': waitMs };
  const stray = Object.entries({ ...limits, version, onWorkerLoss, requires, optional }).find(
    ([, value]) => value !== undefined,
  );
  if (stray) refuseAtom(name, `has ${stray[0]}, which means nothing for a flow; there is timeout.total`);
}

function expressionOf(value: unknown): string | undefined {
  const isExpression = typeof value === 'object' && value !== null && 'expr' in value;
  return isExpression ? String(value.expr) : undefined;
}

function refuseAtom(name: string, reason: string): never {
  throw new DefinitionError('BATON_DEFINITION_ROUTE', `${name} ${reason}`);
}
