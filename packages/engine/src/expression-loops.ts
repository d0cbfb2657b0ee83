/** Comprehensions: `list.all(x, …)` and the others, one step for each turn. */
import { fault } from './expression-error.js';
import { pay } from './expression-meter.js';
import type { Frame, Program } from './expression-program.js';
import { expressionLimits } from './expression-syntax.js';
import { type Datum, Failed, isList, isMap, keysOf, kindOf } from './expression-values.js';

/** How a comprehension takes in one element after the other. */
interface Fold {
  /** Gives the answer when it is clear before the end. */
  take(frame: Frame, item: Datum): Datum | Failed | undefined;
  end(): Datum | Failed;
}

export interface Macro {
  readonly bodiesMax: 1 | 2;
  fold(at: number, bodies: readonly Program[]): () => Fold;
}

export const macros: Readonly<Record<string, Macro>> = {
  all: { bodiesMax: 1, fold: quantifier(false) },
  exists: { bodiesMax: 1, fold: quantifier(true) },
  exists_one: { bodiesMax: 1, fold: exactlyOne },
  existsOne: { bodiesMax: 1, fold: exactlyOne },
  filter: { bodiesMax: 1, fold: (at, [condition = never]) => collected(at, condition, undefined) },
  map: {
    bodiesMax: 2,
    fold: (at, [first = never, second]) =>
      second ? collected(at, first, second) : collected(at, undefined, first),
  },
};

function never(): Datum {
  return null;
}

/** `all` is a long `&&`, `exists` a long `||`: an element without an answer matters only if no other one decides. */
function quantifier(decisive: boolean): Macro['fold'] {
  return (at, [condition = never]) =>
    () => {
      let failed: Failed | undefined;
      return {
        take: (frame) => {
          const value = condition(frame);
          if (value === decisive) return decisive;
          if (value !== !decisive) failed ??= value instanceof Failed ? value : notBoolean(at, value);
          return undefined;
        },
        end: () => failed ?? !decisive,
      };
    };
}

function exactlyOne(at: number, [condition = never]: readonly Program[]): () => Fold {
  return () => {
    let count = 0;
    return {
      take: (frame) => {
        const value = condition(frame);
        if (typeof value !== 'boolean') return value instanceof Failed ? value : notBoolean(at, value);
        if (value) count++;
        return undefined;
      },
      end: () => count === 1,
    };
  };
}

function collected(at: number, condition: Program | undefined, transform: Program | undefined): () => Fold {
  return () => {
    const elements: Datum[] = [];
    return {
      take: (frame, item) => {
        const wanted = condition ? condition(frame) : true;
        if (typeof wanted !== 'boolean') return wanted instanceof Failed ? wanted : notBoolean(at, wanted);
        if (!wanted) return undefined;
        const value = transform ? transform(frame) : item;
        if (value instanceof Failed) return value;
        elements.push(value);
        return undefined;
      },
      end: () => elements,
    };
  };
}

interface Loop {
  readonly range: Program;
  readonly slot: number;
  readonly fold: () => Fold;
}

export function loop(at: number, { range, slot, fold }: Loop): Program {
  const { listMax } = expressionLimits;
  return (frame) => {
    pay(1);
    const owner = range(frame);
    if (owner instanceof Failed) return owner;
    const items = isList(owner) ? owner : isMap(owner) ? keysOf(owner) : undefined;
    if (!items) return new Failed(at, () => `neither list nor map: ${kindOf(owner)}`);
    if (items.length > listMax) fault(`goes over a list longer than ${listMax}`);
    const { take, end } = fold();
    for (const item of items) {
      pay(1);
      frame[slot] = item;
      const answer = take(frame, item);
      if (answer !== undefined) return answer;
    }
    return end();
  };
}

export function notBoolean(at: number, value: Datum): Failed {
  return new Failed(at, () => `neither true nor false: ${kindOf(value)}`);
}
