import { assertNever, InputError, type Heartbeat, type Refused, type ReplyMessage } from '@baton/core';
import { baton } from '../gen/messages.js';
import {
  bounded,
  decodeEnvelope,
  encodeEnvelope,
  unsupportedKind,
  type V1Envelope,
  type WireHeader,
} from './envelope.js';
import { inverse } from './inverse.js';
import { required } from './malformed.js';
import { decodeOutcome, encodeOutcome } from './value-codec.js';

const { Reason } = baton.v1.Refused;
const reasonToWire: Record<Refused['reason'], baton.v1.Refused.Reason> = {
  draining: Reason.REASON_DRAINING,
  'no-such-task': Reason.REASON_NO_SUCH_TASK,
  overloaded: Reason.REASON_OVERLOADED,
  undecodable: Reason.REASON_UNDECODABLE,
};
const reasonFromWire = inverse(reasonToWire);

/**
 * Message of a worker to a conductor as bytes.
 * @throws InputError `BATON_INPUT_TOO_LARGE` above the limits, `BATON_INPUT_INVALID` for a value that is not JSON.
 */
export function encodeReply(message: ReplyMessage, header: WireHeader): Uint8Array {
  return encodeEnvelope(bodyOf(message), header, message.kind);
}

/** Inverse of `encodeReply`. @throws InputError `BATON_INPUT_TOO_LARGE`, `BATON_INPUT_MALFORMED`, `BATON_INPUT_UNSUPPORTED`. */
export function decodeReply(bytes: Uint8Array): {
  readonly header: WireHeader;
  readonly message: ReplyMessage;
} {
  const { header, body } = decodeEnvelope(bytes);
  return { header, message: messageOf(body) };
}

function bodyOf(message: ReplyMessage): V1Envelope {
  if (message.kind === 'heartbeat') return { heartbeat: { ...message, running: [...message.running] } };
  const { worker, workerEpoch, requestId, delivery } = message;
  const replyTo = { worker, workerEpoch, requestId, delivery };
  switch (message.kind) {
    case 'accepted':
      return { accepted: { replyTo } };
    case 'refused':
      return { refused: { replyTo, reason: reasonToWire[message.reason] } };
    case 'progress':
      return { progress: { replyTo, progress: message.progress, message: message.message ?? null } };
    case 'result':
      return { result: { replyTo, outcome: encodeOutcome(message.outcome) } };
    case 'unknown':
      return { unknown: { replyTo } };
    default:
      return assertNever(message);
  }
}

function messageOf(body: V1Envelope): ReplyMessage {
  if (body.result)
    return {
      kind: 'result',
      ...replyTo(body.result),
      outcome: decodeOutcome(body.result.outcome, 'result'),
    };
  if (body.accepted) return { kind: 'accepted', ...replyTo(body.accepted) };
  if (body.unknown) return { kind: 'unknown', ...replyTo(body.unknown) };
  if (body.heartbeat) return decodeHeartbeat(body.heartbeat);
  if (body.refused) return decodeRefused(body.refused);
  if (body.progress) {
    const { progress, message } = body.progress;
    return {
      kind: 'progress',
      ...replyTo(body.progress),
      progress: progress ?? 0,
      ...(typeof message === 'string' && { message }),
    };
  }
  throw unsupportedKind(body, 'accepted, refused, progress, result, unknown or heartbeat');
}

function decodeRefused(refused: baton.v1.Refused.$Properties): Refused {
  const reason = reasonFromWire.get(refused.reason ?? 0);
  if (reason === undefined)
    throw new InputError(
      'BATON_INPUT_UNSUPPORTED',
      `reason ${refused.reason ?? 0} of a refusal is not known to this version`,
    );
  return { kind: 'refused', ...replyTo(refused), reason };
}

function decodeHeartbeat(heartbeat: baton.v1.Heartbeat.$Properties): Heartbeat {
  return {
    kind: 'heartbeat',
    worker: required(heartbeat.worker, 'worker'),
    workerEpoch: required(heartbeat.workerEpoch, 'worker epoch'),
    running: bounded(heartbeat.running, 'running'),
    free: heartbeat.free ?? 0,
    draining: heartbeat.draining ?? false,
  };
}

function replyTo(reply: { readonly replyTo?: baton.v1.ReplyTo.$Properties | null }): {
  readonly worker: string;
  readonly workerEpoch: string;
  readonly requestId: string;
  readonly delivery: number;
} {
  return {
    worker: required(reply.replyTo?.worker, 'worker'),
    workerEpoch: required(reply.replyTo?.workerEpoch, 'worker epoch'),
    requestId: required(reply.replyTo?.requestId, 'request id'),
    delivery: reply.replyTo?.delivery ?? 0,
  };
}
