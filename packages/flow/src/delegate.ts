import { type Duration, durationMs } from '@baton/core';
import type { Atom, Flat, RunnableTask } from './atom.js';
import { checkOptions, delegateOptions, named } from './builder-options.js';
import type { TaskDefinition } from './definition.js';
import type { Answer, Expects } from './expects.js';
import type { RoutedAtomDefinition } from './routed-definition.js';
import type { InputOf, OutputOf, Shape } from './schema.js';
import type { TaskContext } from './task-context.js';
import { attemptPolicy, type Attempts, extractions, type ProvidedBy, type Provides, task } from './task.js';

/** What the task that asks for an answer gets beside what every task does. */
export interface OpenContext extends TaskContext {
  readonly url: string;
  readonly token: string;
}

export interface DelegateOptions<
  S extends Shape,
  K extends Provides = Provides,
  E extends Expects | undefined = Expects | undefined,
> {
  /** Parameter → schema or `type<T>()`: what whoever answers is shown, and `open` is given. */
  readonly requires?: S;
  readonly provides?: K;
  /** The fields of the answer, each with its type: checked when it is given. Default: anything may come. */
  readonly expects?: E;
  /** How long each attempt waits for its answer. Default seven days. */
  readonly timeout?: { readonly wait?: Duration };
  /** Repeats without a revert: each attempt is asked for anew, and the links of those before lead nowhere (C-1112). */
  readonly attempts?: Attempts;
  /** Asks for the answer, run by a worker as each attempt begins. What it returns is of no account; when it throws, the attempt fails. */
  open?(args: OutputOf<S>, context: OpenContext): unknown;
}

/** What waits for an answer from outside: a part of ordered flows, as flow JSON and YAML of routed ones have it, and what a worker does for it. */
export interface Delegate<
  N extends string = string,
  in out R extends object = object,
  in out P extends object = object,
  out V = unknown,
> extends Atom<N, R, P, V> {
  /** For `atoms` of a routed flow: `{ ...approve.atom, onSuccess: … }`. */
  readonly atom: RoutedAtomDefinition;
  /** For the module of a worker; absent where nobody is asked. */
  readonly open?: RunnableTask;
  toNode(): TaskDefinition;
}

/**
 * Declares an atom that waits for a person or another system (C-1101). The task of its `open` is called `name.open`.
 * @throws DefinitionError `BATON_DEFINITION_INVALID` for an option there is not, or that is not as described here.
 */
export function delegate<
  const N extends string,
  const S extends Shape = {},
  const K extends Provides = undefined,
  const E extends Expects | undefined = undefined,
>(
  name: N,
  options: DelegateOptions<S, K, E>,
): Delegate<N, Flat<InputOf<S>>, Flat<ProvidedBy<K, Answer<E>>>, Answer<E>> {
  checkOptions(named('delegate', name), delegateOptions, options);
  const { requires = {} as S, provides, expects, timeout: { wait } = {}, attempts, open } = options;
  const atom = {
    name,
    delegate: name,
    ...(Object.keys(requires).length > 0 && { requires: Object.keys(requires) }),
    ...(expects && { expects }),
    ...(open && { open: `${name}.open` }),
    ...(wait !== undefined && { timeout: { waitMs: durationMs(wait) } }),
    ...(attempts && { attempts: attemptPolicy(attempts) }),
    ...(provides !== undefined && { provides: extractions(provides) }),
  } satisfies RoutedAtomDefinition;
  const node: TaskDefinition = Object.freeze({ kind: 'task', ...atom });
  const part = { name, atom, toNode: () => node };
  if (!open) return Object.freeze({ ...part, tasks: () => [] });
  const execute = (args: object, context: TaskContext): unknown =>
    open.call(options, args as OutputOf<S>, context as OpenContext);
  const asks = task(`${name}.open`, { requires, execute }) as unknown as RunnableTask;
  return Object.freeze({ ...part, open: asks, tasks: () => [asks] });
}
