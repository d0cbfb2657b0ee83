import type { Extraction, NodeDefinition } from './definition.js';
import type { Shape } from './schema.js';
import type { RevertContext, TaskContext } from './task-context.js';

declare const types: unique symbol;

/**
 * A task or flow as a part of flows. `N` its name, `R` the symbols it requires with their types, `P` those it provides, `V` its
 * result. `in out` keeps the inference exact: no widening, no narrowing.
 */
export interface Atom<N extends string, in out R extends object, in out P extends object, out V = unknown> {
  readonly name: N;
  /** Never there; carries the types. */
  readonly [types]?: {
    readonly requires: (requires: R) => R;
    readonly provides: (provides: P) => P;
    readonly value: V;
  };
  /** This part of the flow as data. */
  toNode(): NodeDefinition;
  /** The tasks it uses, each once: what a worker must register. */
  tasks(): readonly RunnableTask[];
}

/** A task of whatever types, as a worker or an in-process engine runs it. Arguments are checked against the schemas first. */
export interface RunnableTask {
  readonly name: string;
  readonly version: string;
  readonly requires: Shape;
  readonly optional: Shape;
  /** Symbol → where in the result. */
  readonly provides: Readonly<Record<string, Extraction>>;
  execute(args: Readonly<Record<string, unknown>>, context: TaskContext): unknown;
  revert?(args: Readonly<Record<string, unknown>>, context: RevertContext<unknown>): unknown;
}

/** Any atom, where its types do not matter. */
export interface AnyAtom {
  readonly name: string;
  toNode(): NodeDefinition;
  tasks(): readonly RunnableTask[];
}

export type RequiresOf<A> = A extends Atom<string, infer R, infer _P, unknown> ? R : never;
export type ProvidesOf<A> = A extends Atom<string, infer _R, infer P, unknown> ? P : never;

/** Symbols that are provided with one type and required with another. */
export type Clash<Have, Need> = {
  [K in keyof Need & keyof Have as [Have[K]] extends [Need[K]] ? never : K]: {
    provided: Have[K];
    required: Need[K];
  };
};

/** Symbols that two atoms require with types no value has both of. */
export type Conflict<One, Other, Names = keyof One> = {
  [K in keyof One & keyof Other & Names as [One[K] & Other[K]] extends [never] ? K : never]: {
    one: One[K];
    another: Other[K];
  };
};

/** What a clash makes of the requirements: nothing can satisfy it, and the compiler prints the symbol and both types. */
export interface ClashOf<C> {
  readonly 'provided with one type and required with another': Flat<C>;
}

/** The same for atoms that disagree about a symbol from outside. */
export interface ConflictOf<C> {
  readonly 'required with types that exclude each other': Flat<C>;
}

/** The requirements, unless symbols clash or requirements conflict. */
type Judged<C, D, R> = {} extends C ? ({} extends D ? R : ConflictOf<D>) : ClashOf<C>;

/** Joins the members of a union into one type. */
export type Together<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I & object
  : object;

/** The same properties as one object type; the intersection makes the compiler print them instead of how they were computed. */
export type Flat<T> = { [K in keyof T]: T[K] } & {};

/**
 * One atom after the other: each may use what came before it (S6), the latest provider of a symbol first (E-411). Tail-recursive, and
 * names are carried along instead of being asked for at each step: that makes hundreds of atoms possible in one `add`. What a chain of
 * `add` gathers stays a plain intersection: flattened each time, it would nest one type in the other, and the compiler goes 100 deep.
 */
export type Fold<L, Have extends object, R extends object> = Have extends infer H extends Open
  ? R extends infer N extends Open
    ? FoldFrom<L, H, N, keyof Have, keyof R> extends infer F extends Sums
      ? [keyof Have | keyof R] extends [never]
        ? { requires: Flat<F['requires']>; provides: Flat<F['provides']> }
        : F
      : never
    : never
  : never;
/** What a record of symbols is to the compiler, for whatever symbol is looked up. */
type Open = { readonly [X in PropertyKey]: unknown };
interface Sums {
  requires: object;
  provides: object;
}

type FoldFrom<L, Have extends Open, R extends Open, Names, Needs> = L extends readonly [
  infer A,
  ...infer Rest,
]
  ? Step<Rest, RequiresOf<A>, ProvidesOf<A>, Have, R, Names, Needs>
  : { requires: R; provides: Have };

type Step<Rest, Need extends object, P extends object, Have extends Open, R extends Open, Names, Needs> = [
  { [K in keyof Need & Names]: [Have[K]] extends [Need[K]] ? never : K }[keyof Need & Names],
] extends [never]
  ? {} extends Conflict<R, Need, Exclude<Needs, Names>>
    ? FoldFrom<
        Rest,
        [keyof P & Names] extends [never] ? Have & P : Closed<Omit<Have, keyof P> & P>,
        [Exclude<keyof Need, Names>] extends [never] ? R : R & Without<Need, Names>,
        Names | keyof P,
        Needs | Exclude<keyof Need, Names>
      >
    : { requires: Flat<ConflictOf<Conflict<R, Need, Exclude<Needs, Names>>>>; provides: Have }
  : { requires: Flat<ClashOf<Clash<Have, Need>>>; provides: Have };

type Closed<T> = T extends infer H extends Open ? H : never;
type Without<T, Names> = [keyof T & Names] extends [never] ? T : Flat<Omit<T, keyof T & Names>>;

/** Any order, each may use what any other provides: a graph. */
export type Bag<L extends readonly unknown[], Have extends object, R extends object> = BagOf<
  AnyOf<Have | ProvidesOf<L[number]>>,
  R | RequiresOf<L[number]>
>;
type BagOf<P extends object, Needs extends object> = {
  requires: Judged<
    Clash<P, Together<Needs>>,
    Split<Omit<Together<Needs>, keyof P>, Needs>,
    Omit<Together<Needs>, keyof P>
  >;
  provides: P;
};

/** Any order, each may use only what the retry controller provides: an unordered flow. */
export type Apart<Needs extends object, C extends object, R extends object> = Judged<
  Clash<C, Together<Needs>>,
  Split<R & Omit<Together<Needs>, keyof C>, R | Needs>,
  R & Omit<Together<Needs>, keyof C>
>;

/** Of symbols required by several, those that no value fits, with the types they are required with. */
type Split<R, Needs> = { [K in keyof R as [R[K]] extends [never] ? K : never]: TypesOf<Needs, K> };

/** What several provide without an order: a symbol that two of them provide may be of either. */
export type AnyOf<U> = EitherOf<Together<U>, U>;
type EitherOf<P, U> = { [K in keyof P]: [P[K]] extends [never] ? TypesOf<U, K> : P[K] };

type TypesOf<U, K> = U extends unknown ? (K extends keyof U ? U[K] : never) : never;
