/** Values of user code as a cluster would store them: JSON data, copied. */
import { InputError, type JsonValue, type Value } from '@baton/core';
import { extract, partOf } from '../arguments.js';
import type { Argument, Outcome } from '../protocol.js';

/** `undefined` for nothing. */
export function storable(result: unknown): Value | undefined {
  const text = JSON.stringify(result) as string | undefined;
  return text === undefined ? undefined : { data: JSON.parse(text) as JsonValue };
}

/** Symbols given with a flow; nothing is stored as `null`. */
export function storableSymbols(store: object): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    Object.entries(store).map(([symbol, data]) => [symbol, storable(data) ?? { data: null }]),
  );
}

export function jsonOf({ value, path }: Argument): JsonValue {
  if (!('data' in value)) throw new InputError('BATON_INPUT_INVALID', 'in process a value is JSON data');
  return path === undefined ? value.data : (partOf(value.data, path) ?? null);
}

/** What `revert` is given as the result of `execute`. */
export function resultOf(result: Outcome | undefined): unknown {
  if (result === undefined) return undefined;
  if ('failure' in result) return result.failure;
  const whole = extract(result.value, null);
  return result.value && whole ? jsonOf(whole) : undefined;
}
