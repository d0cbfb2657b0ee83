import { DefinitionError } from '@baton/core';
import { isRouteCommand, type PublishDefinition } from '@baton/flow';
import { refusing } from '../check-expressions.js';
import { clauseEvents, clauseOf, type RoutedAtom, type RoutedGraph } from './routed-graph.js';

/**
 * What is known to be wrong before a run begins: inputs that are missing or unknown (C-601), and every expression that is none (C-806).
 * @throws DefinitionError `BATON_DEFINITION_MISSING_REQUIREMENT`, `BATON_DEFINITION_ROUTE`, `BATON_DEFINITION_EXPRESSION`
 */
export function checkRouted(graph: RoutedGraph, given: readonly string[]): void {
  const { definition, templates } = graph;
  checkInputs(graph, given);
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

function checkAtom({ templates }: RoutedGraph, { name, definition }: RoutedAtom): void {
  const template = (what: string, value: Parameters<typeof templates.check>[0]): void =>
    refusing(`${what} of ${name}`, JSON.stringify(value), () => templates.check(value));
  const published = (what: string, { branch = {}, global = {} }: PublishDefinition = {}): void =>
    template(what, [branch, global]);
  const { input = {}, publish, publishOnError, publishOnSkip } = definition;
  const whole = Object.keys(input).length === 1 ? input['expr'] : undefined;
  if (typeof whole === 'string') refusing(`the input of ${name}`, whole, () => templates.expression(whole));
  else template('the input', input);
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
