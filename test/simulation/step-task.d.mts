import type { Task, TaskContext } from '@baton/flow';

/** Where the task runs. */
export interface StepPlace<C> {
  begin(action: 'execute' | 'revert', context: TaskContext): C | Promise<C>;
  /** So long does it work. */
  pass(ms: number, context: TaskContext): Promise<void>;
  /** The effect, in one step with its record. */
  end(call: C, failed: boolean): void;
  /** It saw what cannot be. */
  odd(what: string): void;
}

export function stepTask<C>(place: StepPlace<C>): Task<string, object, object, unknown>;
