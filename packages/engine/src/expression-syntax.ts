/**
 * What an expression may say, found out before it is ever evaluated, and the form in which it is evaluated. The grammar is CEL's; the
 * part of it that is let in is what can be evaluated in bounded time and gives the same answer on every host (C-807).
 */
import type { parse } from '@bufbuild/cel';
import { fault } from './expression-error.js';

export type Expr = ReturnType<typeof parse>['expr'];

/** Bounds of one expression; what is above them is refused before it is parsed or evaluated. */
export const expressionLimits = Object.freeze({
  sourceMax: 4_096,
  /** Names, literals, operators: what the parser's time grows with. */
  tokensMax: 300,
  bracketsMax: 32,
  syntaxDepthMax: 32,
  /** A comprehension (`all`, `exists`, `filter`, `map`) inside the body of another is refused. */
  comprehensionDepthMax: 1,
  listMax: 10_000,
  /** Values of the data an expression reads, counted through all levels. */
  dataNodesMax: 30_000,
  dataDepthMax: 32,
  patternMax: 256,
  /** Steps of one evaluation. A step is at most half a microsecond of work. */
  fuel: 100_000,
});

/** Functions that stand for syntax; no source text can name them. */
export const internal = Object.freeze({
  get: '@get',
  has: '@has',
  at: '@at',
  range: '@range',
  bool: '@bool',
});

const operators = ['_+_', '_-_', '_*_', '_/_', '_%_', '-_', '!_', '@in', '_[_]', '_?_:_', '_&&_', '_||_'];
const comparisons = ['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_'];
const functions = 'size contains startsWith endsWith matches int uint double bool string type dyn'.split(' ');
/** No time of day and no time zone: what they give depends on the host. No bytes: values are JSON. */
const allowed = new Set([...operators, ...comparisons, ...functions, '@not_strictly_false']);
const typeNames = new Set('int uint double bool string list map null_type type'.split(' '));

/** What is known about the names an expression uses. */
export interface Names {
  /** Variables that are there in every evaluation. */
  readonly variables: ReadonlySet<string>;
  /** Names that are short for an entry of the map variable `of`. */
  readonly short?: { readonly of: string; readonly names: ReadonlySet<string> };
}

export interface Syntax {
  /** To be planned: every selection, index, range and condition is a call, so that each can be charged for. */
  readonly expr: Expr;
  /** Entries of a map variable that are read by a name in the text; `undefined`: any may be read. */
  readonly entries: (variable: string) => ReadonlySet<string> | undefined;
}

/** Refuses what would take the parser long. */
export function checkSource(source: string): void {
  const { sourceMax, tokensMax, bracketsMax } = expressionLimits;
  if (source.length > sourceMax) fault(`is longer than ${sourceMax} characters`);
  let tokens = 0;
  let open = 0;
  for (const { 0: token, index } of source.matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\w+|[^\s\w]/gs)) {
    if (++tokens > tokensMax) fault(`has more than ${tokensMax} names, literals and operators`, index);
    if ('([{'.includes(token)) open++;
    else if (')]}'.includes(token)) open--;
    if (open > bracketsMax) fault(`has brackets nested deeper than ${bracketsMax}`, index);
  }
}

/** Checks a parsed expression and turns it into the form that is evaluated. `at`: where a node stands in the source. */
export function checkSyntax(parsed: Expr, names: Names, at: (expr: Expr) => number | undefined): Syntax {
  const walk = new Walk(names, at);
  const expr = walk.node(parsed, { depth: 1, loops: 0, locals: new Set() });
  return { expr, entries: (variable) => walk.entriesOf(variable) };
}

interface Place {
  readonly depth: number;
  readonly loops: number;
  /** Variables of the comprehensions around. */
  readonly locals: ReadonlySet<string>;
}

class Walk {
  readonly #names: Names;
  readonly #at: (expr: Expr) => number | undefined;
  readonly #read = new Map<string, Set<string>>();
  readonly #readWhole = new Set<string>();
  #nodes = 0;

  constructor(names: Names, at: (expr: Expr) => number | undefined) {
    this.#names = names;
    this.#at = at;
  }

  entriesOf(variable: string): ReadonlySet<string> | undefined {
    return this.#readWhole.has(variable) ? undefined : (this.#read.get(variable) ?? new Set());
  }

  node(expr: Expr, place: Place): Expr {
    this.#nodes++;
    if (place.depth > expressionLimits.syntaxDepthMax)
      this.#refuse(expr, `is nested deeper than ${expressionLimits.syntaxDepthMax}`);
    const { exprKind } = expr;
    const inside = { ...place, depth: place.depth + 1 };
    switch (exprKind.case) {
      case 'constExpr':
        if (exprKind.value.constantKind.case === 'bytesValue')
          this.#refuse(expr, 'has bytes, which JSON has not');
        return expr;
      case 'identExpr':
        return this.#name(expr, exprKind.value.name, place);
      case 'listExpr':
        exprKind.value.elements = exprKind.value.elements.map((element) => this.node(element, inside));
        return expr;
      case 'selectExpr':
        return this.#select(expr, exprKind.value, inside);
      case 'callExpr':
        return this.#call(expr, exprKind.value, inside);
      case 'comprehensionExpr':
        return this.#loop(expr, exprKind.value, place);
      default:
        return this.#refuse(expr, 'makes a map or a message, which is not available');
    }
  }

  #name(expr: Expr, name: string, { locals }: Place): Expr {
    if (locals.has(name) || typeNames.has(name)) return expr;
    const { variables, short } = this.#names;
    if (variables.has(name)) {
      this.#readWhole.add(name);
      return expr;
    }
    if (short?.names.has(name) !== true) return this.#unknown(expr, name);
    this.#entry(short.of, name);
    return call(expr, internal.get, [variable(expr, short.of), text(expr, name)]);
  }

  #select(
    expr: Expr,
    { operand, field, testOnly }: Extract<Expr['exprKind'], { case: 'selectExpr' }>['value'],
    inside: Place,
  ): Expr {
    if (!operand) return this.#refuse(expr, 'selects from nothing');
    const from = this.#ownerOf(expr, operand, field, inside) ?? this.node(operand, inside);
    return call(expr, testOnly ? internal.has : internal.get, [from, text(expr, field)]);
  }

  /** `history.a`, `history["a"]`: only this entry is read, and it can be checked that there may be one. */
  #ownerOf(expr: Expr, operand: Expr, field: string, { locals }: Place): Expr | undefined {
    const { variables, short } = this.#names;
    const name = operand.exprKind.case === 'identExpr' ? operand.exprKind.value.name : undefined;
    if (name === undefined || locals.has(name) || !variables.has(name)) return undefined;
    if (short?.of === name && !short.names.has(field)) return this.#unknown(expr, `${name}.${field}`);
    this.#entry(name, field);
    return operand;
  }

  #call(expr: Expr, value: Extract<Expr['exprKind'], { case: 'callExpr' }>['value'], inside: Place): Expr {
    const { function: name, target } = value;
    if (!allowed.has(name)) this.#refuse(expr, `calls ${name}, which is not available`);
    const [first, second] = value.args;
    if (name === '_[_]' && first && second) {
      const key = second.exprKind.case === 'constExpr' ? second.exprKind.value.constantKind : undefined;
      const owner = key?.case === 'stringValue' ? this.#ownerOf(expr, first, key.value, inside) : undefined;
      return call(expr, internal.at, [owner ?? this.node(first, inside), this.node(second, inside)]);
    }
    if (target) value.target = this.node(target, inside);
    value.args = value.args.map((arg) => this.node(arg, inside));
    const conditions = { '_&&_': value.args.length, '_||_': value.args.length, '_?_:_': 1 }[name] ?? 0;
    value.args = value.args.map((arg, index) =>
      index < conditions ? call(expr, internal.bool, [arg]) : arg,
    );
    return expr;
  }

  /** The whole loop is paid for before it begins: elements of the range times nodes of the body. */
  #loop(
    expr: Expr,
    value: Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'],
    place: Place,
  ): Expr {
    const { iterRange, accuInit, loopCondition, loopStep, result } = value;
    if (!iterRange || !accuInit || !loopCondition || !loopStep || !result)
      return this.#refuse(expr, 'has an incomplete comprehension');
    if (place.loops >= expressionLimits.comprehensionDepthMax)
      this.#refuse(expr, 'has a comprehension inside another one');
    const range = this.node(iterRange, { ...place, depth: place.depth + 1 });
    const locals = new Set([...place.locals, value.iterVar, value.accuVar]);
    // the macro puts a level of its own around the user's text
    const body = { depth: place.depth, loops: place.loops + 1, locals };
    const before = this.#nodes;
    value.accuInit = this.node(accuInit, body);
    value.loopCondition = this.node(loopCondition, body);
    value.loopStep = this.node(loopStep, body);
    value.result = this.node(result, body);
    value.iterRange = call(expr, internal.range, [range, number(expr, this.#nodes - before)]);
    return expr;
  }

  #entry(owner: string, field: string): void {
    const read = this.#read.get(owner);
    if (read) read.add(field);
    else this.#read.set(owner, new Set([field]));
  }

  #unknown(expr: Expr, name: string): never {
    const { variables, short } = this.#names;
    const entries = [...(short?.names ?? [])]
      .slice(0, 8)
      .map((entry) => `${short?.of}[${JSON.stringify(entry)}]`);
    const known = [...variables, ...entries];
    return this.#refuse(expr, `uses ${name}, which it is not given; there are ${known.join(', ')}`);
  }

  #refuse(expr: Expr, reason: string): never {
    return fault(reason, this.#at(expr));
  }
}

function made(like: Expr, exprKind: Expr['exprKind']): Expr {
  return { $typeName: 'cel.expr.Expr', id: like.id, exprKind };
}

function call(like: Expr, name: string, args: Expr[]): Expr {
  return made(like, { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: name, args } });
}

function variable(like: Expr, name: string): Expr {
  return made(like, { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } });
}

function text(like: Expr, value: string): Expr {
  return constant(like, { case: 'stringValue', value });
}

function number(like: Expr, value: number): Expr {
  return constant(like, { case: 'int64Value', value: BigInt(value) });
}

type Constant = Extract<Expr['exprKind'], { case: 'constExpr' }>['value'];

function constant(like: Expr, constantKind: Constant['constantKind']): Expr {
  return made(like, { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } });
}
