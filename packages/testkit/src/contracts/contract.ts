import { describe, it } from '@jest/globals';

/** One substrate under test with everything a case may need; every case gets its own, with names of its own. */
export interface World<P> {
  readonly primitive: P;
  /** Another client of the same place, as another process would have; `dispose` closes it too. */
  peer(): Promise<P>;
  /** How long a case waits for what must come by itself, such as a notice; 10,000 by default. */
  readonly patienceMs?: number;
  dispose(): Promise<void>;
}

/** A world whose service holds several separate places: roots of a tree, databases. */
export interface SeparatedWorld<P> extends World<P> {
  /** A client of another, empty place of the same service; `dispose` closes it too. */
  elsewhere(): Promise<P>;
}

/** One sentence of a contract and how to check it. A plain value, so that it can also be run against planted mutants. */
export interface Case<W> {
  readonly name: string;
  readonly run: (world: W, scope: Scope) => Promise<void>;
}

/** Closes what a case opened, last opened first, whether the case passed or not. */
export class Scope {
  readonly #owned: { close(): Promise<void> }[] = [];

  own<T extends { close(): Promise<void> }>(thing: T): T {
    this.#owned.push(thing);
    return thing;
  }

  async end(): Promise<void> {
    for (const thing of this.#owned.splice(0).reverse()) await thing.close();
  }
}

/** `{ 'sentence': check }` as cases. */
export function casesOf<W>(checks: Readonly<Record<string, Case<W>['run']>>): readonly Case<W>[] {
  return Object.entries(checks).map(([name, run]) => ({ name, run }));
}

/** Runs one case in a world of its own. Rejects with what the case found. */
export async function runCase<W extends World<unknown>>(
  { run }: Case<W>,
  open: () => Promise<W>,
): Promise<void> {
  const world = await open();
  const scope = new Scope();
  try {
    await run(world, scope);
  } finally {
    await scope.end();
    await world.dispose();
  }
}

/** Defines a describe block with one test per case. */
export function defineContract<W extends World<unknown>>(
  name: string,
  cases: readonly Case<W>[],
  open: () => Promise<W>,
): void {
  describe(name, () => {
    it.each(cases)('$name', (each) => runCase(each, open));
  });
}

/** The case of this name, to run it alone. */
export function caseNamed<W>(cases: readonly Case<W>[], name: string): Case<W> {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case is named ${JSON.stringify(name)}`);
  return found;
}
