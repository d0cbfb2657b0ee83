/**
 * Purpose: what whoever asked is told of an error: a status and a problem document, from one table. Never a stack, never the text of an error that is
 * not known: that goes to the log.
 */
import { codeOf, errorCodes, familyOf } from '@baton/core';
import type { ErrorCode, ErrorFamily } from '@baton/core';

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly error: {
      readonly code: ErrorCode;
      readonly message: string;
      /** What to do. */
      readonly hint: string;
      /** Where the code is described. */
      readonly docs: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
  };
}

const byFamily: Readonly<Record<ErrorFamily, number>> = {
  input: 400,
  definition: 422,
  'not-found': 404,
  conflict: 409,
  unavailable: 503,
  invariant: 500,
};

const byCode: Partial<Record<ErrorCode, number>> = {
  BATON_INPUT_TOO_LARGE: 413,
  BATON_INPUT_UNAUTHENTICATED: 401,
  BATON_INPUT_FORBIDDEN: 403,
  BATON_CONFLICT_NOT_WAITING: 410,
  BATON_CONFLICT_SEQUENCE: 412,
  BATON_CONFLICT_REVISION: 412,
  BATON_UNAVAILABLE_BOARD_FULL: 429,
  BATON_UNAVAILABLE_THROTTLED: 429,
};

/** What the HTTP library refuses by itself, by the status it gives. */
const byStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'BATON_INPUT_INVALID',
  404: 'BATON_NOT_FOUND_ROUTE',
  408: 'BATON_UNAVAILABLE_DEADLINE',
  413: 'BATON_INPUT_TOO_LARGE',
  414: 'BATON_INPUT_TOO_LARGE',
  415: 'BATON_INPUT_MALFORMED',
  431: 'BATON_INPUT_TOO_LARGE',
};

/** Seconds to wait before asking again, where the error does not say. */
const RETRY_AFTER_S = 5;

/** @param requestId under which an error that is not known is in the log */
export function problemOf(error: unknown, requestId: string): Problem {
  const code = codeOf(error);
  if (code !== undefined && Object.hasOwn(errorCodes, code)) {
    const { message, details } = error as { message: string; details?: Readonly<Record<string, unknown>> };
    return problem(byCode[code] ?? byFamily[familyOf({ code }) ?? 'invariant'], code, message, details);
  }
  const { statusCode, code: theirs, message } = (error ?? {}) as Record<string, unknown>;
  if (theirs === 'FST_ERR_HANDLER_TIMEOUT')
    return problem(503, 'BATON_UNAVAILABLE_DEADLINE', 'the request was not answered in time', {});
  const known = typeof statusCode === 'number' && statusCode < 500 ? byStatus[statusCode] : undefined;
  if (known !== undefined) return problem(Number(statusCode), known, String(message), {});
  return problem(500, 'BATON_INVARIANT_UNEXPECTED', 'unexpected error', { requestId });
}

/** Whether a person has to look at it. */
export function isDefect({ status }: Problem): boolean {
  return status === 500;
}

function problem(
  status: number,
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): Problem {
  const { retryAfterS = RETRY_AFTER_S } = details;
  return {
    status,
    headers: {
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...((status === 429 || status === 503) && { 'retry-after': String(retryAfterS) }),
    },
    body: {
      error: {
        code,
        message,
        hint: errorCodes[code].remedy,
        docs: `packages/core/ERRORS.md#${code.toLowerCase()}`,
        details,
      },
    },
  };
}
