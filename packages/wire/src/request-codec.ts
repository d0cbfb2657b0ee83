import {
  assertNever,
  InputError,
  type Action,
  type Attach,
  type Control,
  type DelegateLink,
  type Forget,
  type RequestMessage,
  type TaskRequest,
} from '@baton/core';
import { baton } from '../gen/messages.js';
import {
  bounded,
  decodeEnvelope,
  encodeEnvelope,
  unsupportedKind,
  type V1Envelope,
  type WireHeader,
} from './envelope.js';
import { decodeFailure, encodeFailure } from './failure-codec.js';
import { inverse } from './inverse.js';
import { wireLimits } from './limits.js';
import { malformed, required } from './malformed.js';
import {
  decodeFence,
  decodeOutcome,
  decodeValue,
  encodeFence,
  encodeOutcome,
  encodeValue,
} from './value-codec.js';

const actionToWire: Record<Action, baton.v1.Action> = {
  execute: baton.v1.Action.ACTION_EXECUTE,
  revert: baton.v1.Action.ACTION_REVERT,
};
const actionFromWire = inverse(actionToWire);

const commandToWire: Record<Control['command'], baton.v1.Control.Command> = {
  cancel: baton.v1.Control.Command.COMMAND_CANCEL,
};
const commandFromWire = inverse(commandToWire);

/**
 * Message of a conductor to a worker as bytes. A `TaskRequest` gives the time of sending itself; otherwise the header does.
 * @throws InputError `BATON_INPUT_TOO_LARGE` above the limits, `BATON_INPUT_INVALID` for a value that is not JSON.
 */
export function encodeRequest(message: RequestMessage, header: WireHeader): Uint8Array {
  return encodeEnvelope(bodyOf(message), header, message.kind);
}

/** Inverse of `encodeRequest`. @throws InputError `BATON_INPUT_TOO_LARGE`, `BATON_INPUT_MALFORMED`, `BATON_INPUT_UNSUPPORTED`. */
export function decodeRequest(bytes: Uint8Array): {
  readonly header: WireHeader;
  readonly message: RequestMessage;
} {
  const { header, body } = decodeEnvelope(bytes);
  return { header, message: messageOf(body, header) };
}

function bodyOf(message: RequestMessage): V1Envelope {
  switch (message.kind) {
    case 'request':
      return {
        request: encodeTask(message),
        sentAtMs: message.sentAtMs,
        ...(message.traceparent !== undefined && { traceparent: message.traceparent }),
      };
    case 'attach':
      return { attach: encodeAttach(message) };
    case 'forget':
      return { forget: { workerEpoch: message.workerEpoch, requestIds: [...message.requestIds] } };
    case 'control':
      return {
        control: {
          ...message,
          fence: encodeFence(message.fence),
          command: commandToWire[message.command],
        },
      };
    default:
      return assertNever(message);
  }
}

function messageOf(body: V1Envelope, header: WireHeader): RequestMessage {
  if (body.request) return decodeTask(body.request, body, header);
  if (body.attach) return decodeAttach(body.attach);
  if (body.forget) return decodeForget(body.forget);
  if (body.control) return decodeControl(body.control);
  throw unsupportedKind(body, 'a request, attach, forget or control');
}

function encodeTask(request: TaskRequest): baton.v1.TaskRequest.$Properties {
  return {
    requestId: request.requestId,
    delivery: request.delivery,
    flowId: request.flowId,
    atom: request.atom,
    action: actionToWire[request.action],
    fence: encodeFence(request.fence),
    workerEpoch: request.workerEpoch,
    replyPartition: request.replyPartition,
    task: request.task,
    taskVersion: request.taskVersion,
    attempt: request.attempt,
    round: request.round,
    args: mapped(request.args, encodeValue),
    result: request.result === undefined ? null : encodeOutcome(request.result),
    flowFailures: mapped(request.flowFailures ?? {}, encodeFailure),
    timeoutMs: request.timeoutMs ?? null,
    forget: [...request.forget],
    link: request.link ?? null,
  };
}

function decodeTask(
  request: baton.v1.TaskRequest.$Properties,
  envelope: V1Envelope,
  header: WireHeader,
): TaskRequest {
  const requestId = required(request.requestId, 'request id');
  const action = actionFromWire.get(request.action ?? 0);
  if (action === undefined) throw malformed(`request ${requestId} has no known action`);
  const failures = request.flowFailures ?? {};
  bounded(Object.keys(failures), 'flow failures');
  bounded(Object.keys(request.args ?? {}), 'arguments');
  return {
    kind: 'request',
    requestId,
    delivery: request.delivery ?? 0,
    flowId: required(request.flowId, 'flow id'),
    atom: required(request.atom, 'atom'),
    action,
    fence: decodeFence(request.fence, `request ${requestId}`),
    workerEpoch: required(request.workerEpoch, 'worker epoch'),
    replyPartition: request.replyPartition ?? 0,
    task: required(request.task, 'task'),
    taskVersion: required(request.taskVersion, 'task version'),
    attempt: request.attempt ?? 0,
    round: request.round ?? 0,
    args: mapped(request.args ?? {}, (value, name) => decodeValue(value, `argument ${name}`)),
    forget: bounded(request.forget, 'forget'),
    sentAtMs: header.sentAtMs,
    ...(request.result && { result: decodeOutcome(request.result, 'result') }),
    ...(Object.keys(failures).length > 0 && { flowFailures: mapped(failures, decodeFailure) }),
    ...(typeof request.timeoutMs === 'number' && { timeoutMs: request.timeoutMs }),
    ...(request.link && { link: decodeLink(request.link) }),
    ...(typeof envelope.traceparent === 'string' && { traceparent: envelope.traceparent }),
  };
}

function decodeLink({ token, url }: baton.v1.DelegateLink.$Properties): DelegateLink {
  return { token: required(token, 'token of a delegate'), url: required(url, 'url of a delegate') };
}

function encodeAttach(attach: Attach): baton.v1.Attach.$Properties {
  if (attach.requests.length > wireLimits.attachRequestsMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `attach asks for ${attach.requests.length} requests, at most ${wireLimits.attachRequestsMax} a message`,
    );
  return {
    workerEpoch: attach.workerEpoch,
    replyPartition: attach.replyPartition,
    requests: attach.requests.map((asked) => ({ ...asked, fence: encodeFence(asked.fence) })),
  };
}

function decodeAttach(attach: baton.v1.Attach.$Properties): Attach {
  return {
    kind: 'attach',
    workerEpoch: required(attach.workerEpoch, 'worker epoch'),
    replyPartition: attach.replyPartition ?? 0,
    requests: bounded(attach.requests, 'attach').map((asked) => ({
      requestId: required(asked.requestId, 'request id'),
      delivery: asked.delivery ?? 0,
      flowId: required(asked.flowId, 'flow id'),
      fence: decodeFence(asked.fence, 'attach'),
    })),
  };
}

function decodeForget(forget: baton.v1.Forget.$Properties): Forget {
  return {
    kind: 'forget',
    workerEpoch: required(forget.workerEpoch, 'worker epoch'),
    requestIds: bounded(forget.requestIds, 'forget'),
  };
}

function decodeControl(control: baton.v1.Control.$Properties): Control {
  const command = commandFromWire.get(control.command ?? 0);
  if (command === undefined)
    throw new InputError(
      'BATON_INPUT_UNSUPPORTED',
      `control command ${control.command ?? 0} is not known to this version`,
    );
  return {
    kind: 'control',
    workerEpoch: required(control.workerEpoch, 'worker epoch'),
    requestId: required(control.requestId, 'request id'),
    flowId: required(control.flowId, 'flow id'),
    fence: decodeFence(control.fence, 'control'),
    command,
    reason: control.reason ?? '',
  };
}

/** `Object.fromEntries` makes own keys, so that a key such as `__proto__` stays data. */
function mapped<A, B>(
  record: Readonly<Record<string, A>>,
  convert: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value, key)]));
}
