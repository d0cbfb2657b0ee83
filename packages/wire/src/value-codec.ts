import { InputError, type Failure, type Fence, type InlineValue } from '@baton/core';
import protobuf from 'protobufjs/minimal.js';
import type { baton } from '../gen/messages.js';
import { decodeFailure, encodeFailure } from './failure-codec.js';
import { parseJson, stringifyJson } from './json-text.js';
import { malformed } from './malformed.js';

type V1Value = baton.v1.Value.$Properties;
type V1Fence = baton.v1.Fence.$Properties;
type V1Outcome = baton.v1.Outcome.$Properties;

/** What a task came to. */
export type Outcome = { readonly value: InlineValue } | { readonly failure: Failure };

const JSON_TYPE = 'application/json';
const BYTES_TYPE = 'application/octet-stream';

export function encodeValue(value: InlineValue): V1Value {
  if ('bytes' in value) return { contentType: BYTES_TYPE, body: Buffer.from(value.bytes, 'base64') };
  return { contentType: JSON_TYPE, body: Buffer.from(stringifyJson(value.data), 'utf8') };
}

/** @throws InputError `BATON_INPUT_MALFORMED`, or `BATON_INPUT_UNSUPPORTED` for another content type. */
export function decodeValue(value: V1Value, where: string): InlineValue {
  const body = value.body ?? new Uint8Array();
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (value.contentType === JSON_TYPE) return { data: parseJson(buffer.toString('utf8'), where) };
  if (value.contentType === BYTES_TYPE) return { bytes: buffer.toString('base64') };
  throw new InputError(
    'BATON_INPUT_UNSUPPORTED',
    `${where} has the content type ${JSON.stringify(value.contentType)}, known are ${JSON_TYPE} and ${BYTES_TYPE}`,
  );
}

/** A fixed64 travels through protobufjs as a pair of 32-bit halves; as a number it would lose the low bits. */
export function encodeFence(fence: Fence): V1Fence {
  const low = Number(BigInt.asIntN(32, fence.zxid));
  const high = Number(BigInt.asIntN(32, fence.zxid >> 32n));
  return { generation: fence.generation, zxid: new protobuf.util.Long(low, high, true) };
}

export function decodeFence(fence: V1Fence | null | undefined, where: string): Fence {
  if (fence === null || fence === undefined) throw malformed(`${where} has no fence`);
  const zxid = fence.zxid ?? 0;
  return {
    generation: fence.generation ?? 0,
    zxid: typeof zxid === 'number' ? BigInt(zxid) : wide(zxid.high, zxid.low),
  };
}

function wide(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

export function encodeOutcome(outcome: Outcome): V1Outcome {
  return 'failure' in outcome
    ? { failure: encodeFailure(outcome.failure) }
    : { value: encodeValue(outcome.value) };
}

export function decodeOutcome(outcome: V1Outcome | null | undefined, where: string): Outcome {
  if (outcome?.value) return { value: decodeValue(outcome.value, where) };
  if (outcome?.failure) return { failure: decodeFailure(outcome.failure) };
  throw malformed(`${where} has neither value nor failure`);
}
