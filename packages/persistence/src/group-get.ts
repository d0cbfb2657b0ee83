/**
 * Purpose: reads documents of one collection by exact id; what is asked while a read is in flight shares the next one.
 * States: idle → reading (one read in flight) → idle.
 * What is authoritative: nothing here: reads may be stale, and `undefined` may mean "not yet".
 * On failure: a read that is not answered is repeated with back-off to a bound of 30 s, then all its callers get the error.
 * Not here: caching (BoundedCache).
 */
import type { DocumentStore, Runtime, StoredDocument } from '@baton/core';
import { readPatiently } from './patience.js';

const IDS_MAX = 500;

interface Asked {
  readonly id: string;
  readonly resolve: (document: StoredDocument | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class GroupGet {
  readonly #store: DocumentStore;
  readonly #collection: string;
  readonly #runtime: Runtime;
  readonly #queue: Asked[] = [];
  #isReading = false;

  constructor(options: { store: DocumentStore; collection: string; runtime: Runtime }) {
    this.#store = options.store;
    this.#collection = options.collection;
    this.#runtime = options.runtime;
  }

  /** @throws UnavailableError past the bound */
  get(id: string): Promise<StoredDocument | undefined> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ id, resolve, reject });
      if (this.#isReading) return;
      this.#isReading = true;
      this.#runtime.clock.setImmediate(() => void this.#drain());
    });
  }

  /** Asks again while it is not there: for what is known to have been stored. `undefined` only after `boundMs`. */
  getStored(id: string, boundMs?: number): Promise<StoredDocument | undefined> {
    return readPatiently(this.#runtime, () => this.get(id), {
      isThere: (document) => document !== undefined,
      ...(boundMs === undefined ? {} : { boundMs }),
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, IDS_MAX);
      const ids = [...new Set(batch.map((asked) => asked.id))];
      try {
        const found = await readPatiently(this.#runtime, () => this.#store.get(this.#collection, ids));
        const byId = new Map(ids.map((id, index) => [id, found[index]]));
        for (const asked of batch) asked.resolve(byId.get(asked.id));
      } catch (error) {
        for (const asked of batch) asked.reject(error);
      }
    }
    this.#isReading = false;
  }
}
