import type { DocumentField, StoredDocument } from '@baton/core';
import { Binary, type Document } from 'mongodb';

/** As the driver wants it: bytes as Binary, whatever kind of view they are. */
export function toBson(document: StoredDocument): Document {
  const bson: Document = {};
  for (const [name, value] of Object.entries(document))
    bson[name] = value instanceof Uint8Array ? new Binary(value) : value;
  return bson;
}

/** As the port wants it: flat, with plain bytes. */
export function fromBson(bson: Document): StoredDocument {
  const document: Record<string, DocumentField> = {};
  for (const [name, value] of Object.entries(bson)) document[name] = fieldOf(value);
  return document as StoredDocument;
}

function fieldOf(value: unknown): DocumentField {
  if (!(value instanceof Binary)) return value as DocumentField;
  const { buffer, byteOffset } = value.buffer;
  return new Uint8Array(buffer, byteOffset, value.length());
}
