/**
 * What an expression computes with: JSON data as they are, never copied, and what CEL adds to them. Whatever takes longer the larger
 * the data are is paid for by their size.
 */
import type { JsonValue } from '@baton/core';
import { fault } from './expression-error.js';
import { pay } from './expression-meter.js';
import { expressionLimits } from './expression-syntax.js';

/** Numbers of JSON are doubles; an int is a bigint. */
export type Datum = null | boolean | number | bigint | string | Uint | TypeName | readonly Datum[] | DatumMap;
export interface DatumMap {
  readonly [key: string]: Datum;
}

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** The same value as JSON has it. @throws ExpressionError for a type, which JSON has not, and for what is nested without end */
export function jsonOfDatum(value: Datum, depth = 0): JsonValue {
  pay(1);
  if (depth > expressionLimits.dataDepthMax)
    return fault(`gives data nested deeper than ${expressionLimits.dataDepthMax}`);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof TypeName) return fault(`gives the type ${value.name}, which is no data`);
  if (isList(value)) return value.map((part) => jsonOfDatum(part, depth + 1));
  return Object.fromEntries(
    keysOf(value as DatumMap).map((key) => [key, jsonOfDatum((value as DatumMap)[key] ?? null, depth + 1)]),
  );
}

/** What `type(x)` gives. */
export class TypeName {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** No answer: a value, because `||` and `&&` may do without it. The message is made when somebody wants to read it. */
export class Failed {
  /** Where in the source. */
  readonly at: number;
  readonly message: () => string;

  constructor(at: number, message: () => string) {
    this.at = at;
    this.message = message;
  }
}

export function kindOf(value: Datum): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
      return 'double';
    case 'bigint':
      return 'int';
    case 'string':
      return 'string';
    default:
      if (value === null) return 'null_type';
      if (isList(value)) return 'list';
      if (value instanceof Uint) return 'uint';
      return value instanceof TypeName ? 'type' : 'map';
  }
}

export function isList(value: Datum): value is readonly Datum[] {
  return Array.isArray(value);
}

export function isMap(value: Datum): value is DatumMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint) &&
    !(value instanceof TypeName)
  );
}

/** Own keys only; `undefined`: there is no such entry. */
export function entryOf(map: DatumMap, key: string): Datum | undefined {
  // a text that was put together is hashed before it is looked for
  if (key.length > 64) pay(key.length / 16);
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Listing the keys of a map with a hundred thousand takes 20 ms: it happens once, and ends the evaluation. */
export function keysOf(map: DatumMap): readonly string[] {
  const keys = Object.keys(map);
  const { listMax } = expressionLimits;
  if (keys.length > listMax) fault(`reads a map of more than ${listMax} entries`);
  pay(keys.length);
  return keys;
}

/** CEL's `size` of a text: code points. */
export function codePoints(text: string): number {
  pay(text.length / 16);
  let count = text.length;
  for (let index = 1; index < text.length; index++)
    if (isSurrogate(text, index, 0xdc00) && isSurrogate(text, index - 1, 0xd800)) count--;
  return count;
}

function isSurrogate(text: string, index: number, from: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === from;
}

/** Deep equality; numbers of different kinds by what they stand for (CEL). Walks two values only as far as they agree. */
export function equal(left: Datum, right: Datum, depth = 0): boolean {
  pay(1);
  if (left === right) return true;
  const [a, b] = [numberOf(left), numberOf(right)];
  // exact for a bigint and a number too, which `Number(a) === b` is not
  if (a !== undefined && b !== undefined) return a <= b && a >= b;
  if (typeof left === 'string' && typeof right === 'string') return equalTexts(left, right);
  if (depth > expressionLimits.dataDepthMax)
    fault(`compares data nested deeper than ${expressionLimits.dataDepthMax}`);
  if (isList(left) && isList(right))
    return (
      left.length === right.length && left.every((part, at) => equal(part, right[at] ?? null, depth + 1))
    );
  if (left instanceof TypeName || right instanceof TypeName)
    return left instanceof TypeName && right instanceof TypeName && left.name === right.name;
  return isMap(left) && isMap(right) && equalMaps(left, right, depth + 1);
}

function equalTexts(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  pay(left.length / 64);
  return left === right;
}

function equalMaps(left: DatumMap, right: DatumMap, depth: number): boolean {
  const keys = keysOf(left);
  if (keys.length !== keysOf(right).length) return false;
  return keys.every((key) => {
    const other = entryOf(right, key);
    return other !== undefined && equal(left[key] ?? null, other, depth);
  });
}

/** A number of any of CEL's three kinds. */
export function numberOf(value: Datum): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return value instanceof Uint ? value.value : undefined;
}

/** A text for a message, however long the value is. */
export function shown(value: Datum): string {
  if (typeof value === 'string') return value.length > 60 ? `${value.slice(0, 60)}…` : value;
  const number = numberOf(value);
  return number === undefined && typeof value !== 'boolean' ? `a ${kindOf(value)}` : String(number ?? value);
}
