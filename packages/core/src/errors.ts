/**
 * Errors are thrown and local; the family tells whoever catches it what to do. (What is stored, sent or shown about an
 * atom is a `Failure`, see `failure.ts`.) Across packages decide by `code` or by `familyOf`, never by `instanceof`.
 */
import type {
  ConflictCode,
  DefinitionCode,
  ErrorCode,
  InputCode,
  InvariantCode,
  NotFoundCode,
  UnavailableCode,
} from './error-codes.js';

export interface BatonErrorOptions {
  readonly cause?: unknown;
  /** Plain data for logs and JSON output; never secrets, never user values. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export abstract class BatonError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: C, message: string, options: BatonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Bad option or payload. Edge: exit code 2, HTTP 400. */
export class InputError extends BatonError<InputCode> {}
/** Bad flow. Caught by whoever compiles: exit code 2, HTTP 422. */
export class DefinitionError extends BatonError<DefinitionCode> {}
/** Unknown thing. Exit code 5, HTTP 404. */
export class NotFoundError extends BatonError<NotFoundCode> {}
/** Somebody else was first. A conductor stops at once and writes nothing. Exit code 6, HTTP 409. */
export class ConflictError extends BatonError<ConflictCode> {}
/** Board, store or transport away, or a deadline passed. Retried to a bound, then the job is abandoned. Exit code 7, HTTP 503. */
export class UnavailableError extends BatonError<UnavailableCode> {}
/** Impossible. Nobody catches it: the process ends with a report. Exit code 70, HTTP 500. */
export class InvariantError extends BatonError<InvariantCode> {}

export type ErrorFamily = 'input' | 'definition' | 'not-found' | 'conflict' | 'unavailable' | 'invariant';

/** The code of a Baton error, whatever copy of this package made it; `undefined` for anything else. */
export function codeOf(error: unknown): ErrorCode | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && code.startsWith('BATON_') ? (code as ErrorCode) : undefined;
}

/** The family by the prefix of the code; `undefined` for what is not a Baton error. */
export function familyOf(error: unknown): ErrorFamily | undefined {
  const match = /^BATON_(INPUT|DEFINITION|NOT_FOUND|CONFLICT|UNAVAILABLE|INVARIANT)_/.exec(
    codeOf(error) ?? '',
  );
  return match?.[1] === undefined ? undefined : (match[1].toLowerCase().replace('_', '-') as ErrorFamily);
}
