import type { DocumentField, StoredDocument } from '@baton/core';

const PER_FIELD_BYTES = 16;

/** Bytes a document takes, never below what a BSON encoder makes of it and at most a little above. */
export function documentSizeOf(document: StoredDocument): number {
  let bytes = PER_FIELD_BYTES;
  for (const [name, value] of Object.entries(document))
    bytes += Buffer.byteLength(name) + sizeOf(value) + PER_FIELD_BYTES;
  return bytes;
}

function sizeOf(value: DocumentField): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.byteLength : 8;
}
