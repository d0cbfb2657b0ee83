/**
 * Purpose: the service side of the simulated document store, shared by all its clients.
 * States: fresh, or lagging: reads, or some of them, then show the state of the moment it began.
 * What is authoritative: `#collections`; what reads show while it lags is a copy.
 * On failure: a collection that was not made refuses everything; so does a query by a field without index. Both would only be
 *   slow or lenient in reality; here they are found at once.
 * Not here: what clients are told when a planned fault strikes (SimulatedDocumentStore).
 */
import {
  type CollectionSpec,
  InputError,
  type Runtime,
  type StoredDocument,
  UnavailableError,
} from '@baton/core';
import { Faults } from '../faults.js';

/**
 * `lose-request`: not done, outcome unknown. `lose-reply`: done, outcome unknown. `tear`: some of the documents are written,
 * outcome unknown. `land-late`: outcome unknown, done after `delayMs`. `refuse`: not done, the service says so. `refuse-one`: waits
 * for an insert of several documents, of which one is refused; the service tells the verdict of each.
 */
export type DocumentFault = 'lose-request' | 'lose-reply' | 'tear' | 'land-late' | 'refuse' | 'refuse-one';
export type DocumentOperation = 'insert' | 'get' | 'find' | 'replace' | 'delete';

/** `duplicate`: it changed nothing. */
export interface DocumentWrite {
  readonly collection: string;
  readonly document: StoredDocument;
  readonly verdict: 'stored' | 'duplicate' | 'replaced';
  /** Name of the client that sent it, if it has one. */
  readonly writer: string | undefined;
}

export interface Collection {
  readonly name: string;
  readonly documents: Map<string, StoredDocument>;
  readonly indexes: Set<string>;
}

export class SimulatedDocumentService {
  readonly faults = new Faults<DocumentOperation, DocumentFault>();
  readonly runtime: Runtime;
  readonly #databases = new Map<string, Map<string, Collection>>();
  readonly #observe: ((write: DocumentWrite) => void) | undefined;
  #lagging = 1;
  #past: Map<Collection, ReadonlyMap<string, StoredDocument>> | undefined;

  /** `observe` is told of every write that reaches the service. */
  constructor(runtime: Runtime, options: { readonly observe?: (write: DocumentWrite) => void } = {}) {
    this.runtime = runtime;
    this.#observe = options.observe;
  }

  // ---- what a test does to it

  /** From now on reads show the present state, whatever is written, until `catchUp`; `share`: only so many of them, as of several replicas one. */
  lag({ share = 1 }: { readonly share?: number } = {}): void {
    this.#lagging = share;
    this.#past ??= new Map(
      [...this.#databases.values()].flatMap((database) =>
        [...database.values()].map((collection) => [collection, new Map(collection.documents)] as const),
      ),
    );
  }

  catchUp(): void {
    this.#past = undefined;
  }

  /** All documents of a collection as they are, for assertions. */
  documentsOf(collection: string, database = 'baton'): readonly StoredDocument[] {
    return [...this.collection(database, collection).documents.values()];
  }

  // ---- what clients use

  /** Carries something over the network, one direction. */
  carry(callback: () => void): void {
    if (this.faults.slowMs > 0) this.runtime.clock.setTimer(this.faults.slowMs, callback);
    else this.runtime.clock.setImmediate(callback);
  }

  ensure(database: string, specs: readonly CollectionSpec[]): void {
    const collections = this.#databases.get(database) ?? new Map<string, Collection>();
    this.#databases.set(database, collections);
    for (const { name, indexes = [] } of specs) {
      const collection = collections.get(name) ?? { name, documents: new Map(), indexes: new Set(['_id']) };
      for (const index of indexes) collection.indexes.add(index);
      collections.set(name, collection);
    }
  }

  /** @throws UnavailableError `BATON_UNAVAILABLE_REFUSED` when it was not made. */
  collection(database: string, name: string): Collection {
    const collection = this.#databases.get(database)?.get(name);
    if (collection === undefined)
      throw new UnavailableError('BATON_UNAVAILABLE_REFUSED', `there is no collection ${name}`);
    return collection;
  }

  insert(collection: Collection, document: StoredDocument, writer?: string): 'stored' | 'duplicate' {
    const isTaken = collection.documents.has(document._id);
    if (!isTaken) collection.documents.set(document._id, document);
    const verdict = isTaken ? 'duplicate' : 'stored';
    this.#observe?.({ collection: collection.name, document, verdict, writer });
    return verdict;
  }

  replace(collection: Collection, document: StoredDocument, writer?: string): void {
    collection.documents.set(document._id, document);
    this.#observe?.({ collection: collection.name, document, verdict: 'replaced', writer });
  }

  /** What reads see. */
  visible(collection: Collection): ReadonlyMap<string, StoredDocument> {
    const { random } = this.runtime;
    if (this.#past === undefined || (this.#lagging < 1 && random.fraction() >= this.#lagging))
      return collection.documents;
    return this.#past.get(collection) ?? new Map();
  }

  /** @throws InputError `BATON_INPUT_INVALID` */
  checkIndexed({ indexes }: Collection, field: string): void {
    if (!indexes.has(field)) throw new InputError('BATON_INPUT_INVALID', `the field ${field} has no index`);
  }
}
