/**
 * CEL's functions with a meter: each call is paid for before it is made, by the size of what it works on, so that the cost of an
 * evaluation is a number that depends on expression and data alone. No clock: the same decision on every host (C-807).
 * A meter that runs out throws, which ends the evaluation at once; an error value could be swallowed by `||`.
 */
import {
  celEnv,
  type CelEnv,
  celFunc,
  type CelFunc,
  celList,
  type CelList,
  type CelMap,
  CelScalar,
  celType,
  type CelValue,
  isCelList,
  isCelMap,
  listType,
} from '@bufbuild/cel';
import { fault } from './expression-error.js';
import { expressionLimits, internal } from './expression-syntax.js';

/** What is left to spend in the evaluation that is going on: evaluations are synchronous and never nested. */
export class Meter {
  #left = 0;

  fill(): void {
    this.#left = expressionLimits.fuel;
  }

  get spent(): number {
    return expressionLimits.fuel - this.#left;
  }

  pay(steps: number): void {
    this.#left -= steps;
    if (!(this.#left >= 0)) fault(`takes more than ${expressionLimits.fuel} steps`);
  }
}

type Callable = NonNullable<ReturnType<CelEnv['funcs']['find']>>;
type Cost = (args: readonly unknown[], pay: (steps: number) => void) => void;

/**
 * An error is an object with a stack, wrapped by the library in one or two more, and merged with others by `||` and `&&`: 15 to 40 µs
 * each, where an answer takes less than one.
 */
const ERROR_STEPS = 300;

const constant: Cost = () => undefined;
const textual: Cost = (args, pay) => {
  for (const arg of args) if (typeof arg === 'string') pay(arg.length / 16);
};
const compared: Cost = ([left, right], pay) => payEquality(left, right, pay);
const searched: Cost = ([text, part], pay) => {
  // the worst case of a search is the product
  if (typeof text === 'string' && typeof part === 'string') pay((text.length * (part.length + 1)) / 256);
};

const converted: Cost = ([text]) => {
  if (typeof text === 'string' && text.length > 64) fault('reads a number from more than 64 characters');
};

const costs: Readonly<Record<string, Cost>> = {
  [internal.range]: ([range, body], pay) => {
    const size = isCelList(range) || isCelMap(range) ? range.size : 0;
    if (size > expressionLimits.listMax) fault(`goes over a list longer than ${expressionLimits.listMax}`);
    pay((size * (Number(body) + 2)) / 2);
  },
  [internal.get]: constant,
  [internal.has]: constant,
  [internal.bool]: constant,
  // a key that is a number is looked for among all keys
  [internal.at]: ([owner, key], pay) => {
    if (isCelMap(owner) && typeof key !== 'string') pay(owner.size / 4);
  },
  '_==_': compared,
  '_!=_': compared,
  '@in': ([value, owner], pay) => {
    if (isCelList(owner)) {
      pay(owner.size);
      for (const element of owner) payEquality(element, value, pay);
    } else if (isCelMap(owner) && typeof value !== 'string') pay(owner.size / 4);
  },
  '_+_': (args, pay) => {
    for (const arg of args) {
      if (typeof arg === 'string') pay(arg.length / 16);
      else if (isCelList(arg)) pay(arg.size / (arrays.has(arg) ? 24 : 4));
    }
  },
  size: ([value], pay) => {
    if (typeof value === 'string') pay(value.length / 8);
  },
  contains: searched,
  int: converted,
  uint: converted,
  double: converted,
  matches: ([text, pattern], pay) => {
    if (typeof text === 'string' && typeof pattern === 'string') pay(patternCost(pattern, text.length));
  },
};

/** The environment in which every expression is planned. */
export function meteredEnvironment(meter: Meter): CelEnv {
  const env = celEnv({ funcs: [...syntaxFunctions, ...mixedArithmetic] });
  const pay = (steps: number): void => meter.pay(steps);
  const known = new Map<string, Callable | undefined>();
  const find = (name: string): Callable | undefined => {
    if (!known.has(name)) {
      const found = env.funcs.find(name);
      known.set(name, found && metered(found, costs[name] ?? textual, pay));
    }
    return known.get(name);
  };
  return Object.create(env, { funcs: { value: { find } } }) as CelEnv;
}

function metered(callable: Callable, cost: Cost, pay: (steps: number) => void): Callable {
  const call: Callable['call'] = (id, target, args) => {
    pay(1);
    cost(target === undefined ? args : [target, ...args], pay);
    const result = callable.call(id, target, args);
    if (result === undefined || result instanceof Error) pay(ERROR_STEPS);
    return result;
  };
  return Object.create(callable, { call: { value: call } }) as Callable;
}

/** Two values are walked together only as far as they agree in kind and size. */
function payEquality(left: unknown, right: unknown, pay: (steps: number) => void): void {
  pay(0.25);
  if (typeof left === 'string' && typeof right === 'string')
    return pay(Math.min(left.length, right.length) / 64);
  if (isCelList(left) && isCelList(right) && left.size === right.size) {
    for (const element of left) payWhole(element, pay);
  } else if (isCelMap(left) && isCelMap(right) && left.size === right.size) {
    for (const element of left.values()) payWhole(element, pay);
    // numbers as keys are looked for among all keys
    if ([...left.keys()].some((key) => typeof key !== 'string')) pay(left.size * right.size);
  }
}

function payWhole(value: unknown, pay: (steps: number) => void): void {
  pay(typeof value === 'string' ? 1 + value.length / 64 : 1);
  if (isCelList(value)) for (const element of value) payWhole(element, pay);
  else if (isCelMap(value)) for (const element of value.values()) payWhole(element, pay);
}

/** Compiling a pattern and running its automaton; counted repeats are written out by the regex engine. */
function patternCost(pattern: string, length: number): number {
  const { patternMax } = expressionLimits;
  if (pattern.length > patternMax) fault(`matches a pattern longer than ${patternMax} characters`);
  let repeats = 1;
  for (const [, from, to] of pattern.matchAll(/\{(\d*),?(\d*)/g))
    repeats *= Math.max(2, Number(from), Number(to));
  // their tables are built at first use, which takes longer than a whole evaluation may
  if (/\\[pP]/.test(pattern)) fault('matches a class of Unicode characters, which is not available');
  const classes = pattern.match(/\(\?|\[/g)?.length ?? 0;
  const states = (pattern.length + 4) * Math.min(repeats, 1_000);
  return 100 + classes * 500 + states * (4 + length / 4);
}

/** Lists made by `+`, with their elements: joining again needs no walk. */
const arrays = new WeakMap<object, readonly CelValue[]>();

const { DYN, DOUBLE, INT, BOOL, STRING } = CelScalar;
const LIST = listType(DYN);

/** What `expression-syntax.ts` puts in place of selection, index, range and condition. */
const syntaxFunctions: readonly CelFunc[] = [
  celFunc(internal.get, [DYN, STRING], DYN, (owner, field) => {
    if (!isCelMap(owner)) throw new Error(`no field ${field} in ${celType(owner).name}`);
    return owner.get(field) ?? absent(owner, field);
  }),
  celFunc(internal.has, [DYN, STRING], BOOL, (owner, field) => {
    if (!isCelMap(owner)) throw new Error(`no field ${field} in ${celType(owner).name}`);
    return owner.get(field) !== undefined;
  }),
  celFunc(internal.at, [DYN, DYN], DYN, (owner, key) => {
    if (isCelMap(owner)) return owner.get(key as string) ?? absent(owner, key);
    if (!isCelList(owner)) throw new Error(`no elements in ${celType(owner).name}`);
    const index = typeof key === 'bigint' || typeof key === 'number' ? Number(key) : -1;
    const element = Number.isInteger(index) ? owner.get(index) : undefined;
    if (element === undefined) throw new Error(`no element ${said(key)} in a list of ${owner.size}`);
    return element;
  }),
  celFunc(internal.range, [DYN, INT], DYN, (range) => {
    if (isCelList(range) || isCelMap(range)) return range;
    throw new Error(`neither list nor map: ${celType(range).name}`);
  }),
  celFunc(internal.bool, [DYN], BOOL, (value) => {
    if (typeof value === 'boolean') return value;
    throw new Error(`neither true nor false: ${celType(value).name}`);
  }),
  // the library's own sum of lists nests them, and walking the nest costs its square
  celFunc('_+_', [LIST, LIST], LIST, (left, right) => {
    const elements = elementsOf(left).concat(elementsOf(right));
    const list = celList(elements);
    arrays.set(list, elements);
    return list;
  }),
];

/** Numbers of JSON are doubles, those in an expression mostly integers: `history.a.n + 1` is to work. */
const mixedArithmetic: readonly CelFunc[] = Object.entries({
  '_+_': (left: number, right: number) => left + right,
  '_-_': (left: number, right: number) => left - right,
  '_*_': (left: number, right: number) => left * right,
  '_/_': (left: number, right: number) => left / right,
  '_%_': (left: number, right: number) => left % right,
}).flatMap(([name, calculate]) => [
  celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => calculate(left, Number(right))),
  celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => calculate(Number(left), right)),
]);

function elementsOf(list: CelList): readonly CelValue[] {
  return arrays.get(list) ?? [...list];
}

function absent(owner: CelMap, key: unknown): null {
  if (owner.get(key as string) === null) return null;
  throw new Error(`no such key: ${said(key)}`);
}

function said(key: unknown): string {
  return typeof key === 'object' ? 'of this kind' : String(key);
}
