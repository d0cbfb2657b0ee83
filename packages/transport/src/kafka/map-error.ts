import { codeOf, InputError, UnavailableError, type UnavailableCode } from '@baton/core';

/** Kafka's words for "this can never be stored here". */
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/** What kafkajs threw, as ours: its retries wrap the first cause, so the innermost error tells. */
export function mapError(error: unknown, what: string, code: UnavailableCode): Error {
  if (codeOf(error) !== undefined) return error as Error;
  const root = rootOf(error);
  if (TOO_LARGE.has(typeOf(root)))
    return new InputError('BATON_INPUT_TOO_LARGE', `${what}: the broker refuses the size`, { cause: error });
  const reason = root instanceof Error ? root.message : String(root);
  return new UnavailableError(code, `${what}: ${reason}`, { cause: error });
}

/** Protocol error type of Kafka, such as `UNKNOWN_TOPIC_OR_PARTITION`; empty for anything else. */
export function kafkaErrorType(error: unknown): string {
  return typeOf(rootOf(error));
}

function rootOf(error: unknown): unknown {
  let root = error;
  for (let depth = 0; depth < 8; depth++) {
    const cause = (root as { readonly cause?: unknown } | null)?.cause;
    if (cause === undefined || cause === null || cause === root) break;
    root = cause;
  }
  return root;
}

function typeOf(error: unknown): string {
  const type = (error as { readonly type?: unknown } | null)?.type;
  return typeof type === 'string' ? type : '';
}
