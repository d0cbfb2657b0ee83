import type { DocumentField, StoredDocument } from '@baton/core';
import { Binary, type Document } from 'mongodb';

/** As the driver wants it. A copy, because it encodes later: what the caller does to the document meanwhile must not be stored. */
export function toBson(document: StoredDocument): Document {
  const bson: Document = {};
  for (const [name, value] of Object.entries(document))
    bson[name] = value instanceof Uint8Array ? new Binary(Uint8Array.from(value)) : value;
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
  // a copy: the driver's bytes are a view on the whole answer of the server
  return Uint8Array.from(value.buffer);
}
