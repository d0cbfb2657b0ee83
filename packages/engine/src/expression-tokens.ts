/** CEL's lexical grammar. Bounds are checked on the way, so what comes after works on little (C-807). */
import { fault } from './expression-error.js';
import { expressionLimits } from './expression-syntax.js';
import { Uint } from './expression-values.js';

export type Token =
  | { readonly kind: 'name' | 'sign'; readonly text: string; readonly at: number }
  | { readonly kind: 'literal'; readonly text: string; readonly at: number; readonly value: Literal };

export type Literal = string | number | bigint | Uint;

const skipped = /(?:\s+|\/\/[^\n]*)*/y;
const lexeme = new RegExp(
  [
    String.raw`(?<prefix>[rRbB]{0,2})(?:"""(?<triple2>(?:\\[^]|[^\\])*?)"""|'''(?<triple1>(?:\\[^]|[^\\])*?)'''|"(?<double>(?:\\.|[^"\\\n\r])*)"|'(?<single>(?:\\.|[^'\\\n\r])*)')`,
    String.raw`(?<decimal>(?:\d+\.\d+|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)`,
    String.raw`(?<integer>0[xX][\da-fA-F]+|\d+)(?<unsigned>[uU])?`,
    String.raw`(?<name>[A-Za-z_]\w*)`,
    String.raw`(?<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()[\]{}])`,
  ].join('|'),
  'y',
);

/** @throws ExpressionError when a limit is passed, or there is something that CEL has not */
export function tokensOf(source: string): readonly Token[] {
  const { sourceMax, tokensMax, bracketsMax } = expressionLimits;
  if (source.length > sourceMax) fault(`is longer than ${sourceMax} characters`);
  const tokens: Token[] = [];
  let open = 0;
  for (
    let at = after(skipped, source, 0);
    at < source.length;
    at = after(skipped, source, lexeme.lastIndex)
  ) {
    if (tokens.length === tokensMax) fault(`has more than ${tokensMax} names, literals and operators`, at);
    lexeme.lastIndex = at;
    const found = lexeme.exec(source);
    if (!found)
      return fault(`is no CEL: ${JSON.stringify(String.fromCodePoint(source.codePointAt(at) ?? 0))}`, at);
    const token = tokenOf(found[0], found.groups ?? {}, at);
    if (token.kind === 'sign' && '([{'.includes(token.text)) open++;
    if (token.kind === 'sign' && ')]}'.includes(token.text)) open--;
    if (open > bracketsMax) fault(`has brackets nested deeper than ${bracketsMax}`, at);
    tokens.push(token);
  }
  return tokens;
}

function after(pattern: RegExp, source: string, from: number): number {
  pattern.lastIndex = from;
  pattern.exec(source);
  return pattern.lastIndex;
}

function tokenOf(text: string, groups: Readonly<Record<string, string | undefined>>, at: number): Token {
  const { name, sign, decimal, integer, unsigned, prefix = '' } = groups;
  if (name !== undefined) return { kind: 'name', text, at };
  if (sign !== undefined) return { kind: 'sign', text, at };
  if (decimal !== undefined) return { kind: 'literal', text, at, value: Number(decimal) };
  if (integer !== undefined) {
    const value = BigInt(integer);
    return { kind: 'literal', text, at, value: unsigned === undefined ? value : new Uint(value) };
  }
  if (/b/i.test(prefix)) fault('has bytes, which JSON has not', at);
  if (prefix.length > 1) fault(`is no CEL: a text with the prefix ${prefix}`, at);
  const raw = groups['triple2'] ?? groups['triple1'] ?? groups['double'] ?? groups['single'] ?? '';
  return { kind: 'literal', text, at, value: prefix === '' ? unescaped(raw, at) : raw };
}

const escape =
  /\\(?:(?<plain>[abfnrtv\\?"'`])|[xX](?<byte>[\da-fA-F]{2})|u(?<short>[\da-fA-F]{4})|U(?<long>[\da-fA-F]{8})|(?<octal>[0-3][0-7]{2})|)/g;
const controls: Readonly<Record<string, string>> = {
  ...{ a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};

function unescaped(raw: string, at: number): string {
  if (!raw.includes('\\')) return raw;
  return raw.replaceAll(escape, (whole: string, ...found: unknown[]) => {
    const { plain, byte, short, long, octal } = found.at(-1) as Readonly<Record<string, string | undefined>>;
    if (plain !== undefined) return controls[plain] ?? plain;
    const hex = byte ?? short ?? long;
    const code = hex === undefined ? parseInt(octal ?? '', 8) : parseInt(hex, 16);
    const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    return isCharacter ? String.fromCodePoint(code) : fault(`is no CEL: the escape ${whole}`, at);
  });
}
