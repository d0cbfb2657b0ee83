/**
 * Purpose: keeps flow definitions by the hash of their text.
 * States: a cache of texts, bounded in bytes.
 * What is authoritative: the hash: copies are trusted for ever.
 * On failure: as GroupInsert and GroupGet; a definition that stays away is a NotFoundError.
 * Not here: the shape of a definition, and making its text canonical (@baton/flow). Nor deletion: they are few, by what people write, and who has one in the
 *   cache does not store it again.
 */
import { NotFoundError, type DocumentStore, type Runtime } from '@baton/core';
import { BoundedCache } from './bounded-cache.js';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { digestOf, joinParts, partCountOf, partIdOf, partsOf } from './parted-text.js';

const CACHE_BYTES_MAX = 16 * 1024 * 1024;
const MISSING_MS = 10_000;

export class Definitions {
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;
  readonly #cache = new BoundedCache<string>(CACHE_BYTES_MAX);

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const definitions = { ...options, collection: collectionNames.definitions };
    this.#inserts = new GroupInsert(definitions);
    this.#documents = new GroupGet(definitions);
  }

  /** Stores canonical flow JSON and gives its SHA-256, hexadecimal. Idempotent. @throws UnavailableError */
  async put(json: string): Promise<string> {
    const hash = digestOf(json);
    if (this.#cache.get(hash) !== undefined) return hash;
    await Promise.all(partsOf(hash, json).map((part) => this.#inserts.insert(part)));
    this.#remember(hash, json);
    return hash;
  }

  /** @throws NotFoundError `BATON_NOT_FOUND_DOCUMENT` after looking for 10 s, or `withinMs`; UnavailableError */
  async get(hash: string, { withinMs = MISSING_MS } = {}): Promise<string> {
    const cached = this.#cache.get(hash);
    if (cached !== undefined) return cached;
    const first = await this.#documents.getStored(hash, withinMs);
    const rest = Array.from({ length: first === undefined ? 0 : partCountOf(first) - 1 }, (_, index) =>
      this.#documents.getStored(partIdOf(hash, index + 1), withinMs),
    );
    const json = joinParts([first, ...(await Promise.all(rest))]);
    if (json === undefined || digestOf(json) !== hash)
      throw new NotFoundError('BATON_NOT_FOUND_DOCUMENT', `flow definition ${hash} is not in the store`);
    this.#remember(hash, json);
    return json;
  }

  close(): void {
    this.#inserts.close();
  }

  #remember(hash: string, json: string): void {
    this.#cache.set(hash, json, Buffer.byteLength(json));
  }
}
