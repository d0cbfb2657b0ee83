import { codeOf, failureOf } from '@baton/core';
import type { Failure, Fence, InlineValue, RequestFact, Value } from '@baton/core';
import { partOf } from '@baton/engine';
import type { Argument } from '@baton/engine';
import type { Payloads } from '@baton/persistence';
import type { UnsentRequest } from './dispatcher.js';
import type { TaskCommand } from './task-command.js';

type Message = UnsentRequest;

/**
 * The message for an assignment: arguments resolved and extracted. Synchronous unless a value was stored apart.
 * @throws (or rejects with) UnavailableError when a stored value cannot be read, NotFoundError or InputError when it is gone or damaged.
 */
export function taskMessage(
  command: TaskCommand,
  fact: RequestFact,
  owner: { readonly flowId: string; readonly fence: Fence },
  payloads: Payloads,
): Message | Promise<Message> {
  const values = valuesOf(command);
  if (values.every(isInline)) return build(command, fact, owner, (value) => value as InlineValue);
  return Promise.all(values.map((value) => payloads.resolve(value))).then((resolved) => {
    const byValue = new Map(values.map((value, index) => [value, resolved[index] as InlineValue]));
    return build(command, fact, owner, (value) => byValue.get(value) ?? (value as InlineValue));
  });
}

/** The failure of a request whose arguments do not fit a message or are gone from the store; anything else is not about them. */
export function unsendable(error: unknown): Failure | undefined {
  const code = unsendableCodes[codeOf(error) ?? ''];
  if (code === undefined) return undefined;
  return failureOf(code, (error as Error).message, { phase: 'arguments', retryable: false });
}

const unsendableCodes: Readonly<Record<string, string>> = {
  BATON_INPUT_TOO_LARGE: 'ARGUMENTS_TOO_LARGE',
  BATON_INPUT_INVALID: 'ARGUMENTS_TOO_LARGE',
  BATON_INPUT_NO_DELEGATE_KEYS: 'NO_DELEGATE_KEYS',
  BATON_INPUT_MALFORMED: 'ARGUMENTS_LOST',
  BATON_NOT_FOUND_DOCUMENT: 'ARGUMENTS_LOST',
};

function build(
  command: TaskCommand,
  fact: RequestFact,
  owner: { readonly flowId: string; readonly fence: Fence },
  inline: (value: Value) => InlineValue,
): Message {
  return {
    requestId: command.requestId,
    delivery: fact.delivery,
    flowId: owner.flowId,
    atom: command.atom,
    action: command.type,
    fence: owner.fence,
    workerEpoch: fact.workerEpoch,
    task: command.task,
    taskVersion: command.taskVersion,
    attempt: command.attempt,
    round: command.round,
    args: Object.fromEntries(
      Object.entries(command.args).map(([name, argument]) => [
        name,
        extract(argument, inline(argument.value)),
      ]),
    ),
    ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
    ...(command.type === 'revert' ? revertPart(command, inline) : openPart(command)),
  };
}

function openPart({ opens }: TaskCommand & { readonly type: 'execute' }): Pick<Message, 'opens'> {
  return opens === undefined ? {} : { opens };
}

function revertPart(
  command: TaskCommand & { readonly type: 'revert' },
  inline: (value: Value) => InlineValue,
): Pick<Message, 'result' | 'flowFailures'> {
  const { result, flowFailures } = command;
  if (result === undefined) return { flowFailures };
  if ('failure' in result) return { flowFailures, result };
  return {
    flowFailures,
    result: { value: result.value === undefined ? { data: null } : inline(result.value) },
  };
}

function extract({ path }: Argument, value: InlineValue): InlineValue {
  if (path === undefined || !('data' in value)) return value;
  // the worker checked that every promised key is there before it called the attempt a success (E-130)
  return { data: partOf(value.data, path) ?? null };
}

function valuesOf(command: TaskCommand): Value[] {
  const values = Object.values(command.args).map((argument) => argument.value);
  const result = command.type === 'revert' ? command.result : undefined;
  if (result !== undefined && 'value' in result && result.value !== undefined) values.push(result.value);
  return values;
}

function isInline(value: Value): value is InlineValue {
  return !('ref' in value);
}
