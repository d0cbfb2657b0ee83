import type { Extraction, RevertContext, Shape, TaskContext } from '@baton/flow';

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
  execute(args: Arguments, context: TaskContext): unknown;
  revert?(args: Arguments, context: RevertContext<unknown>): unknown;
}
