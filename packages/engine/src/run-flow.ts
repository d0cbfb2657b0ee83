import {
  assertNever,
  type Failure,
  failureOf,
  type FlowOutcome,
  InputError,
  type JsonValue,
  toFailure,
  type Value,
} from '@baton/core';
import { type Atom, inProcessContext, isFailure, type RunnableTask } from '@baton/flow';
import { fold, type Transition } from './apply-fact.js';
import { extract, partOf } from './arguments.js';
import { compile } from './compile.js';
import type { LocalFunctions } from './local-functions.js';
import type { Argument, Command, Event, ExecuteCommand, Outcome, RevertCommand } from './protocol.js';
import { newRun } from './run-state.js';
import { step } from './step.js';
import { symbolValues } from './symbol-values.js';
import { validate } from './validate.js';

export interface RunFlowOptions<R extends object> {
  /** Values of the symbols the flow requires: JSON data. */
  readonly store: R;
  /** Default `in-process`; part of request ids and idempotency keys. */
  readonly flowId?: string;
  /** Custom retry controllers and deciders. */
  readonly functions?: LocalFunctions;
}

export interface FlowReport<P extends object> {
  readonly outcome: FlowOutcome;
  /** What the flow provides: all of it after SUCCESS. */
  readonly results: Readonly<Partial<P>>;
  /** Failures recorded on atoms (E-809). */
  readonly failures: readonly Failure[];
  /** Every change of state, in order. */
  readonly transitions: readonly Transition[];
}

/**
 * Runs a flow in this process, one method at a time, with nothing stored: for tests, scripts and trying things out. Values pass
 * through JSON as they do in a cluster. Delays between rounds are skipped.
 * @throws DefinitionError when the flow is wrong or lacks symbols. A failing task is no error: see `outcome` and `failures`.
 */
export async function runFlow<N extends string, R extends object, P extends object>(
  flow: Atom<N, R, P>,
  { store, flowId = 'in-process', functions }: RunFlowOptions<NoInfer<R>>,
): Promise<FlowReport<P>> {
  const compiled = compile({ schemaVersion: 1, root: flow.toNode() });
  validate(compiled, Object.keys(store));
  const values = Object.fromEntries(
    Object.entries(store).map(([symbol, data]) => [symbol, storable(data) ?? { data: null }]),
  );
  const options = { flowId, store: values, ...(functions && { functions }) };
  const state = newRun(compiled, options);
  const watched = newRun(compiled, options);
  const transitions: Transition[] = [];
  const tasks = new Map(flow.tasks().map((task) => [task.name, task]));
  const events: Event[] = [{ type: 'run' }];
  for (const event of events) {
    const turn = step(state, event);
    fold(watched, turn.facts, (transition) => transitions.push(transition));
    for (const command of turn.commands) {
      if (command.type === 'finish') {
        const { outcome, failures } = command;
        return { outcome, failures, transitions, results: symbolValues(state, jsonOf) as Partial<P> };
      }
      const answer = await carriedOut(command, tasks, flowId);
      if (answer) events.push(answer);
    }
  }
  throw new InputError('BATON_INPUT_INVALID', `${flow.name} did not come to an end`);
}

async function carriedOut(
  command: Exclude<Command, { readonly type: 'finish' }>,
  tasks: ReadonlyMap<string, RunnableTask>,
  flowId: string,
): Promise<Event | undefined> {
  switch (command.type) {
    case 'execute':
    case 'revert': {
      const { requestId } = command;
      const outcome = await called(command, tasks.get(command.task), flowId);
      return 'failure' in outcome
        ? { type: 'failed', requestId, failure: outcome.failure }
        : { type: 'completed', requestId, ...outcome };
    }
    case 'startTimer':
      return { type: 'timerFired', id: command.id };
    case 'evaluated':
    case 'abort':
    case 'cancelTimer':
    case 'suspended':
      return undefined;
    default:
      return assertNever(command);
  }
}

async function called(
  command: ExecuteCommand | RevertCommand,
  task: RunnableTask | undefined,
  flowId: string,
): Promise<Outcome> {
  if (!task) return { failure: failureOf('NO_SUCH_TASK', `the flow has no task ${command.task}`) };
  const args = await checkedArguments(command, task).catch((error: unknown) =>
    toFailure(error, { phase: 'arguments' }),
  );
  // the body was not called, so there will be nothing to undo (E-861)
  if (isFailure(args)) return { failure: args };
  try {
    const { atom, attempt, round, requestId } = command;
    const context = inProcessContext({ flowId, atom, attempt, round, requestId });
    const result =
      command.type === 'execute'
        ? await task.execute(args, context)
        : await task.revert?.(
            args,
            Object.freeze({
              ...context,
              result: resultOf(command.result),
              flowFailures: command.flowFailures,
            }),
          );
    const value = storable(result);
    return value ? { value } : {};
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

async function checkedArguments(
  { args }: ExecuteCommand | RevertCommand,
  task: RunnableTask,
): Promise<Readonly<Record<string, unknown>>> {
  const checked: Record<string, unknown> = {};
  for (const [parameter, schema] of Object.entries({ ...task.optional, ...task.requires })) {
    const argument = args[parameter];
    if (!argument) continue;
    const result = await schema['~standard'].validate(jsonOf(argument));
    if (result.issues)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${parameter}: ${result.issues.map(({ message }) => message).join('; ')}`,
      );
    checked[parameter] = result.value;
  }
  return checked;
}

function resultOf(result: Outcome | undefined): unknown {
  if (result === undefined) return undefined;
  if ('failure' in result) return result.failure;
  const whole = extract(result.value, null);
  return result.value && whole ? jsonOf(whole) : undefined;
}

function jsonOf({ value, path }: Argument): JsonValue {
  if (!('data' in value)) throw new InputError('BATON_INPUT_INVALID', 'in process a value is JSON data');
  return path === undefined ? value.data : (partOf(value.data, path) ?? null);
}

/** What a cluster would have stored; `undefined` for nothing. */
function storable(result: unknown): Value | undefined {
  const text = JSON.stringify(result) as string | undefined;
  return text === undefined ? undefined : { data: JSON.parse(text) as JsonValue };
}
