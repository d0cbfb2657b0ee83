import { ConflictError, type Environment, valueLimits } from '@baton/core';
import { isTooLarge } from './data-size.js';
import type { RoutedState } from './routed-state.js';

/**
 * The environment of a run with keys that are from now on as they are given (C-711): nothing in them is evaluated. Undefined: nothing is to change.
 * @throws ConflictError `BATON_CONFLICT_NOT_REPAIRABLE`: each change is small, and all of them together need not be
 */
export function patchedEnvironment(
  { env, flowId }: RoutedState,
  patch: Environment | undefined,
): Environment | undefined {
  if (patch === undefined) return undefined;
  const patched = { ...env, ...patch };
  const { environmentBytesMax: max } = valueLimits;
  if (!isTooLarge(patched, max)) return patched;
  throw new ConflictError(
    'BATON_CONFLICT_NOT_REPAIRABLE',
    `with this change the environment of ${flowId} would have more than ${max} bytes`,
  );
}
