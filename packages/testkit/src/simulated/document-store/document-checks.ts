import { InputError, type StoredDocument } from '@baton/core';

const DOCUMENT_BYTES_MAX = 1_048_576;

/**
 * What the strictest of the real stores would refuse: nesting, `.` or a leading `$` in names, numbers that are not finite, NUL
 * in text, more than 1 MiB.
 */
export function refusalOf(document: StoredDocument): InputError | undefined {
  let sizeBytes = 0;
  for (const [field, value] of Object.entries(document as Readonly<Record<string, unknown>>)) {
    if (!/^[^$.\0][^.\0]*$/.test(field)) return invalid(document, field, 'is no valid field name');
    const fieldBytes = bytesOf(value);
    if (fieldBytes === undefined) return invalid(document, field, 'has a value that cannot be stored');
    sizeBytes += field.length + fieldBytes;
  }
  if (sizeBytes <= DOCUMENT_BYTES_MAX) return undefined;
  return new InputError(
    'BATON_INPUT_TOO_LARGE',
    `document ${document._id} of ${sizeBytes} bytes is larger than ${DOCUMENT_BYTES_MAX}`,
    { details: { sizeBytes, maxBytes: DOCUMENT_BYTES_MAX } },
  );
}

/** A copy that shares no bytes with the original. */
export function copyOf(document: StoredDocument): StoredDocument {
  const entries = Object.entries(document).map(([field, value]) => [
    field,
    value instanceof Uint8Array ? Uint8Array.from(value) : value,
  ]);
  return Object.fromEntries(entries) as StoredDocument;
}

/** `undefined` when it cannot be stored. */
function bytesOf(value: unknown): number | undefined {
  if (value === null || typeof value === 'boolean') return 1;
  if (typeof value === 'number') return Number.isFinite(value) ? 8 : undefined;
  if (typeof value === 'string')
    return value.includes('\0') ? undefined : new TextEncoder().encode(value).length;
  return value instanceof Uint8Array ? value.length : undefined;
}

function invalid(document: StoredDocument, field: string, reason: string): InputError {
  return new InputError(
    'BATON_INPUT_INVALID',
    `document ${document._id}: ${JSON.stringify(field)} ${reason}`,
  );
}
