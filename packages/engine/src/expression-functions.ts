/**
 * CEL's operators and functions, as far as expressions may use them: no time of day and no time zone, which depend on the host; no
 * bytes, which JSON has not. An operation that is not defined for its operands gives `undefined`, one that fails a message.
 */
import { celEnv } from '@bufbuild/cel';
import { fault } from './expression-error.js';
import { pay } from './expression-meter.js';
import { expressionLimits } from './expression-syntax.js';
import {
  codePoints,
  type Datum,
  entryOf,
  equal,
  isList,
  isMap,
  keysOf,
  kindOf,
  numberOf,
  TypeName,
  Uint,
} from './expression-values.js';

/** Why an operation has no result. */
export class Problem {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export type Result = Datum | Problem | undefined;

export interface Operation {
  /** How it is written, for messages. */
  readonly written: string;
  /** Operands, that before the dot included. */
  readonly arity: number;
  /** `x.f()`, `f(x)`, or both. */
  readonly call: 'method' | 'function' | 'both';
  readonly apply: (first: Datum, second: Datum) => Result;
}

const intMin = -(2n ** 63n);
const intMax = 2n ** 63n - 1n;
const uintMax = 2n ** 64n - 1n;

export function intOf(value: bigint): bigint | Problem {
  return value >= intMin && value <= intMax ? value : new Problem('int overflow');
}

export function uintOf(value: bigint): Uint | Problem {
  return value >= 0n && value <= uintMax ? new Uint(value) : new Problem('uint overflow');
}

interface Arithmetic {
  readonly doubles: (left: number, right: number) => number;
  readonly integers: (left: bigint, right: bigint) => bigint;
  /** Of zero as the right operand. */
  readonly zero?: string;
}

/** Numbers of JSON are doubles, those in an expression mostly integers: `history.a.n + 1` is to work. */
function arithmetic(left: Datum, right: Datum, { doubles, integers, zero }: Arithmetic): Result {
  if (typeof left === 'number') {
    if (typeof right === 'number') return doubles(left, right);
    return typeof right === 'bigint' ? doubles(left, Number(right)) : undefined;
  }
  if (typeof left === 'bigint') {
    if (typeof right === 'number') return doubles(Number(left), right);
    if (typeof right !== 'bigint') return undefined;
    return zero !== undefined && right === 0n
      ? new Problem(`int ${zero} by zero`)
      : intOf(integers(left, right));
  }
  if (!(left instanceof Uint) || !(right instanceof Uint)) return undefined;
  if (zero !== undefined && right.value === 0n) return new Problem(`uint ${zero} by zero`);
  return uintOf(integers(left.value, right.value));
}

const sum: Arithmetic = { doubles: (a, b) => a + b, integers: (a, b) => a + b };
const arithmetics: Readonly<Record<string, Arithmetic>> = {
  '-': { doubles: (a, b) => a - b, integers: (a, b) => a - b },
  '*': { doubles: (a, b) => a * b, integers: (a, b) => a * b },
  '/': { doubles: (a, b) => a / b, integers: (a, b) => a / b, zero: 'divide' },
  '%': { doubles: (a, b) => a % b, integers: (a, b) => a % b, zero: 'modulus' },
};

export function add(left: Datum, right: Datum): Result {
  if (typeof left === 'string' && typeof right === 'string') {
    pay((left.length + right.length) / 16);
    return left + right;
  }
  if (isList(left) && isList(right)) {
    pay((left.length + right.length) / 4);
    return left.concat(right);
  }
  return arithmetic(left, right, sum);
}

type Comparable = number | bigint | string | boolean;

function compared(compare: (left: Comparable, right: Comparable) => boolean): Operation['apply'] {
  return (left, right) => {
    const [a, b] = [numberOf(left), numberOf(right)];
    if (a !== undefined && b !== undefined)
      return typeof a === typeof b ? compare(a, b) : compare(Number(a), Number(b));
    if (typeof left === 'string' && typeof right === 'string') {
      pay(Math.min(left.length, right.length) / 16);
      return compare(left, right);
    }
    return typeof left === 'boolean' && typeof right === 'boolean' ? compare(left, right) : undefined;
  };
}

function isIn(value: Datum, owner: Datum): Result {
  if (isList(owner)) return owner.some((element) => equal(element, value));
  if (!isMap(owner) || value === null || typeof value === 'object') return undefined;
  return typeof value === 'string' && entryOf(owner, value) !== undefined;
}

function sizeOf(value: Datum): Result {
  if (typeof value === 'string') return BigInt(codePoints(value));
  if (isList(value)) return BigInt(value.length);
  return isMap(value) ? BigInt(keysOf(value).length) : undefined;
}

function ofTexts(
  cost: (text: string, part: string) => number,
  apply: (text: string, part: string) => Result,
) {
  return (text: Datum, part: Datum): Result => {
    if (typeof text !== 'string' || typeof part !== 'string') return undefined;
    pay(cost(text, part));
    return apply(text, part);
  };
}

/** Numbers are read from short texts only: reading takes the square of the length. */
function numeral(text: string): string {
  pay(4);
  return text.length > 64 ? fault('reads a number from more than 64 characters') : text;
}

function integerFrom(value: Datum): bigint | Problem | undefined {
  if (typeof value === 'string') {
    const text = numeral(value);
    // what BigInt takes, found out without its exception
    return /^\s*([+-]?\d+|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)?\s*$/.test(text)
      ? BigInt(text)
      : new Problem('the text is no integer');
  }
  if (typeof value !== 'number') return typeof value === 'bigint' ? value : undefined;
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : new Problem('the number is not finite');
}

function asInt(value: Datum): Result {
  // the largest doubles below 2^63 are taken, those at it are not
  if (typeof value === 'number' && Math.abs(value) >= 2 ** 63) return new Problem('int overflow');
  const integer = value instanceof Uint ? value.value : integerFrom(value);
  return typeof integer === 'bigint' ? intOf(integer) : integer;
}

function asUint(value: Datum): Result {
  if (value instanceof Uint) return value;
  if (typeof value === 'number' && value < 0) return new Problem('uint overflow');
  const integer = integerFrom(value);
  return typeof integer === 'bigint' ? uintOf(integer) : integer;
}

function asDouble(value: Datum): Result {
  if (typeof value === 'string') return Number(numeral(value));
  const number = numberOf(value);
  return number === undefined ? undefined : Number(number);
}

const yes = 'true True TRUE t 1'.split(' ');
const no = 'false False FALSE f 0'.split(' ');

function asBool(value: Datum): Result {
  if (typeof value !== 'string') return typeof value === 'boolean' ? value : undefined;
  // compared, not looked up: a long text would be hashed each time
  if (yes.includes(value)) return true;
  return no.includes(value) ? false : new Problem('the text is neither true nor false');
}

function asString(value: Datum): Result {
  if (typeof value === 'string') return value;
  pay(2);
  const plain = typeof value === 'boolean' ? value : numberOf(value);
  return plain?.toString();
}

function negative(value: Datum): Result {
  if (typeof value === 'bigint') return intOf(-value);
  return typeof value === 'number' ? -value : undefined;
}

/** Compiling a pattern and running its automaton, in linear time; counted repeats are written out by the regex engine. */
function patternCost(text: string, pattern: string): number {
  const { patternMax } = expressionLimits;
  if (pattern.length > patternMax) fault(`matches a pattern longer than ${patternMax} characters`);
  // their tables are built at first use, which takes longer than a whole evaluation may
  if (/\\[pP]/.test(pattern)) fault('matches a class of Unicode characters, which is not available');
  let repeats = 1;
  for (const [, from, to] of pattern.matchAll(/\{(\d*),?(\d*)/g))
    repeats *= Math.max(2, Number(from), Number(to));
  const classes = pattern.match(/\(\?|\[/g)?.length ?? 0;
  const states = (pattern.length + 4) * Math.min(repeats, 1_000);
  return 200 + classes * 1_000 + states * (8 + text.length / 2);
}

let regularExpressions: ReturnType<ReturnType<typeof celEnv>['funcs']['find']>;

/** RE2's syntax and linear time, from the library. */
function matches(text: string, pattern: string): Result {
  regularExpressions ??= celEnv().funcs.find('matches');
  const matched = regularExpressions?.call(0, text, [pattern]);
  return typeof matched === 'boolean' ? matched : new Problem('the text is no regular expression');
}

function operator(written: string, apply: Operation['apply'], arity = 2): Operation {
  return { written, arity, call: 'function', apply };
}

function method(name: string, apply: Operation['apply']): [string, Operation] {
  return [name, { written: name, arity: 2, call: 'method', apply }];
}

function conversion(name: string, apply: Operation['apply']): [string, Operation] {
  return [name, { written: name, arity: 1, call: 'function', apply }];
}

/** By sign or name. `&&`, `||`, `?:` and indexes do not take values only, and are elsewhere. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['+', operator('+', add)],
  ...Object.entries(arithmetics).map(
    ([sign, how]) => [sign, operator(sign, (a, b) => arithmetic(a, b, how))] as const,
  ),
  ['negation', operator('-', negative, 1)],
  ['!', operator('!', (value) => (typeof value === 'boolean' ? !value : undefined), 1)],
  ['==', operator('==', (left, right) => equal(left, right))],
  ['!=', operator('!=', (left, right) => !equal(left, right))],
  [
    '<',
    operator(
      '<',
      compared((left, right) => left < right),
    ),
  ],
  [
    '<=',
    operator(
      '<=',
      compared((left, right) => left <= right),
    ),
  ],
  [
    '>',
    operator(
      '>',
      compared((left, right) => left > right),
    ),
  ],
  [
    '>=',
    operator(
      '>=',
      compared((left, right) => left >= right),
    ),
  ],
  ['in', operator('in', isIn)],
  ['size', { written: 'size', arity: 1, call: 'both', apply: sizeOf }],
  // the worst case of a search is the product
  method(
    'contains',
    ofTexts(
      (text, part) => (text.length * (part.length + 1)) / 128,
      (a, b) => a.includes(b),
    ),
  ),
  method(
    'startsWith',
    ofTexts(
      (_text, part) => part.length / 32,
      (a, b) => a.startsWith(b),
    ),
  ),
  method(
    'endsWith',
    ofTexts(
      (_text, part) => part.length / 32,
      (a, b) => a.endsWith(b),
    ),
  ),
  method('matches', ofTexts(patternCost, matches)),
  conversion('int', asInt),
  conversion('uint', asUint),
  conversion('double', asDouble),
  conversion('bool', asBool),
  conversion('string', asString),
  conversion('type', (value) => new TypeName(kindOf(value))),
  conversion('dyn', (value) => value),
]);
