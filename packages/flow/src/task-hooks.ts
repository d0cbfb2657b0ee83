import { toFailure, valueLimits, withDetails } from '@baton/core';
import type { TaskContext } from './task-context.js';
import { encodeUserValue } from './user-value.js';

/**
 * What a task does around its methods, where they run and inside the same attempt (E-129; taskflow task.py). What comes after is called after a failure
 * too. One that throws makes the attempt fail as if the method had thrown; a result that is lost by it is in the `details` of the failure.
 */
export interface TaskHooks {
  preExecute?(context: TaskContext): unknown;
  postExecute?(context: TaskContext): unknown;
  preRevert?(context: TaskContext): unknown;
  postRevert?(context: TaskContext): unknown;
}

type Hook = ((context: TaskContext) => unknown) | undefined;
type Method<A, C extends TaskContext> = (args: A, context: C) => unknown;

/** The method with what comes before and after it. */
export function hooked<A, C extends TaskContext>(
  method: Method<A, C>,
  before: Hook,
  after: Hook,
): Method<A, C> {
  if (!before && !after) return method;
  return async (args, context) => {
    let result: unknown;
    try {
      await before?.(context);
      result = await method(args, context);
    } catch (error) {
      await afterFailure(after, context);
      throw error;
    }
    try {
      await after?.(context);
      return result;
    } catch (error) {
      throw keeping(result, error);
    }
  };
}

/** The first failure is the one that counts. */
async function afterFailure(after: Hook, context: TaskContext): Promise<void> {
  try {
    await after?.(context);
  } catch (error) {
    context.log.warn('what comes after a failed method failed as well', { failure: toFailure(error) });
  }
}

function keeping(result: unknown, error: unknown): unknown {
  const encoded = encodeUserValue(result);
  if (result === undefined || 'problem' in encoded || !('data' in encoded.value)) return error;
  return encoded.sizeBytes > valueLimits.inlineBytesMax
    ? error
    : withDetails(error, { result: encoded.value.data });
}
