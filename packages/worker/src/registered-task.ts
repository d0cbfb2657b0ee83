import type { Extraction, Isolation, RevertContext, Shape, TaskContext } from '@baton/flow';

/** By parameter name: decoded, checked, and as the schemas transformed them. Frozen. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A task as the worker sees it: what `task()` of @baton/flow makes, whatever its types. */
export interface RegisteredTask {
  readonly name: string;
  /** `major.minor`. */
  readonly version: string;
  readonly requires: Shape;
  readonly optional: Shape;
  /** Symbol → where in the result. */
  readonly provides: Readonly<Record<string, Extraction>>;
  /** Default `inline`. */
  readonly isolation?: Isolation;
  /** Absolute path of the module that exports it; an isolated task is loaded from there once more. `loadTasks` tells it. */
  readonly module?: string;
  execute(args: Arguments, context: TaskContext): unknown;
  revert?(args: Arguments, context: RevertContext<unknown>): unknown;
}

/** A task that runs in a thread or process of its own. */
export interface IsolatedTask extends RegisteredTask {
  readonly isolation: Exclude<Isolation, 'inline'>;
}

export function isIsolated(task: RegisteredTask): task is IsolatedTask {
  return task.isolation !== undefined && task.isolation !== 'inline';
}
