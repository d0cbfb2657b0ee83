/**
 * YAML as data with places, under the limits of C-1505: nothing of YAML that makes one thing of another (anchors, tags, merge keys), and nothing
 * that costs more than its length.
 */
import type { JsonValue } from '@baton/core';
import {
  Composer,
  CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type ParsedNode,
  type Document,
} from 'yaml';
import type { Problems, SourceNode } from './problems.js';

/** Of one text. Depth: how deep maps and lists nest; nodes: keys, values, maps and lists together; lexemes: words, marks, spaces, line ends. */
export const yamlLimits = Object.freeze({
  bytesMax: 1024 * 1024,
  depthMax: 32,
  nodesMax: 50_000,
  lexemesMax: 400_000,
});

const faultsMax = 10;

export interface YamlData {
  readonly value: JsonValue;
  readonly source: SourceNode;
  /** Where its text begins and ends. */
  readonly range: readonly [number, number];
}

/** The documents of a text; undefined when there are problems, which are added. */
export function readYaml(text: string, problems: Problems): readonly YamlData[] | undefined {
  const { bytesMax } = yamlLimits;
  const bytes = text.length > bytesMax ? text.length : Buffer.byteLength(text);
  if (bytes > bytesMax) {
    problems.addAt(0, `has ${bytes} bytes or more, allowed are ${bytesMax}: split the flow`);
    return undefined;
  }
  const tokens = tokensOf(text, problems);
  if (!tokens) return undefined;
  const composer = new Composer({ schema: 'core', version: '1.2', uniqueKeys: false, stringKeys: true });
  const documents = [...composer.compose(tokens, true, text.length)];
  // one slip makes the rest of the text look wrong too
  const faults = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]).slice(0, faultsMax);
  for (const { pos, code, message } of faults)
    problems.addAt(
      pos[0],
      code === 'NON_STRING_KEY'
        ? 'a key must be a text, not a map or a list'
        : `is no YAML: ${oneLine(message)}`,
    );
  if (problems.count > 0) return undefined;
  const reading = new Reading(problems);
  const read = documents.map((document) => reading.read(document));
  return problems.count > 0 ? undefined : read;
}

/** The parts of the text, as long as they are few and nest little: what comes after recurses. */
function tokensOf(text: string, problems: Problems): readonly CST.Token[] | undefined {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  const size = new Size();
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    size.add(lexeme);
    for (const token of parser.next(lexeme)) {
      tokens.push(token);
      if (token.type === 'error') errors++;
    }
    // each level is on the stack up to twice, and the document, and what is in it
    const isDeep = parser.stack.length > 2 * yamlLimits.depthMax + 4;
    const tooLarge = isDeep ? tooDeep : size.excess;
    if (tooLarge !== undefined) {
      problems.addAt(parser.offset, tooLarge);
      return undefined;
    }
    if (errors === faultsMax) break;
  }
  tokens.push(...parser.end());
  for (const token of tokens)
    if (token.type === 'directive' && !/^%YAML +1\.2\s*$/.test(token.source))
      problems.addAt(token.offset, `${JSON.stringify(token.source)} is not allowed: leave directives out`);
  return problems.count > 0 ? undefined : tokens;
}

const nodeTypes: ReadonlySet<CST.TokenType | null> = new Set([
  ...(['scalar', 'single-quoted-scalar', 'double-quoted-scalar'] as const),
  ...(['flow-map-start', 'flow-seq-start'] as const),
]);
/** Of these a node has no more than one, be it empty: without the nodes, a text of nothing but them would be dear. */
const markTypes: ReadonlySet<CST.TokenType | null> = new Set([
  ...(['seq-item-ind', 'explicit-key-ind', 'map-value-ind', 'comma'] as const),
  ...(['doc-start', 'doc-end', 'directive-line', 'anchor', 'tag', 'alias'] as const),
]);

/** What of a text costs more than its length: a bound from below for its nodes, which are counted once they are there. */
class Size {
  #nodes = 0;
  #marks = 0;
  #lexemes = 0;
  #isScalar = false;

  /** What is too much of it; undefined: nothing. */
  get excess(): string | undefined {
    const { nodesMax, lexemesMax } = yamlLimits;
    if (this.#nodes > nodesMax || this.#marks > nodesMax) return tooMany;
    return this.#lexemes > lexemesMax ? tooBlank : undefined;
  }

  add(lexeme: string): void {
    this.#lexemes++;
    const type = this.#isScalar ? null : CST.tokenType(lexeme);
    // the text of a scalar follows, and may look like anything
    this.#isScalar = type === 'scalar';
    if (nodeTypes.has(type)) this.#nodes++;
    else if (markTypes.has(type)) this.#marks++;
  }
}

const tooDeep = `nests deeper than ${yamlLimits.depthMax} levels: make a part of it a flow of its own`;
const tooMany = `has more than ${yamlLimits.nodesMax} keys and values: split the flow`;
const tooBlank = `has more than ${yamlLimits.lexemesMax} words, spaces, empty lines and comments: leave some out`;

class Reading {
  readonly #problems: Problems;
  #nodes = 0;
  #isOver = false;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  read({ contents, range: [from, , to] }: Document.Parsed): YamlData {
    const nothing = { value: null, source: { at: from } };
    return { ...(contents ? this.#node(contents, 0) : nothing), range: [from, to] };
  }

  #node(node: ParsedNode, depth: number): Omit<YamlData, 'range'> {
    const at = node.range[0];
    const nothing = { value: null, source: { at } };
    if (this.#isOver) return nothing;
    if (++this.#nodes > yamlLimits.nodesMax || depth > yamlLimits.depthMax) {
      this.#isOver = true;
      this.#refuse(at, depth > yamlLimits.depthMax ? tooDeep : tooMany);
      return nothing;
    }
    if (isAlias(node)) {
      this.#refuse(at, `*${node.source} is an alias, which is not allowed: write out what it stands for`);
      return nothing;
    }
    if (node.anchor !== undefined)
      this.#refuse(at, `&${node.anchor} is an anchor, which is not allowed: leave it out`);
    if (node.tag !== undefined)
      this.#refuse(at, `has the tag ${node.tag}, which is not allowed: leave it out`);
    if (isScalar(node))
      return { value: this.#scalar(node.value, at, node.source), source: sourceOf(at, node.source) };
    return isSeq(node) ? this.#list(node.items, at, depth) : this.#map(node, at, depth);
  }

  #scalar(value: unknown, at: number, source?: string): JsonValue {
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      this.#refuse(at, `${source ?? ''} is no number that JSON has: quote it`);
      return null;
    }
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[.e]/i.test(source ?? ''))
      this.#refuse(at, `${source ?? ''} has more digits than a number holds: quote it`);
    return value;
  }

  #list(items: readonly ParsedNode[], at: number, depth: number): Omit<YamlData, 'range'> {
    const read = items.map((item) => this.#node(item, depth + 1));
    return {
      value: read.map(({ value }) => value),
      source: { at, parts: new Map(read.map(({ source }, index) => [index, source])) },
    };
  }

  #map(node: ParsedNode, at: number, depth: number): Omit<YamlData, 'range'> {
    const parts = new Map<string, SourceNode>();
    const entries: [string, JsonValue][] = [];
    for (const { key, value } of isMap<ParsedNode, ParsedNode | null>(node) ? node.items : []) {
      const keyAt = key.range[0];
      const name = this.#key(key, depth);
      if (name === undefined) continue;
      if (parts.has(name))
        this.#refuse(keyAt, `${JSON.stringify(name.slice(0, 60))} stands twice in one map: keep one`);
      const read = value ? this.#node(value, depth + 1) : { value: null, source: { at: keyAt } };
      parts.set(name, { ...read.source, keyAt });
      entries.push([name, read.value]);
    }
    return { value: Object.fromEntries(entries), source: { at, parts } };
  }

  /** All keys are texts by now. */
  #key(key: ParsedNode, depth: number): string | undefined {
    const { value } = this.#node(key, depth + 1);
    if (typeof value !== 'string' || this.#isOver) return undefined;
    if (value !== '<<' || !isScalar(key) || key.type !== 'PLAIN') return value;
    this.#refuse(key.range[0], '<< is a merge key, which is not allowed: write out what it stands for');
    return undefined;
  }

  #refuse(at: number, reason: string): void {
    this.#problems.addAt(at, reason);
  }
}

function sourceOf(at: number, text?: string): SourceNode {
  return text === undefined ? { at } : { at, text };
}

/** The library adds the lines of the text. */
function oneLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}
