/** CEL's grammar (cel-spec, langdef.md), by recursive descent: one look at each token, so its time is that of the text. */
import { fault } from './expression-error.js';
import { type Token, tokensOf } from './expression-tokens.js';
import type { Datum } from './expression-values.js';

/** A parsed expression. `at`: where it stands in the source, in characters; of an operation, where its sign stands. */
export type Node =
  | { readonly kind: 'literal'; readonly value: Datum; readonly at: number }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'select'; readonly from: Node; readonly field: string; readonly at: number }
  | { readonly kind: 'list'; readonly elements: readonly Node[]; readonly at: number }
  | CallNode;

/** Operators are calls too, by their sign; an index is `[]`, a condition `?:`. `target`: what stands before the dot. */
export interface CallNode {
  readonly kind: 'call';
  readonly name: string;
  readonly target?: Node;
  readonly args: readonly Node[];
  readonly at: number;
}

/** @throws ExpressionError with the offset of what is wrong */
export function parseExpression(source: string): Node {
  return new Parser(source).whole();
}

const keywords = new Set('true false null in'.split(' '));
const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const constants: ReadonlyMap<string, Datum> = new Map<string, Datum>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
/** Loosest first; each level is left-associative. */
const levels: readonly ReadonlySet<string>[] = [
  new Set(['||']),
  new Set(['&&']),
  new Set(['<', '<=', '>', '>=', '==', '!=', 'in']),
  new Set(['+', '-']),
  new Set(['*', '/', '%']),
];

class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: number;
  #next = 0;

  constructor(source: string) {
    this.#tokens = tokensOf(source);
    this.#end = source.length;
  }

  whole(): Node {
    const node = this.#expression();
    if (this.#next < this.#tokens.length) this.#unexpected('its end');
    return node;
  }

  #expression(): Node {
    const condition = this.#level(0);
    const at = this.#at;
    if (!this.#takes('?')) return condition;
    const yes = this.#level(0);
    this.#needs(':');
    return { kind: 'call', name: '?:', args: [condition, yes, this.#expression()], at };
  }

  #level(level: number): Node {
    const signs = levels[level];
    if (!signs) return this.#unary();
    let left = this.#level(level + 1);
    for (;;) {
      const token = this.#token;
      if (token === undefined || token.kind === 'literal' || !signs.has(token.text)) return left;
      this.#next++;
      const right = this.#level(level + 1);
      left = { kind: 'call', name: token.text, args: [...operandsOf(left, token.text), right], at: token.at };
    }
  }

  #unary(): Node {
    const at = this.#at;
    if (this.#takes('!')) return { kind: 'call', name: '!', args: [this.#unary()], at };
    if (!this.#takes('-')) return this.#member(this.#primary());
    const token = this.#token;
    // the least integer has no positive counterpart
    if (token?.kind === 'literal' && (typeof token.value === 'number' || typeof token.value === 'bigint')) {
      this.#next++;
      return this.#member({ kind: 'literal', value: -token.value, at });
    }
    return { kind: 'call', name: '-', args: [this.#unary()], at };
  }

  #member(primary: Node): Node {
    let node = primary;
    for (;;) {
      const at = this.#at;
      if (this.#takes('[')) {
        node = { kind: 'call', name: '[]', args: [node, this.#expression()], at };
        this.#needs(']');
      } else if (this.#takes('.')) {
        const field = this.#identifier(keywords);
        node = this.#takes('(')
          ? { kind: 'call', name: field, target: node, args: this.#list(')'), at }
          : { kind: 'select', from: node, field, at };
      } else return node;
    }
  }

  #primary(): Node {
    const token = this.#token;
    if (token === undefined) return this.#unexpected('a value');
    const { at } = token;
    if (token.kind === 'literal') {
      this.#next++;
      return { kind: 'literal', value: token.value, at };
    }
    if (token.kind === 'name') {
      const value = constants.get(token.text);
      if (value === undefined) return this.#named(at);
      this.#next++;
      return { kind: 'literal', value, at };
    }
    if (this.#takes('(')) {
      const inner = this.#expression();
      this.#needs(')');
      return inner;
    }
    if (this.#takes('[')) return { kind: 'list', elements: this.#list(']'), at };
    if (this.#takes('.')) return this.#named(at);
    if (token.text === '{') return fault('makes a map or a message, which is not available', at);
    return this.#unexpected('a value');
  }

  #named(at: number): Node {
    const name = this.#identifier(keywords, reserved);
    if (this.#takes('(')) return { kind: 'call', name, args: this.#list(')'), at };
    if (this.#token?.text === '{' && this.#token.kind === 'sign')
      return fault('makes a map or a message, which is not available', at);
    return { kind: 'name', name, at };
  }

  #list(close: ')' | ']'): Node[] {
    const elements: Node[] = [];
    while (!this.#takes(close)) {
      elements.push(this.#expression());
      if (this.#takes(',')) {
        // only lists may end with one
        if (close === ')' && this.#token?.text === close) this.#unexpected('a value');
      } else if (this.#token?.kind !== 'sign' || this.#token.text !== close)
        this.#unexpected(`, or ${close}`);
    }
    return elements;
  }

  #identifier(...taken: readonly ReadonlySet<string>[]): string {
    const token = this.#token;
    if (token?.kind !== 'name' || taken.some((words) => words.has(token.text)))
      return this.#unexpected('a name');
    this.#next++;
    return token.text;
  }

  get #token(): Token | undefined {
    return this.#tokens[this.#next];
  }

  get #at(): number {
    return this.#token?.at ?? this.#end;
  }

  #takes(sign: string): boolean {
    const token = this.#token;
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#next++;
    return true;
  }

  #needs(sign: string): void {
    if (!this.#takes(sign)) this.#unexpected(sign);
  }

  #unexpected(wanted: string): never {
    const found = this.#token === undefined ? 'ends' : `has ${shortened(this.#token.text)}`;
    return fault(`is no CEL: it ${found} where ${wanted} should be`, this.#at);
  }
}

/** `a || b || c` is one operation of three: they do not nest. */
function operandsOf(left: Node, sign: string): readonly Node[] {
  const isSame =
    (sign === '||' || sign === '&&') && left.kind === 'call' && left.name === sign && !left.target;
  return isSame ? left.args : [left];
}

function shortened(text: string): string {
  return text.length > 20 ? `${text.slice(0, 20)}…` : text;
}
