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
  [K in keyof Need & keyof Have as Have[K] extends Need[K] ? never : K]: {
    provided: Have[K];
    required: Need[K];
  };
};

/** What a clash makes of the requirements: nothing can satisfy it, and the compiler prints the symbol and both types. */
export interface ClashOf<C> {
  readonly 'provided with one type and required with another': Flat<C>;
}

/** Joins the members of a union into one type. */
export type Together<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I & object
  : object;

/** The same properties as one object type; the intersection makes the compiler print them instead of how they were computed. */
export type Flat<T> = { [K in keyof T]: T[K] } & {};

/** One atom after the other: each may use what came before it (S6). Tail-recursive, so hundreds of atoms are fine. */
export type Fold<L, Have extends object, R extends object> = L extends readonly [infer A, ...infer Rest]
  ? {} extends Clash<Have, RequiresOf<A>>
    ? Fold<Rest, Have & ProvidesOf<A>, R & Omit<RequiresOf<A>, keyof Have>>
    : { requires: ClashOf<Clash<Have, RequiresOf<A>>>; provides: Have }
  : { requires: R; provides: Have };

/** Any order: each may use what any other provides. */
export type Bag<L extends readonly unknown[], Have extends object, R extends object> = BagOf<
  Have & Together<ProvidesOf<L[number]>>,
  R & Together<RequiresOf<L[number]>>
>;
type BagOf<P extends object, R extends object> =
  {} extends Clash<P, R>
    ? { requires: Omit<R, keyof P>; provides: P }
    : { requires: ClashOf<Clash<P, R>>; provides: P };
