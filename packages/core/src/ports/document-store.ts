/**
 * DocumentStore: the third primitive (DESIGN 4). Documents by string id. The decisive operation is `insert`: the unique id is
 * the compare-and-set. `replace` and `delete` serve read models and compaction only: they are *not* assumed atomic (reliability
 * P-207). Contract suite in @baton/testkit.
 */

export type DocumentField = string | number | boolean | null | Uint8Array;

/** Flat by rule: user data is encoded inside one field and never becomes a field name (P-312). At most 1 MiB. */
export interface StoredDocument {
  readonly _id: string;
  readonly [field: string]: DocumentField;
}

/**
 * `stored`: durable (majority and journalled). `duplicate`: another document with this id is there, nothing changed.
 * `unknown`: no answer; it may be stored now, later or never; repeat it unchanged. `refused`: the service refused this document
 * for a reason of its own, repeating will not help.
 */
export type InsertVerdict =
  | { readonly verdict: 'stored' | 'duplicate' }
  | { readonly verdict: 'unknown' | 'refused'; readonly cause: unknown };

export interface FindQuery {
  /** Equality on one indexed field; undefined = all. */
  readonly where?: { readonly field: string; readonly oneOf: readonly string[] };
  /** Ids strictly after (ascending) or before (descending) this one. */
  readonly after?: string;
  readonly order?: 'ascending' | 'descending';
  readonly limit: number;
}

export interface CollectionSpec {
  readonly name: string;
  /** Fields with a (non-unique) index. A substrate without indexes may scan. */
  readonly indexes?: readonly string[];
}

export interface DocumentStore {
  /** Makes collections and indexes. Idempotent. */
  ensureCollections(collections: readonly CollectionSpec[]): Promise<void>;
  /**
   * Inserts documents independently of each other, in one round trip where possible; one verdict per document in the same order.
   * Never rejects for a document; a document above 1 MiB is `refused` with an InputError `BATON_INPUT_TOO_LARGE` before sending.
   */
  insert(collection: string, documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]>;
  /** By exact ids, in the order asked; undefined where there is none. May be stale. @throws UnavailableError */
  get(collection: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]>;
  /** All documents whose field has one of the values, ordered by id. May be stale. @throws UnavailableError */
  find(collection: string, query: FindQuery): Promise<readonly StoredDocument[]>;
  /** Writes whole documents by id, inserting where missing. Single writer by rule. @throws UnavailableError */
  replace(collection: string, documents: readonly StoredDocument[]): Promise<void>;
  delete(collection: string, ids: readonly string[]): Promise<void>;
  close(): Promise<void>;
}
