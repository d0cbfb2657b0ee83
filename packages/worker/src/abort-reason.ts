import { ConflictError, UnavailableError, type BatonError } from '@baton/core';

/** Why a task is told to stop (experience S9). */
export type AbortKind = 'timeout' | 'cancel' | 'lost' | 'drain';

/**
 * What a task finds as `ctx.signal.reason`, to be told apart by its `code`:
 * `BATON_UNAVAILABLE_DEADLINE`, `BATON_CONFLICT_CANCELLED`, `BATON_UNAVAILABLE_SESSION_LOST`, `BATON_UNAVAILABLE_DRAINING`.
 */
export function abortReason(kind: AbortKind, message: string): BatonError {
  switch (kind) {
    case 'timeout':
      return new UnavailableError('BATON_UNAVAILABLE_DEADLINE', message);
    case 'cancel':
      return new ConflictError('BATON_CONFLICT_CANCELLED', message);
    case 'lost':
      return new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', message);
    case 'drain':
      return new UnavailableError('BATON_UNAVAILABLE_DRAINING', message);
  }
}
