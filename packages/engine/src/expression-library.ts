/**
 * Functions beside CEL's own (C-804), of data alone. What they cost is paid by the size of what they work on; one that is not defined for
 * its operands gives `undefined`, one that fails a message.
 */
import { parseYamlData } from '@baton/flow';
import { fault } from './expression-error.js';
import { add, Problem, type Result } from './expression-functions.js';
import { pay } from './expression-meter.js';
import { expressionLimits } from './expression-syntax.js';
import {
  codePoints,
  type Datum,
  type DatumMap,
  entryOf,
  equal,
  isList,
  isMap,
  jsonOfDatum,
  keysOf,
  numberOf,
  shown,
} from './expression-values.js';

export interface LibraryFunction {
  /** How many operands it takes. */
  readonly min: number;
  readonly max: number;
  readonly apply: (...operands: readonly Datum[]) => Result;
}

const unbounded = Number.POSITIVE_INFINITY;

/** Copies; nothing is longer than what may be gone through. */
function listOf(parts: readonly (readonly Datum[])[]): Datum[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > expressionLimits.listMax) fault(`makes a list longer than ${expressionLimits.listMax}`);
  pay(length / 4);
  return parts.flat() as Datum[];
}

/** A path: `a.b.0`, or a list of keys and indexes. Null-safe: what is not there is the default, or null. */
function get(from: Datum, path: Datum, otherwise: Datum = null): Result {
  const keys = typeof path === 'string' ? path.split('.') : isList(path) ? path : [path];
  let found: Datum | undefined = from;
  for (const key of keys) {
    pay(1);
    if (found === undefined || found === null) return otherwise;
    const number = numberOf(key) ?? (typeof key === 'string' && /^\d+$/.test(key) ? key : undefined);
    if (isList(found)) found = number === undefined ? undefined : found[Number(number)];
    else if (isMap(found)) found = entryOf(found, typeof key === 'string' ? key : shown(key));
    else return otherwise;
  }
  return found ?? otherwise;
}

function range(count: Datum): Result {
  const length = Number(numberOf(count) ?? NaN);
  if (!Number.isInteger(length) || length < 0) return undefined;
  if (length > expressionLimits.listMax) fault(`makes a list longer than ${expressionLimits.listMax}`);
  pay(length);
  return Array.from({ length }, (_, index) => BigInt(index));
}

function concat(...lists: readonly Datum[]): Result {
  return lists.every(isList) ? listOf(lists) : undefined;
}

function flatten(list: Datum): Result {
  return isList(list) ? listOf(list.map((part) => (isList(part) ? part : [part]))) : undefined;
}

function distinct(list: Datum): Result {
  if (!isList(list)) return undefined;
  const kept: Datum[] = [];
  const plain = new Set<Datum>();
  for (const element of list) {
    pay(1);
    if (typeof element === 'string' || typeof element === 'boolean') {
      if (plain.has(element)) continue;
      plain.add(element);
    } else if (kept.some((other) => typeof other !== 'string' && equal(other, element))) continue;
    kept.push(element);
  }
  return kept;
}

function keys(map: Datum): Result {
  return isMap(map) ? [...keysOf(map)] : undefined;
}

function values(map: Datum): Result {
  return isMap(map) ? keysOf(map).map((key) => map[key] ?? null) : undefined;
}

function merge(...maps: readonly Datum[]): Result {
  if (!maps.every(isMap)) return undefined;
  return mapOf(maps.flatMap((map) => keysOf(map).map((key) => [key, map[key] ?? null] as const)));
}

/** Own keys only, whatever they are called. */
function mapOf(entries: readonly (readonly [string, Datum])[]): DatumMap {
  pay(entries.length);
  return Object.fromEntries(entries);
}

function sum(list: Datum): Result {
  if (!isList(list)) return undefined;
  let total: Datum = 0n;
  for (const element of list) {
    pay(1);
    const next: Result = numberOf(element) === undefined ? undefined : add(total, element);
    if (next === undefined || next instanceof Problem) return next;
    total = next;
  }
  return total;
}

function len(value: Datum): Result {
  if (typeof value === 'string') return BigInt(codePoints(value));
  if (isList(value)) return BigInt(value.length);
  return isMap(value) ? BigInt(keysOf(value).length) : undefined;
}

/** As it is put into a text (C-802). */
export function textOf(value: Datum): string {
  if (typeof value === 'string') return value;
  const text = JSON.stringify(jsonOfDatum(value));
  pay(text.length / 16);
  return text;
}

function join(list: Datum, between: Datum = ''): Result {
  if (!isList(list) || typeof between !== 'string') return undefined;
  pay(list.length);
  const text = list.map(textOf).join(between);
  pay(text.length / 16);
  return text;
}

function split(text: Datum, between: Datum): Result {
  if (typeof text !== 'string' || typeof between !== 'string') return undefined;
  pay(text.length / 8);
  return listOf([text.split(between)]);
}

/** `format("%s of %s", [1, 2])`: `%s` is the next value, `%%` a percent sign. */
function format(pattern: Datum, given: Datum): Result {
  if (typeof pattern !== 'string' || !isList(given)) return undefined;
  pay(pattern.length / 8);
  let next = 0;
  const text = pattern.replace(/%[s%]/g, (sign) => (sign === '%%' ? '%' : textOf(given[next++] ?? null)));
  pay(text.length / 16);
  return next > given.length ? new Problem(`the format wants ${next} values`) : text;
}

function contains(owner: Datum, part: Datum): Result {
  if (isList(owner)) return owner.some((element) => equal(element, part));
  if (typeof part !== 'string') return undefined;
  if (isMap(owner)) return entryOf(owner, part) !== undefined;
  if (typeof owner !== 'string') return undefined;
  pay((owner.length * (part.length + 1)) / 128);
  return owner.includes(part);
}

function first(list: Datum): Result {
  return isList(list) ? (list[0] ?? null) : undefined;
}

function last(list: Datum): Result {
  return isList(list) ? (list.at(-1) ?? null) : undefined;
}

/** From pairs `[key, value]`. */
function toMap(list: Datum): Result {
  if (!isList(list)) return undefined;
  const entries: [string, Datum][] = [];
  for (const pair of list) {
    const [key, value = null] = isList(pair) ? pair : [];
    if (key === undefined || !isList(pair) || pair.length !== 2) return new Problem('not a list of pairs');
    entries.push([textOf(key), value]);
  }
  return mapOf(entries);
}

function parseJson(text: Datum): Result {
  if (typeof text !== 'string') return undefined;
  pay(text.length / 4);
  try {
    return JSON.parse(text) as Datum;
  } catch {
    return new Problem('the text is no JSON');
  }
}

/** Reading YAML costs far more than its length, and a turn has no time to spare: 25,000 characters are all that fuel pays for. */
function parseYaml(text: Datum): Result {
  if (typeof text !== 'string') return undefined;
  pay(text.length * 4);
  const parsed = parseYamlData(text);
  return 'problem' in parsed
    ? new Problem(`the text is no YAML: ${parsed.problem}`)
    : (parsed.value as Datum);
}

function dumpJson(value: Datum): Result {
  const text = JSON.stringify(jsonOfDatum(value));
  pay(text.length / 8);
  return text;
}

export const library: ReadonlyMap<string, LibraryFunction> = new Map<string, LibraryFunction>([
  ['get', { min: 2, max: 3, apply: get }],
  ['range', { min: 1, max: 1, apply: range }],
  ['concat', { min: 1, max: unbounded, apply: concat }],
  ['flatten', { min: 1, max: 1, apply: flatten }],
  ['distinct', { min: 1, max: 1, apply: distinct }],
  ['keys', { min: 1, max: 1, apply: keys }],
  ['values', { min: 1, max: 1, apply: values }],
  ['merge', { min: 1, max: unbounded, apply: merge }],
  ['sum', { min: 1, max: 1, apply: sum }],
  ['len', { min: 1, max: 1, apply: len }],
  ['join', { min: 1, max: 2, apply: join }],
  ['split', { min: 2, max: 2, apply: split }],
  ['format', { min: 2, max: 2, apply: format }],
  ['contains', { min: 2, max: 2, apply: contains }],
  ['first', { min: 1, max: 1, apply: first }],
  ['last', { min: 1, max: 1, apply: last }],
  ['toMap', { min: 1, max: 1, apply: toMap }],
  ['json.parse', { min: 1, max: 1, apply: parseJson }],
  ['yaml.parse', { min: 1, max: 1, apply: parseYaml }],
  ['json.dump', { min: 1, max: 1, apply: dumpJson }],
]);
