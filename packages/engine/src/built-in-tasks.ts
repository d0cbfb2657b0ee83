/**
 * Tasks that the engine evaluates itself: no worker, no request (C-1512). What they are given says all, so whoever owns the run comes to the same.
 */
import {
  type Arguments,
  durationMs,
  eventLimits,
  type EventName,
  type Failure,
  failureOf,
  InputError,
  isEventName,
  type JsonValue,
  type Value,
} from '@baton/core';
import { waitEventTask } from '@baton/flow';
import { partOf } from './arguments.js';
import type { Outcome } from './protocol.js';

/** What one came to, or how long it waits before it succeeds with nothing. */
export type BuiltInOutcome = Outcome | { readonly sleepMs: number };

interface BuiltIn {
  readonly parameters: readonly string[];
  /** Undefined: the arguments are none for it. */
  readonly evaluate: (given: Given) => BuiltInOutcome | undefined;
}

interface Given {
  value(parameter: string): Value | undefined;
  /** Undefined also for what is stored apart. */
  data(parameter: string): JsonValue | undefined;
}

export const sleepTask = 'std.sleep';

const builtIns: Readonly<Record<string, BuiltIn>> = {
  /** Succeeds with nothing. */
  'std.noop': { parameters: [], evaluate: () => ({}) },
  /** Gives `value`. */
  'std.echo': {
    parameters: ['value'],
    evaluate: (given) => {
      const value = given.value('value');
      return value ? { value } : {};
    },
  },
  /** Fails with `message`, `code` and `data`. */
  'std.fail': {
    parameters: ['message', 'code', 'data'],
    evaluate: (given) => {
      const { message = 'std.fail', code = 'FAILED' } = textsOf(given, ['message', 'code']);
      const details = given.data('data');
      return { failure: failureOf(code, message, { ...(details !== undefined && { details }) }) };
    },
  },
  /** Succeeds after `duration`, such as 10s, or whole ms: a durable timer. */
  [sleepTask]: {
    parameters: ['duration'],
    evaluate: (given) => {
      const duration = given.data('duration');
      if (typeof duration !== 'number' && typeof duration !== 'string') return undefined;
      const sleepMs = millisecondsOf(duration);
      return sleepMs === undefined ? undefined : { sleepMs };
    },
  },
  /** Succeeds with the data of the next event that has this `name` and `key`. What waits for it is a delegate; here its arguments are looked at. */
  [waitEventTask]: {
    parameters: ['name', 'key'],
    evaluate: (given) => (eventOf(given) ? {} : undefined),
  },
  /** Succeeds when `condition` is true, else fails with `message`. */
  'std.assert': {
    parameters: ['condition', 'message'],
    evaluate: (given): BuiltInOutcome | undefined => {
      const condition = given.data('condition');
      if (typeof condition !== 'boolean') return undefined;
      const { message = 'the condition is false' } = textsOf(given, ['message']);
      if (condition) return {};
      return { failure: failureOf('ASSERTION', message) };
    },
  },
};

/** Beside them workers may offer these, when they are told to. */
const workersOwn = ['std.http', 'std.shell'];

/** What is wrong with a task of Baton's by this name; undefined: nothing, or it is somebody else's. */
export function stdTaskFault(task: string | undefined): string | undefined {
  if (task?.startsWith('std.') !== true || workersOwn.includes(task) || isBuiltIn(task)) return undefined;
  return `asks for ${task}, which there is not; there are ${[...Object.keys(builtIns), ...workersOwn].join(', ')}`;
}

export function isBuiltIn(task: string | undefined): task is string {
  return task !== undefined && Object.hasOwn(builtIns, task);
}

/** Arguments that do not fit are a failure of the activation, as those of any task (C-604). */
export function evaluateBuiltIn(task: string, args: Arguments): BuiltInOutcome {
  const { parameters = [], evaluate = () => undefined } = builtIns[task] ?? {};
  const unknown = Object.keys(args).find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    return misfit(`${task} has no parameter ${unknown}; it takes ${parameters.join(', ') || 'none'}`);
  const outcome = evaluate(givenBy(args));
  return outcome ?? misfit(`${task} takes ${parameters.join(', ')}: ${wanted[task] ?? 'texts'}`);
}

/** What a `std.wait-event` with these arguments, which fit, waits for. */
export function eventAwaited(args: Arguments): EventName {
  return eventOf(givenBy(args)) ?? { name: '', key: '' };
}

const wanted: Readonly<Record<string, string>> = {
  [sleepTask]: 'a duration such as 250ms, 10s, 2m, 1h or 3d, or whole milliseconds',
  'std.assert': 'true or false, and a text',
  [waitEventTask]: `a text of at most ${eventLimits.nameMax} characters, and a text of at most ${eventLimits.keyMax}, or a number`,
};

function misfit(message: string): { readonly failure: Failure } {
  return { failure: failureOf('ARGUMENTS_INVALID', message, { phase: 'arguments', retryable: false }) };
}

function givenBy(args: Arguments): Given {
  const value = (parameter: string): Value | undefined => {
    const argument = Object.hasOwn(args, parameter) ? args[parameter] : undefined;
    if (argument?.path === undefined || !('data' in argument.value)) return argument?.value;
    return { data: partOf(argument.value.data, argument.path) ?? null };
  };
  const data = (parameter: string): JsonValue | undefined => {
    const found = value(parameter);
    return found && 'data' in found ? found.data : undefined;
  };
  return { value, data };
}

function eventOf(given: Given): EventName | undefined {
  const name = given.data('name');
  const key = given.value('key') ? given.data('key') : '';
  if (typeof name !== 'string' || (typeof key !== 'string' && typeof key !== 'number')) return undefined;
  const event = { name, key: String(key) };
  return isEventName(event) ? event : undefined;
}

/** Of those that are given; what is no text is told as JSON. */
function textsOf<N extends string>(given: Given, names: readonly N[]): Partial<Record<N, string>> {
  const texts: Partial<Record<N, string>> = {};
  for (const name of names) {
    const data = given.data(name);
    if (data !== undefined && data !== null)
      texts[name] = typeof data === 'string' ? data : JSON.stringify(data);
  }
  return texts;
}

function millisecondsOf(duration: number | string): number | undefined {
  try {
    const ms = durationMs(duration as number);
    return Number.isSafeInteger(ms) ? ms : undefined;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
