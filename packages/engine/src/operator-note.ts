import type { OperatorNote } from '@baton/core';

/** Who wanted it and why, as facts have it; nothing when neither is known. */
export function noteOf({ by, reason }: OperatorNote): { readonly note?: OperatorNote } {
  if (by === undefined && reason === undefined) return {};
  return { note: { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) } };
}
