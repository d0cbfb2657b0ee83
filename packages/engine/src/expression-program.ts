/**
 * From a parsed expression to a function that computes it (cel-spec, langdef.md). Own work, because what a library's evaluation costs
 * cannot be bounded from outside: it copies data, joins lists in quadratic time, makes an Error with a stack for each value that is
 * missing. `expression-oracle.test.ts` compares the answers with those of @bufbuild/cel.
 *
 * Every call, selection and turn of a loop costs a step; names and literals are free.
 */
import { fault } from './expression-error.js';
import { intOf, type Operation, operations, Problem, uintOf } from './expression-functions.js';
import type { LibraryFunction } from './expression-library.js';
import { loop, macros, notBoolean } from './expression-loops.js';
import { pay } from './expression-meter.js';
import type { CallNode, Node } from './expression-parser.js';
import { expressionLimits, type Scope } from './expression-syntax.js';
import {
  type Datum,
  type DatumMap,
  entryOf,
  Failed,
  isList,
  isMap,
  kindOf,
  shown,
  TypeName,
  Uint,
} from './expression-values.js';

/** Values of the variables, in the order of the scope; behind them those of comprehensions. */
export type Frame = (Datum | Failed)[];
export type Program = (frame: Frame) => Datum | Failed;

interface Place {
  readonly depth: number;
  readonly loops: number;
  /** Slots of the variables of the comprehensions around. */
  readonly locals: ReadonlyMap<string, number>;
}

const typeNames = new Map(
  'int uint double bool string list map null_type type'.split(' ').map((name) => [name, new TypeName(name)]),
);

/**
 * Checks a parsed expression and makes its program.
 * @throws ExpressionError for what is not available, and names that are not given
 */
export function programOf(parsed: Node, scope: Scope): Program {
  return new Translator(scope).node(parsed, { depth: 1, loops: 0, locals: new Map() });
}

class Translator {
  readonly #scope: Scope;
  #slots: number;

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#slots = scope.variables.length;
  }

  node(node: Node, place: Place): Program {
    const { syntaxDepthMax } = expressionLimits;
    if (place.depth > syntaxDepthMax) fault(`is nested deeper than ${syntaxDepthMax}`, node.at);
    const inside = { ...place, depth: place.depth + 1 };
    switch (node.kind) {
      case 'literal':
        return literal(node.value, node.at);
      case 'name':
        return this.#name(node.name, node.at, place);
      case 'list':
        return list(node.elements.map((element) => this.node(element, inside)));
      case 'select':
        return select(node.at, this.#ownerOf(node, inside), node.field);
      case 'call':
        return this.#macro(node, place) ?? this.#call(node, inside);
    }
  }

  #name(name: string, at: number, { locals }: Place): Program {
    const local = locals.get(name);
    if (local !== undefined) return fromSlot(local);
    const type = typeNames.get(name);
    if (type) return () => type;
    const slot = this.#scope.slotOf(name);
    if (slot >= 0) {
      this.#scope.reads(name);
      return fromSlot(slot);
    }
    const owner = this.#scope.ownerOf(name);
    if (owner === undefined) return this.#unknown(name, at);
    this.#scope.readsEntry(owner, name);
    return select(at, fromSlot(this.#scope.slotOf(owner)), name);
  }

  #ownerOf({ from, field, at }: Node & { readonly kind: 'select' }, inside: Place): Program {
    return this.#variable(from, field, at, inside) ?? this.node(from, inside);
  }

  /** `history.a`, `history["a"]`: only this entry is read, and it can be checked that there may be one. */
  #variable(node: Node, field: string, at: number, { locals }: Place): Program | undefined {
    const name = node.kind === 'name' ? node.name : '';
    const slot = this.#scope.slotOf(name);
    if (slot < 0 || locals.has(name)) return undefined;
    if (!this.#scope.readsEntry(name, field)) return this.#unknown(`${name}.${field}`, at);
    return fromSlot(slot);
  }

  #call(node: CallNode, inside: Place): Program {
    const { name, target, args, at } = node;
    const [first, second] = args;
    if (name === '[]' && first && second) {
      const key = second.kind === 'literal' ? second.value : undefined;
      const owner = typeof key === 'string' ? this.#variable(first, key, at, inside) : undefined;
      return element(at, owner ?? this.node(first, inside), this.node(second, inside));
    }
    const added = this.#libraryCall(node, inside);
    if (added) return added;
    const operands = (target ? [target, ...args] : args).map((operand) => this.node(operand, inside));
    const [a, b, c] = operands;
    if (name === '?:' && a && b && c) return choice(at, a, b, c);
    if (name === '&&' || name === '||') return connective(at, operands, name === '||');
    const operation = operations.get(name === '-' && !b ? 'negation' : name);
    if (!operation) return fault(`calls ${name}, which is not available`, at);
    const isWell = operation.call === 'both' || (operation.call === 'method') === (target !== undefined);
    if (!a || operands.length !== operation.arity || !isWell)
      return fault(`calls ${name} with operands it does not take`, at);
    return b ? binary(at, operation, a, b) : unary(at, operation, a);
  }

  /** `len(x)`, and `json.parse(x)`, whose name has two parts. */
  #libraryCall({ name, target, args, at }: CallNode, inside: Place): Program | undefined {
    const prefix = target === undefined ? '' : target.kind === 'name' ? `${target.name}.` : undefined;
    const called = prefix === undefined ? undefined : this.#scope.functionOf(prefix + name);
    if (prefix === undefined || called === undefined) return undefined;
    if (args.length < called.min || args.length > called.max)
      fault(`calls ${prefix}${name} with operands it does not take`, at);
    return applied(
      at,
      { ...called, written: prefix + name },
      args.map((operand) => this.node(operand, inside)),
    );
  }

  /** `has(a.b)`, and the comprehensions `list.all(x, …)`; `undefined`: it is a plain call. */
  #macro(node: CallNode, place: Place): Program | undefined {
    const { name, target, args, at } = node;
    const [first, ...bodies] = args;
    const inside = { ...place, depth: place.depth + 1 };
    if (name === 'has' && !target) {
      if (first?.kind !== 'select' || args.length > 1) return fault('is no CEL: has() takes a selection', at);
      return has(at, this.#ownerOf(first, inside), first.field);
    }
    const macro = Object.hasOwn(macros, name) ? macros[name] : undefined;
    if (!macro || !target || bodies.length < 1 || bodies.length > macro.bodiesMax) return undefined;
    if (first?.kind !== 'name') return fault(`is no CEL: ${name}() begins with the name of a variable`, at);
    if (place.loops >= expressionLimits.comprehensionDepthMax)
      fault('has a comprehension inside another one', at);
    const range = this.node(target, inside);
    const slot = this.#slots++;
    const locals = new Map([...place.locals, [first.name, slot] as const]);
    const body = { depth: inside.depth, loops: place.loops + 1, locals };
    return loop(at, {
      range,
      slot,
      fold: macro.fold(
        at,
        bodies.map((part) => this.node(part, body)),
      ),
    });
  }

  #unknown(name: string, at: number): never {
    return fault(`uses ${name}, which it is not given; there are ${this.#scope.known}`, at);
  }
}

function literal(value: Datum, at: number): Program {
  const number =
    typeof value === 'bigint' ? intOf(value) : value instanceof Uint ? uintOf(value.value) : value;
  if (number instanceof Problem || (typeof number === 'number' && !Number.isFinite(number)))
    return fault('has a number that is too large', at);
  return () => number;
}

function fromSlot(slot: number): Program {
  return (frame) => frame[slot] ?? null;
}

function list(elements: readonly Program[]): Program {
  return (frame) => {
    pay(1 + elements.length);
    const values: Datum[] = [];
    for (const element of elements) {
      const value = element(frame);
      if (value instanceof Failed) return value;
      values.push(value);
    }
    return values;
  };
}

function select(at: number, from: Program, field: string): Program {
  return ofMap(at, from, field, (owner) => entryOf(owner, field) ?? absent(at, owner, field));
}

function absent(at: number, owner: DatumMap, key: string): null | Failed {
  return entryOf(owner, key) === null ? null : new Failed(at, () => `no such key: ${shown(key)}`);
}

function has(at: number, from: Program, field: string): Program {
  return ofMap(at, from, field, (owner) => entryOf(owner, field) !== undefined);
}

function ofMap(
  at: number,
  from: Program,
  field: string,
  read: (owner: DatumMap) => ReturnType<Program>,
): Program {
  return (frame) => {
    pay(1);
    const owner = from(frame);
    if (owner instanceof Failed) return owner;
    return isMap(owner) ? read(owner) : new Failed(at, () => `no field ${field} in ${kindOf(owner)}`);
  };
}

function element(at: number, from: Program, of: Program): Program {
  return (frame) => {
    pay(1);
    const owner = from(frame);
    if (owner instanceof Failed) return owner;
    const key = of(frame);
    if (key instanceof Failed) return key;
    if (isMap(owner)) {
      if (typeof key !== 'string') return new Failed(at, () => `no such key: ${shown(key)}`);
      return entryOf(owner, key) ?? absent(at, owner, key);
    }
    if (!isList(owner)) return new Failed(at, () => `no elements in ${kindOf(owner)}`);
    const index = typeof key === 'bigint' || typeof key === 'number' ? Number(key) : -1;
    const found = owner[index];
    if (found !== undefined) return found;
    return new Failed(at, () => `no element ${shown(key)} in a list of ${owner.length}`);
  };
}

function unary(at: number, operation: Operation, of: Program): Program {
  const { apply } = operation;
  return (frame) => {
    pay(1);
    const value = of(frame);
    if (value instanceof Failed) return value;
    const result = apply(value, null);
    return result === undefined || result instanceof Problem
      ? without(at, operation, result, [value])
      : result;
  };
}

function binary(at: number, operation: Operation, left: Program, right: Program): Program {
  const { apply } = operation;
  return (frame) => {
    pay(1);
    const a = left(frame);
    if (a instanceof Failed) return a;
    const b = right(frame);
    if (b instanceof Failed) return b;
    const result = apply(a, b);
    return result === undefined || result instanceof Problem
      ? without(at, operation, result, [a, b])
      : result;
  };
}

function applied(
  at: number,
  { apply, written }: LibraryFunction & Pick<Operation, 'written'>,
  operands: readonly Program[],
): Program {
  return (frame) => {
    pay(1 + operands.length);
    const values: Datum[] = [];
    for (const operand of operands) {
      const value = operand(frame);
      if (value instanceof Failed) return value;
      values.push(value);
    }
    const result = apply(...values);
    return result === undefined || result instanceof Problem
      ? without(at, { written }, result, values)
      : result;
  };
}

function without(
  at: number,
  { written }: Pick<Operation, 'written'>,
  problem: Problem | undefined,
  operands: readonly Datum[],
): Failed {
  pay(2);
  return new Failed(
    at,
    () => problem?.message ?? `${written} is not defined for ${operands.map(kindOf).join(' and ')}`,
  );
}

/** `&&` decides by a false operand, `||` by a true one, whatever the others are (CEL). */
function connective(at: number, operands: readonly Program[], decisive: boolean): Program {
  return (frame) => {
    pay(1);
    let failed: Failed | undefined;
    for (const operand of operands) {
      const value = operand(frame);
      if (value === decisive) return decisive;
      if (value !== !decisive) failed ??= value instanceof Failed ? value : notBoolean(at, value);
    }
    return failed ?? !decisive;
  };
}

function choice(at: number, condition: Program, yes: Program, no: Program): Program {
  return (frame) => {
    pay(1);
    const value = condition(frame);
    if (typeof value === 'boolean') return value ? yes(frame) : no(frame);
    return value instanceof Failed ? value : notBoolean(at, value);
  };
}
