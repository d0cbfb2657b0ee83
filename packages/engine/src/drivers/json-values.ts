/** Values of user code, as a cluster stores and sends them. */
import { InputError, type InlineValue, InvariantError, type JsonValue } from '@baton/core';
import { decodeUserValue, encodeUserValue } from '@baton/flow';
import { extract, partOf } from '../arguments.js';
import type { Argument, Outcome } from '../protocol.js';

/**
 * Symbols given with a flow; `undefined` is not given.
 * @throws InputError `BATON_INPUT_INVALID` with the place of what is no data: `store.when is a Date`.
 */
export function storableSymbols(store: object): Readonly<Record<string, InlineValue>> {
  if (typeof store !== 'object' || store === null || Array.isArray(store))
    throw new InputError('BATON_INPUT_INVALID', 'store must be an object that has a value for each symbol');
  const values: Record<string, InlineValue> = {};
  for (const [symbol, given] of Object.entries(store)) {
    if (given === undefined) continue;
    const encoded = encodeUserValue(given, `store.${symbol}`);
    if ('problem' in encoded)
      throw new InputError('BATON_INPUT_INVALID', `a flow takes JSON data or bytes: ${encoded.problem}`);
    values[symbol] = encoded.value;
  }
  return values;
}

export function inlineOf({ value, path }: Argument): InlineValue {
  if ('ref' in value) throw new InvariantError('BATON_INVARIANT_UNREACHABLE', 'nothing is by reference here');
  if (path === undefined || 'bytes' in value) return value;
  return { data: partOf(value.data, path) ?? null };
}

export function jsonOf(argument: Argument): JsonValue | Uint8Array {
  return decodeUserValue(inlineOf(argument));
}

/** What `revert` is given as the result of `execute`. */
export function resultOf(result: Outcome | undefined): unknown {
  if (result === undefined) return undefined;
  if ('failure' in result) return result.failure;
  const whole = extract(result.value, null);
  return result.value && whole ? jsonOf(whole) : undefined;
}
