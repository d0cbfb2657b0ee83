/**
 * What user code takes and gives, and how it travels. Strict on the way out: what JSON would change silently (dates, maps,
 * class instances, NaN, what nests too deep for those who pass it on) is refused with the path of the culprit, so that the next task gets what this one returned.
 */
import type { InlineValue, JsonValue } from '@baton/core';
import { shortPath } from './schema-check.js';

const DEPTH_MAX = 200;

export type EncodedValue =
  | { readonly value: InlineValue; readonly sizeBytes: number }
  /** Why it cannot be stored, naming the place: `result.when is a Date`. */
  | { readonly problem: string };

/** Total: also for cyclic objects, throwing getters and proxies. `undefined` becomes null. */
export function encodeUserValue(value: unknown, name = 'result'): EncodedValue {
  try {
    if (isBytes(value)) {
      const view = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return { value: { bytes: view.toString('base64') }, sizeBytes: value.byteLength };
    }
    const data = copyOf(value ?? null, name, []);
    return { value: { data }, sizeBytes: Buffer.byteLength(JSON.stringify(data)) };
  } catch (error) {
    if (error instanceof NotData) return { problem: error.message };
    return { problem: `${name} cannot be read: ${error instanceof Error ? error.message : 'it throws'}` };
  }
}

/** Bytes come as a `Uint8Array` of its own. */
export function decodeUserValue(value: InlineValue): JsonValue | Uint8Array {
  return 'data' in value ? value.data : Uint8Array.from(Buffer.from(value.bytes, 'base64'));
}

class NotData extends Error {}

/** Of any realm; `Buffer` included, other typed arrays not. */
function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** A copy, so that what the task goes on changing is not what is sent. */
function copyOf(value: unknown, path: string, above: readonly object[]): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value === 0 ? 0 : value; // JSON has no -0
    throw new NotData(`${path} is ${value}`);
  }
  if (typeof value !== 'object') throw new NotData(`${path} is ${describe(value)}`);
  if (above.includes(value)) throw new NotData(`${path} is cyclic`);
  if (above.length >= DEPTH_MAX)
    throw new NotData(`${shortPath(path)} is nested more than ${DEPTH_MAX} deep`);
  const inside = [...above, value];
  if (Array.isArray(value))
    return Array.from(value, (item: unknown, index) => copyOf(item ?? null, `${path}[${index}]`, inside));
  if (!isPlain(value)) throw new NotData(`${path} is ${describe(value)}`);
  const entries: [string, JsonValue][] = [];
  for (const [key, item] of Object.entries(value))
    if (item !== undefined) entries.push([key, copyOf(item, `${path}.${key}`, inside)]);
  // fromEntries defines own properties: a key named __proto__ stays data
  return Object.fromEntries(entries);
}

/** Made by `{}`, of any realm, or without a prototype; and not one that JSON would ask for another form of itself. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const root = prototype === null || Object.getPrototypeOf(prototype) === null;
  return root && typeof (value as { toJSON?: unknown }).toJSON !== 'function';
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  const name = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `a ${name}` : 'not plain data';
}
