/**
 * Purpose: the server's side of DocumentStore: unique inserts, reads by id and by indexed field, replace and delete.
 * What is authoritative: storage. Bodies are kept as the client serialised them and are opened only to fill indexes.
 * On failure: see storage.
 */
import { deserialize } from 'node:v8';
import type { CollectionSpec, FindQuery } from '@baton/core';
import type { Handlers } from './handlers.js';
import { BATCH_BYTES_MAX, type EncodedDocument } from './protocol.js';
import type { Storage } from './storage.js';

const FIND_ROWS_MAX = 2_000;

interface Collection {
  readonly id: number;
  readonly indexes: Set<string>;
}

interface Key {
  readonly namespace: string;
  readonly name: string;
}

export class DocumentService {
  readonly #collections = new Map<string, Collection>();
  readonly #sql: ReturnType<typeof prepare>;
  #lastId = 0;

  constructor({ storage }: { readonly storage: Storage }) {
    this.#sql = prepare(storage);
    for (const { id, namespace, name, indexes } of this.#sql.collections()) {
      this.#collections.set(keyOf({ namespace, name }), {
        id,
        indexes: new Set(JSON.parse(indexes) as string[]),
      });
      this.#lastId = Math.max(this.#lastId, id);
    }
  }

  readonly handlers: Handlers<'documents'> = {
    'documents.ensure': ({ namespace, collections }) => {
      for (const collection of collections) this.#ensure(namespace, collection);
      return null;
    },
    'documents.insert': ({ namespace, collection, documents }) => {
      const target = this.#collection({ namespace, name: collection });
      return documents.map((document) => {
        const stored = this.#sql.insert(target.id, document.id, document.body) === 1;
        if (stored) this.#index(target, document);
        return stored;
      });
    },
    'documents.get': ({ namespace, collection, ids }) => {
      const { id } = this.#collection({ namespace, name: collection });
      const bodies: (Uint8Array | undefined)[] = [];
      let bytes = 0;
      for (const documentId of ids) {
        const body = this.#sql.get(id, documentId)[0]?.body;
        bytes += body?.length ?? 0;
        if (bytes > BATCH_BYTES_MAX && bodies.length > 0) break;
        bodies.push(body);
      }
      return bodies;
    },
    'documents.find': ({ namespace, collection, query }) => {
      const rows = this.#find(this.#collection({ namespace, name: collection }), query);
      const documents: EncodedDocument[] = [];
      let bytes = 0;
      for (const { id, body } of rows) {
        bytes += body.length;
        if (bytes > BATCH_BYTES_MAX && documents.length > 0) break;
        documents.push({ id, body });
      }
      const cut = documents.length < rows.length || rows.length === FIND_ROWS_MAX;
      return { documents, more: cut && documents.length < query.limit };
    },
    'documents.replace': ({ namespace, collection, documents }) => {
      const target = this.#collection({ namespace, name: collection });
      for (const document of documents) {
        this.#unindex(target, document.id);
        this.#sql.replace(target.id, document.id, document.body);
        this.#index(target, document);
      }
      return null;
    },
    'documents.delete': ({ namespace, collection, ids }) => {
      const target = this.#collection({ namespace, name: collection });
      for (const id of ids) {
        this.#unindex(target, id);
        this.#sql.remove(target.id, id);
      }
      return null;
    },
  };

  /** Made by its first use where nobody has made it. */
  #collection(key: Key): Collection {
    return this.#collections.get(keyOf(key)) ?? this.#make(key);
  }

  #make({ namespace, name }: Key): Collection {
    const collection = { id: ++this.#lastId, indexes: new Set<string>() };
    this.#collections.set(keyOf({ namespace, name }), collection);
    this.#sql.storeCollection(collection.id, namespace, name, '[]');
    return collection;
  }

  #ensure(namespace: string, { name, indexes = [] }: CollectionSpec): void {
    const collection = this.#collection({ namespace, name });
    const added = indexes.filter((field) => !collection.indexes.has(field));
    if (added.length === 0) return;
    for (const field of added) collection.indexes.add(field);
    this.#sql.storeCollection(collection.id, namespace, name, JSON.stringify([...collection.indexes]));
    this.#backfill({ id: collection.id, indexes: new Set(added) });
  }

  #backfill(collection: Collection): void {
    for (let after = ''; ;) {
      const rows = this.#sql.all.ascending(collection.id, after, FIND_ROWS_MAX);
      for (const row of rows) this.#index(collection, row);
      if (rows.length < FIND_ROWS_MAX) return;
      after = rows.at(-1)?.id ?? '';
    }
  }

  #index({ id: collectionId, indexes }: Collection, { id, body }: EncodedDocument): void {
    if (indexes.size === 0) return;
    for (const [field, value] of indexedFields(body, indexes))
      this.#sql.index(collectionId, field, value, id);
  }

  #unindex({ id: collectionId, indexes }: Collection, id: string): void {
    if (indexes.size === 0) return;
    const [row] = this.#sql.get(collectionId, id);
    if (row === undefined) return;
    for (const [field, value] of indexedFields(row.body, indexes))
      this.#sql.unindex(collectionId, field, value, id);
  }

  #find(
    { id, indexes }: Collection,
    { where, after, order = 'ascending', limit }: FindQuery,
  ): EncodedDocument[] {
    // one past any id an answer may hold: text sorts below a blob in SQLite
    const from = after ?? (order === 'ascending' ? '' : new Uint8Array());
    const rowsMax = Math.min(limit, FIND_ROWS_MAX);
    if (where === undefined) return this.#sql.all[order](id, from, rowsMax);
    if (indexes.has(where.field))
      return this.#sql.where[order](
        id,
        where.field,
        JSON.stringify([...new Set(where.oneOf)]),
        from,
        rowsMax,
      );
    return this.#scan(id, { ...where, from, order, rowsMax });
  }

  /** Without an index every document is looked at. */
  #scan(
    collectionId: number,
    query: {
      readonly field: string;
      readonly oneOf: readonly string[];
      readonly from: string | Uint8Array;
      readonly order: 'ascending' | 'descending';
      readonly rowsMax: number;
    },
  ): EncodedDocument[] {
    const wanted = new Set<unknown>(query.oneOf);
    const found: EncodedDocument[] = [];
    for (let from = query.from; found.length < query.rowsMax;) {
      const rows = this.#sql.all[query.order](collectionId, from, FIND_ROWS_MAX);
      found.push(...rows.filter(({ body }) => wanted.has(fieldsOf(body)[query.field])));
      if (rows.length < FIND_ROWS_MAX) break;
      from = rows.at(-1)?.id ?? from;
    }
    return found.slice(0, query.rowsMax);
  }
}

function prepare(storage: Storage) {
  storage.define(`
    CREATE TABLE IF NOT EXISTS collections (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL,
      indexes TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS documents (collection INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
      PRIMARY KEY (collection, id));
    CREATE TABLE IF NOT EXISTS document_index (collection INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL,
      id TEXT NOT NULL, PRIMARY KEY (collection, field, value, id)) WITHOUT ROWID;
  `);
  const all = (comparison: string, direction: string) =>
    storage.query<EncodedDocument>(
      `SELECT id, body FROM documents WHERE collection = ? AND id ${comparison} ? ORDER BY id ${direction} LIMIT ?`,
    );
  // CROSS JOIN fixes the order: from the values by the index to the ids, and only those ids to their bodies. Left alone,
  // SQLite walks the whole collection, which is ordered already.
  const where = (comparison: string, direction: string) =>
    storage.query<EncodedDocument>(
      `SELECT d.id AS id, d.body AS body FROM (
         SELECT i.id AS id FROM json_each(?3) v CROSS JOIN document_index i
         WHERE i.collection = ?1 AND i.field = ?2 AND i.value = v.value AND i.id ${comparison} ?4
         ORDER BY i.id ${direction} LIMIT ?5) page
       CROSS JOIN documents d WHERE d.collection = ?1 AND d.id = page.id ORDER BY page.id ${direction}`,
    );
  return {
    collections: storage.query<{ id: number; namespace: string; name: string; indexes: string }>(
      'SELECT id, namespace, name, indexes FROM collections',
    ),
    storeCollection: storage.statement(
      'INSERT OR REPLACE INTO collections (id, namespace, name, indexes) VALUES (?, ?, ?, ?)',
    ),
    insert: storage.statement('INSERT OR IGNORE INTO documents (collection, id, body) VALUES (?, ?, ?)'),
    replace: storage.statement('INSERT OR REPLACE INTO documents (collection, id, body) VALUES (?, ?, ?)'),
    remove: storage.statement('DELETE FROM documents WHERE collection = ? AND id = ?'),
    get: storage.query<{ body: Uint8Array }>('SELECT body FROM documents WHERE collection = ? AND id = ?'),
    index: storage.statement('INSERT OR IGNORE INTO document_index VALUES (?, ?, ?, ?)'),
    unindex: storage.statement(
      'DELETE FROM document_index WHERE collection = ? AND field = ? AND value = ? AND id = ?',
    ),
    all: { ascending: all('>', 'ASC'), descending: all('<', 'DESC') },
    where: { ascending: where('>', 'ASC'), descending: where('<', 'DESC') },
  };
}

/** Only text is indexed: queries ask for text. */
function indexedFields(body: Uint8Array, indexes: ReadonlySet<string>): [string, string][] {
  const fields = fieldsOf(body);
  return [...indexes].flatMap((field) => {
    const value = fields[field];
    return typeof value === 'string' ? [[field, value] as [string, string]] : [];
  });
}

function fieldsOf(body: Uint8Array): Readonly<Record<string, unknown>> {
  return deserialize(body) as Record<string, unknown>;
}

function keyOf({ namespace, name }: Key): string {
  return `${namespace}\0${name}`;
}
