/** What an expression may say: the bounds of it, and the names it may use. */

import type { LibraryFunction } from './expression-library.js';

/** Bounds of one expression and of all those of a turn. What is above them is refused or fails; nothing depends on time. */
export const expressionLimits = Object.freeze({
  sourceMax: 4_096,
  /** Names, literals, operators. */
  tokensMax: 300,
  bracketsMax: 32,
  syntaxDepthMax: 32,
  /** A comprehension (`all`, `exists`, `filter`, `map`) inside the body of another is refused. */
  comprehensionDepthMax: 1,
  /** Elements of a list or map that is gone through. */
  listMax: 10_000,
  /** Of data that are compared. */
  dataDepthMax: 64,
  patternMax: 256,
  /** Steps of one evaluation. A step takes at most a quarter of a microsecond, on average a tenth of that. */
  fuel: 30_000,
  /** Steps of one turn after which further deciders are asked in the next one. */
  turnSteps: 200_000,
  /** Steps of one turn that what must be answered in it may take. */
  turnStepsMax: 1_000_000,
});

/** What is known about the names an expression uses. */
export interface Names {
  /** Variables that are there in every evaluation. */
  readonly variables: ReadonlySet<string>;
  /** Names that are short for an entry of the map variable `of`. */
  readonly short?: { readonly of: string; readonly names: ReadonlySet<string> | 'any' };
  /** Functions beside CEL's own; `json.parse` is one name. */
  readonly functions?: ReadonlyMap<string, LibraryFunction>;
}

/** The names of one expression: where their values are, and what is read of them. */
export class Scope {
  readonly #names: Names;
  readonly #variables: readonly string[];
  readonly #read = new Map<string, Set<string>>();
  readonly #readWhole = new Set<string>();

  constructor(names: Names) {
    this.#names = names;
    this.#variables = [...names.variables];
  }

  /** Place of a variable among the values of an evaluation; -1: there is none of this name. */
  slotOf(name: string): number {
    return this.#variables.indexOf(name);
  }

  functionOf(name: string): LibraryFunction | undefined {
    return this.#names.functions?.get(name);
  }

  get variables(): readonly string[] {
    return this.#variables;
  }

  /** The variable that a name is short for an entry of. */
  ownerOf(name: string): string | undefined {
    const { short } = this.#names;
    return short?.names === 'any' || short?.names.has(name) === true ? short.of : undefined;
  }

  reads(variable: string): void {
    this.#readWhole.add(variable);
  }

  /** Only this entry is read. False: it is known that there can be none. */
  readsEntry(variable: string, key: string): boolean {
    const { short } = this.#names;
    if (short?.of === variable && short.names !== 'any' && !short.names.has(key)) return false;
    const read = this.#read.get(variable);
    if (read) read.add(key);
    else this.#read.set(variable, new Set([key]));
    return true;
  }

  /** Entries of a map variable that are read by a name in the text; `undefined`: any may be read. */
  entriesOf(variable: string): ReadonlySet<string> | undefined {
    return this.#readWhole.has(variable) ? undefined : (this.#read.get(variable) ?? new Set());
  }

  /** What there is, for the message about what is not. */
  get known(): string {
    const { short } = this.#names;
    const entries: string[] = [];
    for (const entry of short === undefined || short.names === 'any' ? [] : short.names) {
      if (entries.length === 8) break;
      entries.push(`${short?.of}[${JSON.stringify(entry)}]`);
    }
    return [...this.#variables, ...entries].join(', ');
  }
}
