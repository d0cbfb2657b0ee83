import {
  type Argument,
  type Arguments,
  type Failure,
  failureOf,
  type JsonValue,
  openRecord,
} from '@baton/core';
import type { Inputs } from '@baton/flow';
import { fault } from '../expression-error.js';
import type { Command, ExecuteCommand, RevertCommand } from '../protocol.js';
import { waitCommandOf } from '../waits.js';
import { checkSize } from './data-size.js';
import { revertChildCommandOf } from './child-command.js';
import type { Activation, RoutedState, Unit } from './routed-state.js';
import { type AtActivation, evaluateAt, type Place, variableAt } from './surroundings.js';

/**
 * What an activation gives to what it runs: `input`, then `rebind`, then variables of the same name, then what the environment has for its
 * task (C-602, C-603); or what is missing, as a failure of that code.
 * @throws ExpressionError
 */
export function argumentsFor(
  place: AtActivation,
  { requires = [], optional = [], rebind = {} }: Inputs,
  code: string,
): { readonly args: Arguments } | { readonly failure: Failure } {
  const { activation } = place;
  const { input = {} } = activation.atom.definition;
  const args = openRecord<Argument>();
  const given = inputFor(place, input);
  checkSize(given, `the input of ${activation.id}`);
  for (const [name, data] of Object.entries(given)) args[name] = { value: { data } };
  Object.assign(args, activation.again?.args);
  const defaults = defaultsFor(place);
  const missing: string[] = [];
  for (const parameter of new Set([...requires, ...optional, ...Object.keys(rebind)])) {
    if (Object.hasOwn(args, parameter)) continue;
    const symbol = Object.hasOwn(rebind, parameter) ? (rebind[parameter] ?? parameter) : parameter;
    const found = variableAt(place, symbol);
    if (found) args[parameter] = found;
    else if (!optional.includes(parameter) && !Object.hasOwn(defaults, parameter)) missing.push(symbol);
  }
  for (const [parameter, data] of Object.entries(defaults))
    if (!Object.hasOwn(args, parameter)) args[parameter] = { value: { data } };
  if (missing.length === 0) return { args };
  const message = `${activation.id} found no value for ${missing.join(', ')}`;
  const context = { phase: 'arguments', atom: activation.id, retryable: false } as const;
  return { failure: { ...failureOf(code, message, context), types: ['NotFound', 'Error'] } };
}

/** `env.defaults`, by task. */
function defaultsFor({ state, activation }: AtActivation): JsonRecord {
  const { task } = activation.atom.definition;
  const byTask = recordOf(state.env['defaults']);
  return task !== undefined && Object.hasOwn(byTask, task) ? recordOf(byTask[task]) : {};
}

type JsonRecord = Readonly<Record<string, JsonValue>>;

function recordOf(value: JsonValue | undefined): JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : {};
}

function inputFor(place: Place, input: NonNullable<Activation['atom']['definition']['input']>): JsonRecord {
  const { templates } = place.state.graph;
  const isWhole = typeof input['expr'] === 'string' && Object.keys(input).length === 1;
  if (!isWhole) return templates.render(input, (inserted) => evaluateAt(place, inserted)) as JsonRecord;
  const given = evaluateAt(place, templates.expression(String(input['expr'])));
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return given as JsonRecord;
  return fault('gives no map of parameters');
}

/** What a delegate waits for, the same each time it is asked for. */
export function openDelegateCommandOf({ id, atom, requestId = '', attempt, args }: Unit): Command {
  const { delegate } = atom.definition;
  return waitCommandOf({ atom: id, requestId, attempt, delegate, args });
}

/** The request of what runs, the same each time it is asked for; of a delegate, that of the task that asks for its answer. */
export function requestCommandOf(state: RoutedState, unit: Unit): Command {
  if (unit.state !== 'REVERTING') return executeCommandOf(unit);
  return unit.atom.definition.flow === undefined ? revertCommandOf(unit) : revertChildCommandOf(state, unit);
}

/** With what `execute` was given, and what it came to. */
function revertCommandOf(unit: Unit): RevertCommand {
  const { value, failure, flowFailures = {}, reverts } = unit;
  const result = failure ? { failure } : value && { value };
  return {
    ...executeCommandOf(unit),
    type: 'revert',
    attempt: reverts,
    ...(result && { result }),
    flowFailures,
  };
}

function executeCommandOf(unit: Unit): ExecuteCommand {
  const { id, atom, attempt, requestId = '', openId, args, limits } = unit;
  const { task = '', open = '', version = '1.0', onWorkerLoss = 'resend' } = atom.definition;
  const { attemptMs, queueMs } = limits;
  return {
    type: 'execute',
    atom: id,
    round: 0,
    attempt,
    ...(openId === undefined ? { requestId, task } : { requestId: openId, task: open, opens: requestId }),
    taskVersion: version,
    args,
    onWorkerLoss,
    ...(attemptMs !== undefined && { timeoutMs: attemptMs }),
    ...(queueMs !== undefined && { queueTimeoutMs: queueMs }),
  };
}
