/** Arguments of Baton's own tasks, which say themselves what is wrong with one. */
import { type Shape, type } from '@baton/flow';
import type { Arguments } from './registered-task.js';
import { StdTaskError } from './std-task-error.js';

export const given = type<unknown>();

/** Workers pass on what no parameter names; here it is a slip. @throws StdTaskError */
export function checkParameters(task: string, args: Arguments, known: Shape): void {
  const unknown = Object.keys(args).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined)
    throw misfit(task, `there is no parameter ${unknown}; it takes ${Object.keys(known).join(', ')}`);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** Texts by name; numbers, true and false are told as JSON has them. @throws StdTaskError */
export function textOf(task: string, value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw misfit(task, `${where} must be a map of names to texts`);
}

export function misfit(task: string, reason: string): StdTaskError {
  return new StdTaskError('ARGUMENTS_INVALID', `${task}: ${reason}`, { retryable: false });
}
