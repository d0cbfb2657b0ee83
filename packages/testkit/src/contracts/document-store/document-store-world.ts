import type { DocumentStore, StoredDocument } from '@baton/core';
import type { SeparatedWorld } from '../contract.js';

/** `primitive` and `peer` share one empty database; `elsewhere` is another one. */
export type DocumentStoreWorld = SeparatedWorld<DocumentStore>;

/** The collection of most cases, with an index on `group`. */
export const COLLECTION = 'things';

export async function ready({ primitive }: DocumentStoreWorld): Promise<DocumentStore> {
  await primitive.ensureCollections([{ name: COLLECTION, indexes: ['group'] }]);
  return primitive;
}

/** Own fields only, whatever kind of object the client library makes. */
export function plain(document: StoredDocument): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(document));
}
