/**
 * Flows: atoms in order (`linear`), in any order (`unordered`), or in the order of links and symbols (`graph`). Immutable: each
 * `add` gives a new flow; with many atoms, give them in one call. A flow's type says what it still requires, which is exactly what
 * `post(flow, { store })` and `runFlow(flow, { store })` must be given. What no flow can be made of, and options there are not, is a DefinitionError
 * `BATON_DEFINITION_INVALID`.
 */
import { DefinitionError } from '@baton/core';
import type {
  AnyAtom,
  AnyOf,
  Apart,
  Atom,
  Bag,
  Flat,
  Fold,
  ProvidesOf,
  RequiresOf,
  RunnableTask,
} from './atom.js';
import {
  checkAtom,
  checkAtoms,
  checkOptions,
  linkingOptions,
  linkOptions,
  named,
  patternOptions,
} from './builder-options.js';
import type {
  DeciderDefinition,
  DeciderDepth,
  FlowDefinition,
  FlowOptions,
  LinkDefinition,
  PatternDefinition,
} from './definition.js';
import { flowOptions } from './flow-schema.js';
import { GraphLinks, type LinkingOptions } from './graph-links.js';
import { ancestors } from './node-symbols.js';
import type { Retry } from './retry.js';

export interface PatternOptions<R extends object, P extends object> {
  /** Decides what happens when an atom of this flow fails. */
  readonly retry?: Retry<R, P>;
}

/** What all flows have. */
export interface Flow<N extends string, in out R extends object, in out P extends object> extends Atom<
  N,
  R,
  P
> {
  /** The flow as data, to post or to compile. */
  toJSON(options?: FlowOptions): FlowDefinition;
  toNode(): PatternDefinition;
}

type Folded<N extends string, F> = F extends {
  requires: infer R extends object;
  provides: infer P extends object;
}
  ? LinearFlow<N, R, P>
  : never;

export interface LinearFlow<N extends string, in out R extends object, in out P extends object> extends Flow<
  N,
  R,
  P
> {
  /** Appends atoms, each of which may use what those before it provide. */
  add<const L extends readonly AnyAtom[]>(...atoms: L): Folded<N, Fold<L, P, R>>;
  /** Appends generated atoms; what they require and provide is checked when the flow is compiled. */
  addAll<R2 extends object = {}, P2 extends object = {}>(
    atoms: Iterable<AnyAtom>,
  ): LinearFlow<N, Flat<R & Omit<R2, keyof P>>, Flat<P & P2>>;
}

/** `C`: what the retry controller provides, all that the atoms of an unordered flow can see of each other. */
export interface UnorderedFlow<
  N extends string,
  in out R extends object,
  in out P extends object,
  in out C extends object = {},
> extends Flow<N, R, P> {
  add<const L extends readonly AnyAtom[]>(
    ...atoms: L
  ): UnorderedFlow<N, Flat<Apart<RequiresOf<L[number]>, C, R>>, Flat<AnyOf<P | ProvidesOf<L[number]>>>, C>;
  addAll<R2 extends object = {}, P2 extends object = {}>(
    atoms: Iterable<AnyAtom>,
  ): UnorderedFlow<N, Flat<R & Omit<R2, keyof C>>, Flat<P & P2>, C>;
}

type Bagged<N extends string, B> = B extends {
  requires: infer R extends object;
  provides: infer P extends object;
}
  ? GraphFlow<N, Flat<R>, Flat<P>>
  : never;

export interface GraphFlow<N extends string, in out R extends object, in out P extends object> extends Flow<
  N,
  R,
  P
> {
  /** Adds atoms; each is linked after the one that provides what it requires, whatever the order of adding. */
  add<const L extends readonly AnyAtom[]>(...atoms: L): Bagged<N, Bag<L, P, R>>;
  addAll<R2 extends object = {}, P2 extends object = {}>(
    atoms: Iterable<AnyAtom>,
    options?: LinkingOptions,
  ): GraphFlow<N, Flat<Omit<R & R2, keyof (P & P2)>>, Flat<P & P2>>;
  /**
   * `to` runs after `from`; with a decider, only if it says so. Both must have been added.
   * @throws DefinitionError `BATON_DEFINITION_UNKNOWN_NODE`, `BATON_DEFINITION_CYCLE`; `BATON_DEFINITION_DECIDER_NOT_PORTABLE` for a
   *   decider that is a function: its name stands here, the function where the flow is run
   */
  link(from: AnyAtom, to: AnyAtom, options?: LinkOptions): GraphFlow<N, R, P>;
  /**
   * Only `node` and what runs before it (E-204); this flow stays whole. Links by hand are unknown to the types, so at most as much is
   * required as of the whole, and only what `node` provides is promised.
   * @throws DefinitionError `BATON_DEFINITION_UNKNOWN_NODE`
   */
  target<A extends AnyAtom>(node: A): GraphFlow<N, R, ProvidesOf<A>>;
}

export interface LinkOptions {
  readonly decider: DeciderDefinition;
  /** What else is left out when the decider says no. Default `all`: everything after the target. */
  readonly depth?: DeciderDepth;
}

/** Atoms one after the other. */
export function linear<const N extends string, R extends object = {}, P extends object = {}>(
  name: N,
  options: PatternOptions<R, P> = {},
): LinearFlow<N, R, P> {
  return start<LinearFlow<N, R, P>>('linear', name, options);
}

/** Atoms in any order, also at the same time. */
export function unordered<const N extends string, R extends object = {}, P extends object = {}>(
  name: N,
  options: PatternOptions<R, P> = {},
): UnorderedFlow<N, R, P, P> {
  return start<UnorderedFlow<N, R, P, P>>('unordered', name, options);
}

/** Atoms in the order of their links. */
export function graph<const N extends string, R extends object = {}, P extends object = {}>(
  name: N,
  options: PatternOptions<R, P> = {},
): GraphFlow<N, R, P> {
  return start<GraphFlow<N, R, P>>('graph', name, options);
}

/** The types promise more than the code can show the compiler: what `R` and `P` become is computed by types alone. */
function start<F>(kind: PatternDefinition['kind'], name: string, options: { readonly retry?: AnyRetry }): F {
  checkOptions(named(kind, name), patternOptions, options);
  const { retry } = options;
  const base = { kind, name, ...(retry && { retry: retry.definition }) } as const;
  return new BuiltFlow(base, [], new GraphLinks(name, retry?.definition)) as F;
}

type AnyRetry = Pick<Retry, 'definition'>;

class BuiltFlow {
  readonly name: string;
  readonly #base: Omit<PatternDefinition, 'children' | 'links'>;
  readonly #atoms: readonly AnyAtom[];
  readonly #links: GraphLinks;
  readonly #node: PatternDefinition;

  constructor(
    base: Omit<PatternDefinition, 'children' | 'links'>,
    atoms: readonly AnyAtom[],
    links: GraphLinks,
  ) {
    this.name = base.name;
    this.#base = base;
    this.#atoms = atoms;
    this.#links = links;
    const children = atoms.map((atom) => atom.toNode());
    this.#node = Object.freeze({
      ...base,
      children,
      ...(base.kind === 'graph' && { links: links.definitions }),
    });
  }

  add(...atoms: readonly AnyAtom[]): BuiltFlow {
    return this.addAll(atoms);
  }

  addAll(atoms: Iterable<AnyAtom>, options: LinkingOptions = {}): BuiltFlow {
    const title = this.#title;
    checkAtoms(title, atoms);
    checkOptions(title, linkingOptions, options);
    // the same object a second time is ignored (E-207)
    const all = new Set(this.#atoms);
    const links = this.#base.kind === 'graph' ? this.#links.copy() : this.#links;
    for (const atom of atoms) {
      checkAtom(title, atom);
      if (all.has(atom)) continue;
      all.add(atom);
      if (this.#base.kind === 'graph') links.add(atom.toNode(), options);
    }
    return new BuiltFlow(this.#base, [...all], links);
  }

  link(from: AnyAtom, to: AnyAtom, options?: LinkOptions): BuiltFlow {
    const ends = { from: this.#indexOf(from), to: this.#indexOf(to) };
    if (isFunction(options?.decider))
      throw new DefinitionError(
        'BATON_DEFINITION_DECIDER_NOT_PORTABLE',
        `the link ${from.name} → ${to.name} of ${this.name} is decided by a function, and a flow is data: give expr('…'); or only in process, { local: 'NAME' } here and the function to runFlow, as functions: { deciders: { NAME } }`,
      );
    if (options !== undefined)
      checkOptions(`the link ${from.name} → ${to.name} of ${this.name}`, linkOptions, options);
    const links = this.#links.copy();
    links.link({ ...ends, ...options } satisfies LinkDefinition);
    return new BuiltFlow(this.#base, this.#atoms, links);
  }

  target(atom: AnyAtom): BuiltFlow {
    const index = this.#indexOf(atom);
    const kept = new Set([index, ...ancestors(this.#node)(index)]);
    const atoms = this.#atoms.filter((_, child) => kept.has(child));
    const children = [...kept].toSorted((a, b) => a - b);
    const links = new GraphLinks(this.name, this.#base.retry);
    for (const child of atoms) links.add(child.toNode(), { resolveRequires: false, resolveExisting: false });
    for (const { from, to, ...link } of this.#links.definitions)
      if (kept.has(from) && kept.has(to))
        links.link({ ...link, from: children.indexOf(from), to: children.indexOf(to) });
    return new BuiltFlow(this.#base, atoms, links);
  }

  toNode(): PatternDefinition {
    return this.#node;
  }

  tasks(): readonly RunnableTask[] {
    return [...new Set(this.#atoms.flatMap((atom) => atom.tasks()))];
  }

  /** `JSON.stringify` calls this with a key, which is no option. */
  toJSON(options?: FlowOptions | string): FlowDefinition {
    if (typeof options === 'object') checkOptions(this.#title, flowOptions, options);
    return { schemaVersion: 1, root: this.#node, ...(typeof options === 'object' && { options }) };
  }

  get #title(): string {
    return `${this.#base.kind} ${this.name}`;
  }

  #indexOf(atom: AnyAtom): number {
    checkAtom(this.#title, atom);
    const index = this.#atoms.indexOf(atom);
    if (index >= 0) return index;
    throw new DefinitionError(
      'BATON_DEFINITION_UNKNOWN_NODE',
      `${atom.name} is linked in ${this.name} before it was added`,
    );
  }
}

/** What the types refuse, in a module that no compiler has seen. */
function isFunction(decider: unknown): boolean {
  const { local } = (decider ?? {}) as { readonly local?: unknown };
  return typeof decider === 'function' || typeof local === 'function';
}
