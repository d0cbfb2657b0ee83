import {
  ConflictError,
  InputError,
  formatFence,
  parseFence,
  type Fact,
  type JournalEntry,
  type StoredDocument,
} from '@baton/core';
import { documentSizeOf } from './document-size.js';

/** Version of every document this code writes (P-413). Readers accept this one and the one before. */
export const schemaVersion = 1;

/** The compare-and-set of the journal. */
export const entryIdOf = (flowId: string, seq: number): string => `${flowId}:${seq}`;

/** What differs by kind, and the facts: encoded as one JSON text, because user data must never become a field name (P-312). */
type Body = { readonly facts: readonly Fact[]; readonly [part: string]: unknown };

/** The document of an entry: a flat envelope around one JSON text. */
export function encodeEntry(entry: JournalEntry): StoredDocument {
  const { flowId, seq, kind, fence, opId, atMs, ...body } = entry;
  return {
    _id: entryIdOf(flowId, seq),
    flowId,
    seq,
    kind,
    fence: formatFence(fence),
    opId,
    at: atMs,
    schemaVersion,
    body: JSON.stringify(body satisfies Body),
  };
}

/** Bytes the entry takes in the store; an entry above `documentBytesMax` (1 MiB less 4 KiB) is refused by `Journal.append`. */
export function entrySizeOf(entry: JournalEntry): number {
  return documentSizeOf(encodeEntry(entry));
}

/**
 * Inverse of `encodeEntry`. Compaction empties the body of entries below a snapshot and keeps the envelope: `undefined`.
 * @throws InputError `BATON_INPUT_MALFORMED`; ConflictError `BATON_CONFLICT_SCHEMA_NEWER`
 */
export function decodeEntry(document: StoredDocument): JournalEntry | undefined {
  const { _id, flowId, seq, kind, opId, at, body } = document;
  if (typeof document['schemaVersion'] === 'number' && document['schemaVersion'] > schemaVersion)
    throw new ConflictError(
      'BATON_CONFLICT_SCHEMA_NEWER',
      `journal entry ${_id} has schema ${document['schemaVersion']}, this version knows ${schemaVersion}`,
    );
  const fence = typeof document['fence'] === 'string' ? parseFence(document['fence']) : undefined;
  const isComplete =
    typeof flowId === 'string' && typeof seq === 'number' && typeof opId === 'string' && fence !== undefined;
  if (!isComplete || typeof body !== 'string') throw malformed(_id, 'a field is missing');
  if (body === '') return undefined;
  const parsed = parseBody(_id, body);
  return { ...parsed, flowId, seq, kind, fence, opId, atMs: typeof at === 'number' ? at : 0 } as JournalEntry;
}

/** `left` and `right` are the same write: same operation, under the same fence. */
export function isSameWrite(left: StoredDocument, right: StoredDocument): boolean {
  return left['opId'] === right['opId'] && left['fence'] === right['fence'];
}

/**
 * Cuts the facts of one turn into stretches of at most `bytesMax` of JSON, in order, at least one: for turns too large for one entry.
 * A single fact above the limit stays alone.
 */
export function splitFacts(facts: readonly Fact[], bytesMax = 512 * 1024): readonly (readonly Fact[])[] {
  const stretches: Fact[][] = [[]];
  let bytes = 0;
  for (const fact of facts) {
    const size = Buffer.byteLength(JSON.stringify(fact)) + 1;
    if (bytes > 0 && bytes + size > bytesMax) {
      stretches.push([]);
      bytes = 0;
    }
    stretches.at(-1)?.push(fact);
    bytes += size;
  }
  return stretches;
}

function parseBody(id: string, text: string): Body {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw malformed(id, 'its body is not JSON', cause);
  }
  if (typeof body !== 'object' || body === null || !Array.isArray((body as { facts?: unknown }).facts))
    throw malformed(id, 'its body holds no facts');
  return body as Body;
}

function malformed(id: string, reason: string, cause?: unknown): InputError {
  return new InputError('BATON_INPUT_MALFORMED', `journal entry ${id} cannot be read: ${reason}`, { cause });
}
