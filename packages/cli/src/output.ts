/**
 * Purpose: what a command has to say, on standard output, in the form that was asked for (B-203): a table on a terminal, tab-separated lines on a
 * pipe, or JSON, JSON lines, YAML, names. Nothing else ever writes there.
 */
import { InputError } from '@baton/core';
import { stringify } from 'yaml';

export const formats = ['table', 'json', 'jsonl', 'yaml', 'name'] as const;
export type Format = (typeof formats)[number];

export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string | number | undefined;
}

export class Output {
  readonly format: Format;
  readonly #isTerminal: boolean;
  readonly #write: (text: string) => void;

  constructor(options: {
    readonly format: Format;
    readonly isTerminal: boolean;
    readonly write: (text: string) => void;
  }) {
    this.format = options.format;
    this.#isTerminal = options.isTerminal;
    this.#write = options.write;
  }

  get isJson(): boolean {
    return this.format === 'json' || this.format === 'jsonl';
  }

  /** A list of things. `name` prints the first column. */
  rows<T>(rows: readonly T[], columns: readonly Column<T>[]): void {
    switch (this.format) {
      case 'json':
        return this.#write(`${JSON.stringify(rows, undefined, 2)}\n`);
      case 'jsonl':
        return this.#write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      case 'yaml':
        return this.#write(stringify(rows));
      case 'name':
        return this.#write(rows.map((row) => `${columns[0]?.of(row) ?? ''}\n`).join(''));
      case 'table':
        return this.#write(this.#table(rows, columns));
    }
  }

  /** One thing: as data, or as the text for people; on a pipe as `cells`, a line each, where it has them. */
  one(
    value: object,
    forPeople: {
      readonly text: string;
      readonly name: string;
      readonly cells?: readonly (readonly (string | number)[])[];
    },
  ): void {
    switch (this.format) {
      case 'json':
        return this.#write(`${JSON.stringify(value, undefined, 2)}\n`);
      case 'jsonl':
        return this.#write(`${JSON.stringify(value)}\n`);
      case 'yaml':
        return this.#write(stringify(value));
      case 'name':
        return this.#write(`${forPeople.name}\n`);
      case 'table':
        if (forPeople.cells !== undefined && !this.#isTerminal)
          return this.#write(forPeople.cells.map((cells) => tabbed(cells.map(String).map(clean))).join(''));
        return this.#write(forPeople.text.endsWith('\n') ? forPeople.text : `${forPeople.text}\n`);
    }
  }

  /** One of a stream of things, as it comes: a line of JSON, a YAML document, or lines for people. `name` says nothing. */
  item(value: object, lines: readonly string[]): void {
    switch (this.format) {
      case 'json':
      case 'jsonl':
        return this.#write(`${JSON.stringify(value)}\n`);
      case 'yaml':
        return this.#write(`---\n${stringify(value)}`);
      case 'name':
        return;
      case 'table':
        return this.#write(lines.map((line) => `${clean(line)}\n`).join(''));
    }
  }

  #table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
    const cells = rows.map((row) => columns.map((column) => clean(String(column.of(row) ?? '–'))));
    if (!this.#isTerminal) return cells.map(tabbed).join('');
    const widths = columns.map((column, index) =>
      Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)),
    );
    const lineOf = (line: readonly string[]): string =>
      `${line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd()}\n`;
    return [columns.map((column) => column.title), ...cells].map(lineOf).join('');
  }
}

function tabbed(cells: readonly string[]): string {
  return `${cells.join('\t')}\n`;
}

/** @throws InputError `BATON_INPUT_INVALID` */
export function parseFormat(text: string | undefined): Format {
  if (text === undefined) return 'table';
  if (!formats.includes(text as Format))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `output format ${JSON.stringify(text)} must be one of ${formats.join(', ')}`,
    );
  return text as Format;
}

/** Names and messages come from outside: they must not move the cursor or break a line. */
export function clean(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·');
}
