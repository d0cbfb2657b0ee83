/** Values with `${…}` in them (C-801, C-802). Each text is parsed once for a flow, when it is first asked for. */
import type { JsonValue } from '@baton/core';
import { compileExpression, type Expression } from '../expression.js';
import { fault } from '../expression-error.js';
import { library, textOf } from '../expression-library.js';
import { fillMeter } from '../expression-meter.js';
import { hostFunctions } from './host-functions.js';

/** Gives what an expression comes to where it stands. @throws ExpressionError */
export type Evaluate = (expression: Expression) => JsonValue;

type Part = string | Expression;

/** What is known before a run: the rest of the names are variables, of which nobody knows before they are published. */
const variables = new Set(['ctx', 'input', 'vars', 'env', 'self', 'run', 'item', 'index']);
const names = {
  variables,
  short: { of: 'ctx', names: 'any' },
  functions: new Map([...library, ...hostFunctions]),
} as const;

export class Templates {
  readonly #expressions = new Map<string, Expression>();
  readonly #texts = new Map<string, readonly Part[]>();

  /** @throws ExpressionError */
  expression(source: string): Expression {
    let expression = this.#expressions.get(source);
    if (!expression) {
      expression = compileExpression(source, names);
      this.#expressions.set(source, expression);
    }
    return expression;
  }

  /** Parses whatever is inserted. @throws ExpressionError */
  check(template: JsonValue): void {
    fillMeter();
    this.render(template, () => null);
  }

  /** @throws ExpressionError */
  render(template: JsonValue, evaluate: Evaluate): JsonValue {
    if (typeof template === 'string') return this.#text(template, evaluate);
    if (typeof template !== 'object' || template === null) return template;
    if (Array.isArray(template)) return template.map((part: JsonValue) => this.render(part, evaluate));
    return Object.fromEntries(
      Object.entries(template).map(([key, part]) => [key, this.render(part, evaluate)]),
    );
  }

  #text(text: string, evaluate: Evaluate): JsonValue {
    if (!text.includes('${')) return text;
    const parts = this.#parts(text);
    const [only] = parts;
    if (parts.length === 1 && only !== undefined && typeof only !== 'string') return evaluate(only);
    return parts.map((part) => (typeof part === 'string' ? part : textOf(evaluate(part)))).join('');
  }

  #parts(text: string): readonly Part[] {
    let parts = this.#texts.get(text);
    if (!parts) {
      parts = split(text).map((part, index) => (index % 2 === 0 ? part : this.expression(part)));
      parts = parts.filter((part) => part !== '');
      this.#texts.set(text, parts);
    }
    return parts;
  }
}

/** Text and expressions by turns, text first. `$${` is `${` itself. */
function split(text: string): string[] {
  const parts = [''];
  let at = 0;
  while (at < text.length) {
    if (text.startsWith('$${', at)) {
      parts[parts.length - 1] += '${';
      at += 3;
    } else if (text.startsWith('${', at)) {
      const end = endOf(text, at + 2);
      parts.push(text.slice(at + 2, end), '');
      at = end + 1;
    } else {
      parts[parts.length - 1] += text[at] ?? '';
      at++;
    }
  }
  return parts;
}

/** Where the brace is that closes an insertion: braces inside of texts are none. */
function endOf(text: string, from: number): number {
  const rest = /(?:[^'"}]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*/y;
  rest.lastIndex = from;
  rest.exec(text);
  return text[rest.lastIndex] === '}' ? rest.lastIndex : fault('has an insertion ${ without its }', from - 2);
}
