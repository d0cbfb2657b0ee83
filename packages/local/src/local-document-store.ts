/**
 * Purpose: DocumentStore by the embedded server. A namespace is a database of its own.
 * On failure: the connection is opened again by the next call; nothing is repeated.
 */
import { deserialize, serialize } from 'node:v8';
import {
  type CollectionSpec,
  type DocumentStore,
  type FindQuery,
  InputError,
  type InsertVerdict,
  type Logger,
  type StoredDocument,
} from '@baton/core';
import { inBatches } from './in-batches.js';
import { Link } from './link.js';
import type { EncodedDocument } from './protocol.js';

const DOCUMENT_BYTES_MAX = 1024 * 1024;

export interface LocalDocumentStoreOptions {
  /** What the server told: a socket path or `host:port`. */
  readonly address: string;
  readonly namespace: string;
  readonly logger: Logger;
}

export class LocalDocumentStore implements DocumentStore {
  readonly #namespace: string;
  readonly #logger: Logger;
  readonly #link: Link;

  constructor({ address, namespace, logger }: LocalDocumentStoreOptions) {
    this.#namespace = namespace;
    this.#logger = logger;
    this.#link = new Link(address);
  }

  async ensureCollections(collections: readonly CollectionSpec[]): Promise<void> {
    await this.#link.call('documents.ensure', { namespace: this.#namespace, collections });
    this.#logger.debug('collections ensured', { collections: collections.map(({ name }) => name) });
  }

  async insert(collection: string, documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]> {
    const verdicts: InsertVerdict[] = [];
    const accepted: (EncodedDocument & { readonly index: number })[] = [];
    for (const [index, document] of documents.entries()) {
      try {
        accepted.push({ ...encode(document), index });
      } catch (cause) {
        verdicts[index] = { verdict: 'refused', cause };
      }
    }
    const insertBatch = async (batch: typeof accepted) => {
      const answers = await this.#insertBatch(collection, batch);
      for (const [position, { index }] of batch.entries())
        verdicts[index] = answers[position] as InsertVerdict;
    };
    await Promise.all(inBatches(accepted, sizeOf).map(insertBatch));
    return verdicts;
  }

  async get(collection: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]> {
    const found: (StoredDocument | undefined)[] = [];
    while (found.length < ids.length) {
      const request = { namespace: this.#namespace, collection, ids: ids.slice(found.length) };
      for (const body of await this.#link.call('documents.get', request))
        found.push(body === undefined ? undefined : decode(body));
    }
    return found;
  }

  async find(collection: string, query: FindQuery): Promise<readonly StoredDocument[]> {
    const request = { namespace: this.#namespace, collection, query };
    const { documents, more } = await this.#link.call('documents.find', request);
    const found = documents.map(({ body }) => decode(body));
    const last = documents.at(-1)?.id;
    if (!more || last === undefined) return found;
    const rest = await this.find(collection, { ...query, after: last, limit: query.limit - found.length });
    return [...found, ...rest];
  }

  async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    for (const batch of inBatches(documents.map(encode), sizeOf))
      await this.#link.call('documents.replace', {
        namespace: this.#namespace,
        collection,
        documents: batch,
      });
  }

  async delete(collection: string, ids: readonly string[]): Promise<void> {
    await this.#link.call('documents.delete', { namespace: this.#namespace, collection, ids });
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  async #insertBatch(
    collection: string,
    batch: readonly EncodedDocument[],
  ): Promise<readonly InsertVerdict[]> {
    const documents = batch.map(({ id, body }) => ({ id, body }));
    try {
      const request = { namespace: this.#namespace, collection, documents };
      const stored = await this.#link.call('documents.insert', request);
      return stored.map((each) => ({ verdict: each ? 'stored' : 'duplicate' }));
    } catch (cause) {
      return batch.map(() => ({ verdict: 'unknown', cause }));
    }
  }
}

/** @throws InputError `BATON_INPUT_TOO_LARGE`, `BATON_INPUT_INVALID` */
function encode(document: StoredDocument): EncodedDocument {
  let bytes = 0;
  for (const [field, value] of Object.entries(document)) bytes += Buffer.byteLength(field) + bytesOf(value);
  if (bytes > DOCUMENT_BYTES_MAX)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `document ${document._id} of ${bytes} bytes is above ${DOCUMENT_BYTES_MAX}`,
      { details: { sizeBytes: bytes, maxBytes: DOCUMENT_BYTES_MAX } },
    );
  return { id: document._id, body: serialize(document) };
}

/** @throws InputError `BATON_INPUT_INVALID` for what is no field of a document */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof Uint8Array) return value.length;
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return 8;
  throw new InputError('BATON_INPUT_INVALID', `a document cannot hold a ${typeof value}`);
}

function sizeOf({ body }: EncodedDocument): number {
  return body.length;
}

/** The spread makes it an object of this realm whatever realm the deserialiser lives in. */
function decode(body: Uint8Array): StoredDocument {
  return { ...(deserialize(body) as StoredDocument) };
}
