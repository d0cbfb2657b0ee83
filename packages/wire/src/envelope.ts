/**
 * The frame of every message: limits, protocol version, and which kind it is. The codecs of requests and replies fill it.
 */
import { InputError } from '@baton/core';
import protobuf from 'protobufjs/minimal.js';
import { baton } from '../gen/messages.js';
import { wireLimits } from './limits.js';
import { malformed, required } from './malformed.js';

/** Version of the protocol that this code speaks. */
export const PROTOCOL_VERSION = 1;

/** Who sent a message, in which cluster, and when. */
export interface WireHeader {
  readonly clusterId: string;
  /** Member id of the sender. */
  readonly sender: string;
  /** Wall time, ms since 1970; for display. */
  readonly sentAtMs: number;
}

export type V1Envelope = baton.v1.Envelope.$Properties;

/** @throws InputError `BATON_INPUT_TOO_LARGE`. */
export function encodeEnvelope(body: V1Envelope, header: WireHeader, what: string): Uint8Array {
  const bytes = baton.v1.Envelope.encode({
    ...header,
    protocolVersion: PROTOCOL_VERSION,
    ...body,
  }).finish();
  if (bytes.length > wireLimits.messageBytesMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `${what} has ${bytes.length} bytes, more than the ${wireLimits.messageBytesMax} a message may have`,
      { details: { sizeBytes: bytes.length, limitBytes: wireLimits.messageBytesMax } },
    );
  return bytes;
}

/** @throws InputError `BATON_INPUT_TOO_LARGE`, `BATON_INPUT_MALFORMED`, `BATON_INPUT_UNSUPPORTED`; never anything else. */
export function decodeEnvelope(bytes: Uint8Array): {
  readonly header: WireHeader;
  readonly body: V1Envelope;
} {
  if (bytes.length > wireLimits.messageBytesMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `a message of ${bytes.length} bytes was received, more than ${wireLimits.messageBytesMax}`,
    );
  const body = parse(bytes);
  const version = body.protocolVersion ?? 0;
  if (version === 0) throw malformed('no protocol version');
  if (version > PROTOCOL_VERSION)
    throw new InputError(
      'BATON_INPUT_UNSUPPORTED',
      `a message of protocol version ${version} was received, known is ${PROTOCOL_VERSION}`,
    );
  return {
    header: {
      clusterId: required(body.clusterId, 'cluster id'),
      sender: required(body.sender, 'sender'),
      sentAtMs: body.sentAtMs ?? 0,
    },
    body,
  };
}

/** For a kind that this reader does not know, or that does not belong on its topic. */
export function unsupportedKind(body: V1Envelope, known: string): InputError {
  const found =
    Object.keys(baton.v1.Envelope.prototype).find((key) => isKind(body, key)) ?? 'an unknown kind';
  return new InputError('BATON_INPUT_UNSUPPORTED', `${found} was received where ${known} was expected`);
}

/** Lists longer than the limit are refused: no honest sender makes them. */
export function bounded<T>(list: readonly T[] | null | undefined, what: string): readonly T[] {
  if (list && list.length > wireLimits.listItemsMax) throw malformed(`${what} has ${list.length} elements`);
  return list ?? [];
}

function parse(bytes: Uint8Array): V1Envelope {
  const reader = protobuf.Reader.create(bytes);
  // fields of a newer sender are kept, not dropped (P-957); set per reader, since the static switch is everybody's
  reader.discardUnknown = false;
  try {
    return baton.v1.Envelope.decode(reader);
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function isKind(body: V1Envelope, key: string): boolean {
  const value = (body as Record<string, unknown>)[key];
  return typeof value === 'object' && value !== null;
}
