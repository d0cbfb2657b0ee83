import { durationMs, type Duration, type Failure, type JsonValue } from '@baton/core';
import type { Atom, Flat, RunnableTask, Together } from './atom.js';
import { checkOptions, checkTaskOptions, type isolations, named, useOptions } from './builder-options.js';
import type { AttemptPolicy, Extraction, OnWorkerLoss, TaskDefinition, TaskTimeouts } from './definition.js';
import type { InputOf, OutputOf, Shape } from './schema.js';
import type { RevertContext, TaskContext } from './task-context.js';
import { hooked, type TaskHooks } from './task-hooks.js';

export type Isolation = (typeof isolations)[number];

/** A symbol for the whole result, symbols picked from it by key, or by position (S3). */
export type Provides = string | readonly string[] | { readonly byIndex: readonly string[] } | undefined;

/** What `provides` makes of a result of type `V`. */
export type ProvidedBy<K, V> = [K] extends [undefined]
  ? {}
  : K extends string
    ? { [X in K]: V }
    : K extends readonly string[]
      ? { [X in K[number]]: X extends keyof V ? V[X] : NotReturned<X> }
      : K extends { readonly byIndex: infer L extends readonly string[] }
        ? {
            [I in keyof L & `${number}` as L[I] & string]: I extends keyof V
              ? V[I]
              : V extends readonly (infer E)[]
                ? E
                : never;
          }
        : {};

/** Stands for a promised part that `execute` does not return; nothing can use it. */
export interface NotReturned<X> {
  readonly 'not returned by execute': X;
}

type Arguments<S extends Shape, O extends Shape> = Flat<OutputOf<S> & Partial<OutputOf<O>>>;

/** Inputs by symbol: parameters renamed by `rebind`, without what is injected. */
export type Requirements<S extends Shape, O extends Shape, B, I> = Flat<
  Omit<Renamed<InputOf<S>, B> & Partial<Renamed<InputOf<O>, B>>, keyof I>
>;
/** Two parameters bound to one symbol: the symbol must fit both. */
type Renamed<R, B> = keyof B extends never
  ? R
  : Flat<Together<{ [K in keyof R]: { [X in SymbolOf<K, B>]: R[K] } }[keyof R]>>;
type SymbolOf<K, B> = K extends keyof B ? (B[K] extends string ? B[K] : K) : K;

/** Refuses names that are no parameters of the task. */
type OnlyParameters<B, S extends Shape, O extends Shape> = {
  readonly [K in Exclude<keyof B, keyof S | keyof O>]: NoParameter<K>;
};
/** Stands for a parameter the task does not have; nothing fits it. */
export interface NoParameter<K> {
  readonly 'no parameter of this task': K;
}

/** Refuses constants of a type other than the one required. */
type Fitting<I, R> = {
  readonly [K in keyof I & keyof R as Plain<I[K]> extends R[K] ? never : K]: WrongConstant<K, I[K], R[K]>;
};
/** Stands for a constant that does not fit its symbol; nothing fits it. */
export interface WrongConstant<K, Injected, Required> {
  readonly 'injected with one type and required with another': {
    symbol: K;
    injected: Injected;
    required: Required;
  };
}
/** Constants are inferred as read-only; what takes them need not say so. */
type Plain<V> = V extends object ? { -readonly [K in keyof V]: Plain<V[K]> } : V;

export type Attempts = Omit<AttemptPolicy, 'delayMs'> & { readonly delay?: Duration };

export interface TaskOptions<
  S extends Shape,
  O extends Shape,
  V,
  K extends Provides,
  B extends Readonly<Record<string, string>>,
  I extends Readonly<Record<string, JsonValue>>,
> extends TaskHooks {
  /** Parameter → schema or `type<T>()`. */
  readonly requires?: S;
  /** Parameters that may be absent. */
  readonly optional?: O;
  readonly provides?: K;
  /** Parameter → symbol, where they are not called the same. */
  readonly rebind?: B & OnlyParameters<B, S, O>;
  /** Constants: symbol → value. */
  readonly inject?: I & Fitting<I, Renamed<InputOf<S> & InputOf<O>, B>>;
  /** `major.minor`; default `1.0`. */
  readonly version?: string;
  /** Orders what becomes ready together, higher first; default 0. */
  readonly priority?: number;
  /** Longest time one attempt may run, and longest wait for a worker. */
  readonly timeout?: { readonly attempt?: Duration; readonly queue?: Duration };
  /** When the worker that runs it is lost: send the request to another (default), fail the attempt, or leave it to an operator. */
  readonly onWorkerLoss?: OnWorkerLoss;
  /**
   * Where a worker runs it; not part of the flow. `inline` (default): on the worker's event loop, which it must not block. `thread` or `process`: in one
   * of its own, killed when it does not stop in time; what the module keeps in memory is then not shared with the other tasks. What makes synchronous or
   * native calls (`execSync`, add-ons) needs a `process`: a thread is not interrupted in them. In-process engines run every task inline.
   */
  readonly isolation?: Isolation;
  /** Repeats without a revert. */
  readonly attempts?: Attempts;
  execute(args: Arguments<S, O>, context: TaskContext): V | Promise<V>;
  /** Undoes what `execute` did; also after a failed attempt, which may have done part of its work. */
  revert?(args: Arguments<S, O>, context: RevertContext<NoInfer<V>>): unknown;
}

/** How one use of a task differs from the task. */
export interface Use<B, I> {
  readonly rebind?: B;
  readonly inject?: I;
  readonly priority?: number;
}

/** A task: a part of flows, and what a worker registers. Immutable. */
export interface Task<
  N extends string,
  in out R extends object,
  in out P extends object,
  out V,
  S extends Shape = Shape,
  O extends Shape = Shape,
> extends Atom<N, R, P, V> {
  readonly version: string;
  readonly requires: S;
  readonly optional: O;
  /** Symbol → where in the result. */
  readonly provides: Readonly<Record<string, Extraction>>;
  readonly isolation: Isolation;
  // methods, so that a worker may hold tasks of all types in one list
  execute(args: Arguments<S, O>, context: TaskContext): unknown;
  revert?(args: Arguments<S, O>, context: RevertContext<unknown>): unknown;
  /** The same task as another atom, so that one flow can use it several times. */
  as<
    const N2 extends string,
    const B extends Readonly<Record<string, string>> = {},
    const I extends Readonly<Record<string, JsonValue>> = {},
  >(
    name: N2,
    use?: Use<B & OnlyParameters<B, S, O>, I & Fitting<I, Renamed<InputOf<S> & InputOf<O>, B>>>,
  ): Atom<N2, Requirements<S, O, B, I>, P, V>;
  toNode(): TaskDefinition;
}

/**
 * Declares a task.
 * @throws DefinitionError `BATON_DEFINITION_INVALID` for an option there is not, or that is not as described here.
 */
export function task<
  const N extends string,
  const S extends Shape = {},
  const O extends Shape = {},
  V = void,
  const K extends Provides = undefined,
  const B extends Readonly<Record<string, string>> = {},
  const I extends Readonly<Record<string, JsonValue>> = {},
>(
  name: N,
  options: TaskOptions<S, O, V, K, B, I>,
): Task<N, Requirements<S, O, B, I>, Flat<ProvidedBy<K, V>>, V, S, O> {
  checkTaskOptions(name, options);
  const { requires, optional, version = '1.0', isolation = 'inline', execute, revert } = options;
  const { preExecute, postExecute, preRevert, postRevert } = options;
  const provides = extractions(options.provides);
  const node = nodeOf(name, options, provides);
  const made: Task<N, Requirements<S, O, B, I>, Flat<ProvidedBy<K, V>>, V, S, O> = Object.freeze({
    name,
    version,
    requires: requires ?? ({} as S),
    optional: optional ?? ({} as O),
    provides,
    isolation,
    execute: hooked(execute.bind(options), preExecute?.bind(options), postExecute?.bind(options)),
    ...((revert ?? preRevert ?? postRevert) && {
      revert: hooked(
        (revert?.bind(options) ?? nothing) as (args: unknown, context: RevertContext<unknown>) => unknown,
        preRevert?.bind(options),
        postRevert?.bind(options),
      ),
    }),
    as: <N2 extends string>(as: N2, use: Use<unknown, unknown> = {}) => {
      checkOptions(named(`task ${name} as`, as), useOptions, use);
      const used = { ...node, ...(use as object), name: as, task: name } as TaskDefinition;
      return Object.freeze({ name: as, toNode: () => used, tasks });
    },
    toNode: () => node,
    tasks,
  });
  function tasks(): readonly RunnableTask[] {
    return [made as RunnableTask];
  }
  return made;
}

type Declared = Pick<
  TaskOptions<Shape, Shape, unknown, Provides, {}, {}>,
  'requires' | 'optional' | 'version' | 'priority' | 'timeout' | 'onWorkerLoss' | 'attempts'
> & {
  readonly rebind?: Readonly<Record<string, string>>;
  readonly inject?: Readonly<Record<string, JsonValue>>;
};

function nodeOf(
  name: string,
  options: Declared,
  provides: Readonly<Record<string, Extraction>>,
): TaskDefinition {
  const {
    requires = {},
    optional = {},
    rebind,
    inject,
    version,
    priority,
    timeout,
    onWorkerLoss,
    attempts,
  } = options;
  return Object.freeze({
    kind: 'task',
    name,
    requires: Object.keys(requires),
    optional: Object.keys(optional),
    provides,
    ...(rebind && { rebind }),
    ...(inject && { inject }),
    ...(version !== undefined && { version }),
    ...(priority !== undefined && { priority }),
    ...(timeout && { timeout: timeoutMs(timeout) }),
    ...(onWorkerLoss && { onWorkerLoss }),
    ...(attempts && { attempts: attemptPolicy(attempts) }),
  } satisfies TaskDefinition);
}

function nothing(): void {
  // a task that only has something around its revert
}

export function extractions(provides: Provides): Readonly<Record<string, Extraction>> {
  if (provides === undefined) return {};
  if (typeof provides === 'string') return { [provides]: null };
  if ('byIndex' in provides)
    return Object.fromEntries(provides.byIndex.map((symbol, index) => [symbol, index] as const));
  return Object.fromEntries(provides.map((symbol) => [symbol, symbol] as const));
}

function timeoutMs({ attempt, queue }: NonNullable<Declared['timeout']>): TaskTimeouts {
  return {
    ...(attempt !== undefined && { attemptMs: durationMs(attempt) }),
    ...(queue !== undefined && { queueMs: durationMs(queue) }),
  };
}

export function attemptPolicy({ delay, ...rest }: Attempts): AttemptPolicy {
  return { ...rest, ...(delay !== undefined && { delayMs: durationMs(delay) }) };
}

/** Whether a `revert` is given the failure of `execute` instead of its result. */
export function isFailure(result: unknown): result is Failure {
  const candidate = result as Partial<Failure> | null | undefined;
  return (
    typeof candidate === 'object' &&
    candidate !== null &&
    candidate.version === 1 &&
    Array.isArray(candidate.types)
  );
}
