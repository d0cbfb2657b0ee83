import { InvariantError } from './errors.js';

/** Ends a `switch` over a union: a new member that is not handled is a compile error, and at run time an `InvariantError`. */
export function assertNever(value: never): never {
  throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `unexpected value ${JSON.stringify(value)}`);
}
