import { InputError } from '@baton/core';

/** The one error for bytes that are not what they should be; `what` is a clause such as "result has no request id". */
export function malformed(what: string, cause?: unknown): InputError {
  return new InputError('BATON_INPUT_MALFORMED', `undecodable message: ${what}`, { cause });
}

/** A text that must be there: proto3 reads an absent string as an empty one. */
export function required(text: string | null | undefined, what: string): string {
  if (!text) throw malformed(`${what} is missing`);
  return text;
}
