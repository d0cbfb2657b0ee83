import { type Duration, durationMs } from '@baton/core';
import type { RunnableTask } from './atom.js';
import { checkOptions, delegateOptions, named } from './builder-options.js';
import type { Expects } from './expects.js';
import type { RoutedAtomDefinition } from './routed-definition.js';
import type { OutputOf, Shape } from './schema.js';
import type { TaskContext } from './task-context.js';
import { extractions, type Provides, task } from './task.js';

/** What the task that asks for an answer gets beside what every task does. */
export interface OpenContext extends TaskContext {
  readonly url: string;
  readonly token: string;
}

export interface DelegateOptions<S extends Shape> {
  /** Parameter → schema or `type<T>()`: what whoever answers is shown, and `open` is given. */
  readonly requires?: S;
  readonly provides?: Provides;
  /** The fields of the answer, each with its type: checked when it is given. Default: anything may come. */
  readonly expects?: Expects;
  /** How long each attempt waits for its answer. Default seven days. */
  readonly timeout?: { readonly wait?: Duration };
  /** Asks for the answer, run by a worker as each attempt begins. What it returns is of no account; when it throws, the attempt fails. */
  open?(args: OutputOf<S>, context: OpenContext): unknown;
}

/** What waits for an answer from outside, as flow JSON and YAML have it, and what a worker does for it. */
export interface Delegate {
  /** For `atoms` of a routed flow: `{ ...approve.atom, onSuccess: … }`. */
  readonly atom: RoutedAtomDefinition;
  /** For the module of a worker; absent where nobody is asked. */
  readonly open?: RunnableTask;
}

/**
 * Declares an atom that waits for a person or another system (C-1101). The task of its `open` is called `name.open`.
 * @throws DefinitionError `BATON_DEFINITION_INVALID` for an option there is not, or that is not as described here.
 */
export function delegate<const S extends Shape = {}>(name: string, options: DelegateOptions<S>): Delegate {
  checkOptions(named('delegate', name), delegateOptions, options);
  const { requires = {} as S, provides, expects, timeout: { wait } = {}, open } = options;
  const atom: RoutedAtomDefinition = {
    name,
    delegate: name,
    ...(Object.keys(requires).length > 0 && { requires: Object.keys(requires) }),
    ...(expects && { expects }),
    ...(open && { open: `${name}.open` }),
    ...(wait !== undefined && { timeout: { waitMs: durationMs(wait) } }),
    ...(provides !== undefined && { provides: extractions(provides) }),
  };
  if (!open) return Object.freeze({ atom });
  const execute = (args: object, context: TaskContext): unknown =>
    open.call(options, args as OutputOf<S>, context as OpenContext);
  return Object.freeze({
    atom,
    open: task(`${name}.open`, { requires, execute }) as unknown as RunnableTask,
  });
}
