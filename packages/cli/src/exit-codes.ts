import { codeOf, familyOf } from '@baton/core';
import type { ErrorFamily } from '@baton/core';

/** What the process says to scripts (table in the README). */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  jobFailed: 3,
  notFound: 5,
  conflict: 6,
  unavailable: 7,
  drainedWithWork: 8,
  doctorFoundProblems: 9,
  invariant: 70,
  timeout: 124,
  interrupted: 130,
} as const;

const byFamily: Readonly<Record<ErrorFamily, number>> = {
  input: exitCodes.usage,
  definition: exitCodes.usage,
  'not-found': exitCodes.notFound,
  conflict: exitCodes.conflict,
  unavailable: exitCodes.unavailable,
  invariant: exitCodes.invariant,
};

export function exitCodeOf(error: unknown): number {
  if (codeOf(error) === 'BATON_UNAVAILABLE_DEADLINE') return exitCodes.timeout;
  const family = familyOf(error);
  return family === undefined ? exitCodes.unexpected : byFamily[family];
}
