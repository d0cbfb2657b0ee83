/** What is wrong with a document, all of it, each with its place in the text. */
import { DefinitionError, type JsonValue } from '@baton/core';
import { type Path, pathText, type PlacedMisfit, shortPath } from '../schema-check.js';

/** One thing that is wrong. Lines and columns count from 1. */
export interface YamlProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Place in the document, such as `atoms.fetch.on-success[1]`; empty: the document as a whole. */
  readonly path: string;
  /** All of it: place, path, value, what is wrong and what to do. */
  readonly message: string;
}

/** Where a value of the document, and its key, begin in the text. */
export interface SourceNode {
  readonly at: number;
  /** Of a value of a map. */
  readonly keyAt?: number;
  /** Of a scalar: as it is written. */
  readonly text?: string;
  readonly parts?: ReadonlyMap<string | number, SourceNode>;
}

const problemsMax = 100;
const reasonMax = 1_000;

export class Problems {
  readonly #file: string;
  readonly #text: string;
  readonly #found: (YamlProblem & { readonly at: number })[] = [];
  #root: SourceNode = { at: 0 };
  #prefix: Path = [];
  #value: JsonValue = null;
  #before = 0;
  #lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  /** From here on places are found by path, in this document of the text, or in what stands at `prefix` of it. */
  read(value: JsonValue, root: SourceNode, prefix: Path = []): void {
    this.#before = this.#found.length;
    this.#prefix = prefix;
    this.#value = value;
    this.#root = root;
  }

  get isFull(): boolean {
    return this.#found.length >= problemsMax;
  }

  /** Of what is read now. */
  get count(): number {
    return this.#found.length - this.#before;
  }

  /** At a character of the text. */
  addAt(at: number, reason: string, path = ''): void {
    if (this.isFull) return;
    const { line, column } = this.#placeOf(at);
    const place = `${this.#file}:${line}:${column}: `;
    // names of anchors, tags and the like come from outside, and are as long as the text
    const said = reason.length > reasonMax ? `${reason.slice(0, reasonMax)}…` : reason;
    const message = `${place}${path === '' ? '' : `${path}: `}${said}`;
    this.#found.push({ file: this.#file, line, column, path, message, at });
  }

  /**
   * At a value of the document, which the message repeats; `key`: at its key; `missing`: at what should hold it. A reason that is dear to make is
   * given as a function: past the most that are told it is not asked.
   */
  add(keys: Path, reason: string | (() => string), what: PlacedMisfit['what'] = 'value'): void {
    if (this.isFull) return;
    const { node, value, depth } = this.#find(keys);
    const isThere = depth === keys.length;
    const at =
      what === 'key' && isThere ? (node.keyAt ?? node.at) : isThere ? node.at : (node.keyAt ?? node.at);
    const said = what === 'key' ? shown(String(keys.at(-1) ?? '')) : isThere ? shown(value) : '';
    const text = typeof reason === 'string' ? reason : reason();
    this.addAt(at, said === '' ? text : `${said} ${text}`, shortPath(pathText([...this.#prefix, ...keys])));
  }

  /** A scalar as it is written: `1.10` is not 1.1. */
  textOf(keys: Path): string | undefined {
    const { node, depth } = this.#find(keys);
    return depth === keys.length ? node.text : undefined;
  }

  /** Keys of a map in the order of the text: an object has those that are numbers first. */
  keysAt(keys: Path): readonly string[] {
    const { node, depth } = this.#find(keys);
    return depth === keys.length ? Array.from(node.parts?.keys() ?? [], String) : [];
  }

  /** In the order of the text. */
  get all(): readonly YamlProblem[] {
    const sorted = this.#found.toSorted((a, b) => a.at - b.at);
    return sorted.map(({ at: _, ...problem }) => problem);
  }

  /** @throws DefinitionError `BATON_DEFINITION_DOCUMENT` when there are any */
  throwIfAny(): void {
    const problems = this.all;
    if (problems.length > 0)
      throw new DefinitionError(
        'BATON_DEFINITION_DOCUMENT',
        problems.map(({ message }) => message).join('\n'),
        {
          details: { problems },
        },
      );
  }

  /** The nearest that is there, and how much of the path leads to it. */
  #find(keys: Path): { readonly node: SourceNode; readonly value: JsonValue; readonly depth: number } {
    let node = this.#root;
    let value: unknown = this.#value;
    for (const [depth, key] of keys.entries()) {
      const part = node.parts?.get(key);
      if (!part) return { node, value: null, depth };
      node = part;
      value = (value as Readonly<Record<string | number, unknown>>)[key];
    }
    return { node, value: value as JsonValue, depth: keys.length };
  }

  #placeOf(at: number): { readonly line: number; readonly column: number } {
    this.#lineStarts ??= lineStartsOf(this.#text);
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: at - (starts[low] ?? 0) + 1 };
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n?|\n/g)) starts.push(index + end.length);
  return starts;
}

/** A value, short enough for a message. */
export function shown(value: JsonValue): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'this list';
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0 ? '{}' : 'this map';
  const text = typeof value === 'string' ? value : undefined;
  return text !== undefined && text.length > 60
    ? JSON.stringify(`${text.slice(0, 60)}…`)
    : JSON.stringify(value);
}
