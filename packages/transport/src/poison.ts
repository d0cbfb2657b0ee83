import { codeOf, UnavailableError } from '@baton/core';

/** A record of an inbox that could not be handed over: not decodable, of an unknown version, or of another cluster. */
export interface Poison {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly value: Uint8Array;
  readonly reason: Error;
}

/** A dead letter holds at most so much of the record: base64 adds a third, and it must fit into one record itself. */
const KEPT_BYTES_MAX = 512 * 1024;

/** What stands in `<prefix>.dead`: one JSON object, so that it can be read with any tool. */
export function deadLetterOf(
  { topic, partition, position, value, reason }: Poison,
  by: { readonly member: string; readonly atMs: number },
): Uint8Array {
  const letter = {
    topic,
    partition,
    position,
    code: codeOf(reason) ?? 'BATON_INPUT_MALFORMED',
    reason: reason.message,
    foundBy: by.member,
    foundAtMs: by.atMs,
    sizeBytes: value.length,
    bytes: Buffer.from(value.subarray(0, KEPT_BYTES_MAX)).toString('base64'),
  };
  return Buffer.from(JSON.stringify(letter), 'utf8');
}

/** What a closed inbox, outbox or replay answers. */
export function closedError(what: string): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', `${what} is closed`);
}
