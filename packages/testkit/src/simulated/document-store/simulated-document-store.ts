/**
 * Purpose: a client of the simulated document store.
 * States: open, closed.
 * What is authoritative: the service.
 * On failure: an insert answers with verdicts, everything else rejects. After an unknown outcome the write may be there, be
 *   there in part, come later or never.
 * Not here: the documents.
 */
import {
  type CollectionSpec,
  type DocumentStore,
  type FindQuery,
  type InsertVerdict,
  type Runtime,
  type StoredDocument,
  UnavailableError,
} from '@baton/core';
import { integerBelow, shuffled } from '../chance.js';
import { plainWire, request, type Wire } from '../wire.js';
import { copyOf, refusalOf } from './document-checks.js';
import { type DocumentOperation, SimulatedDocumentService } from './simulated-document-service.js';

export interface SimulatedDocumentStoreOptions {
  /** Several clients of one service share it; by default a new one. */
  readonly service?: SimulatedDocumentService;
  readonly database?: string;
  readonly wire?: Wire;
  /** Told to whoever observes the service. */
  readonly writer?: string;
}

export class SimulatedDocumentStore implements DocumentStore {
  readonly service: SimulatedDocumentService;
  readonly #database: string;
  readonly #wire: Wire;
  readonly #writer: string | undefined;
  #closed = false;

  constructor(runtime: Runtime, options: SimulatedDocumentStoreOptions = {}) {
    this.service = options.service ?? new SimulatedDocumentService(runtime);
    this.#database = options.database ?? 'baton';
    this.#wire = options.wire ?? plainWire(this.service);
    this.#writer = options.writer;
  }

  async ensureCollections(collections: readonly CollectionSpec[]): Promise<void> {
    await request(this.#wire, () => this.service.ensure(this.#database, collections));
  }

  async insert(collection: string, documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]> {
    const verdicts = documents.map((document): InsertVerdict | undefined => {
      const cause = refusalOf(document);
      return cause && { verdict: 'refused', cause };
    });
    const sent = documents.filter((_, index) => verdicts[index] === undefined).map(copyOf);
    const answers = await this.#sendInsert(collection, sent);
    let next = 0;
    return verdicts.map((verdict) => verdict ?? (answers[next++] as InsertVerdict));
  }

  async get(collection: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]> {
    return this.#read('get', collection, (visible) =>
      ids.map((id) => {
        const document = visible.get(id);
        return document && copyOf(document);
      }),
    );
  }

  async find(collection: string, query: FindQuery): Promise<readonly StoredDocument[]> {
    const { where, after, order = 'ascending', limit } = query;
    const sign = order === 'ascending' ? 1 : -1;
    const before = (a: string, b: string) => (a === b ? 0 : a < b ? -sign : sign);
    return this.#read(
      'find',
      collection,
      (visible) =>
        [...visible.values()]
          .filter((document) => where === undefined || where.oneOf.includes(document[where.field] as string))
          .filter((document) => after === undefined || before(after, document._id) < 0)
          .sort((a, b) => before(a._id, b._id))
          .slice(0, limit)
          .map(copyOf),
      where?.field,
    );
  }

  async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    for (const document of documents) {
      const refusal = refusalOf(document);
      if (refusal !== undefined) throw refusal;
    }
    const copies = documents.map(copyOf);
    await this.#write('replace', collection, copies, {
      apply: (each) =>
        this.service.replace(this.service.collection(this.#database, collection), each, this.#writer),
    });
  }

  async delete(collection: string, ids: readonly string[]): Promise<void> {
    await this.#write('delete', collection, [...ids], {
      apply: (id) => void this.service.collection(this.#database, collection).documents.delete(id),
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #sendInsert(name: string, documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]> {
    if (documents.length === 0) return [];
    const all = (verdict: 'unknown' | 'refused', cause: unknown): readonly InsertVerdict[] =>
      documents.map(() => ({ verdict, cause }));
    if (this.#closed) return all('unknown', disconnected());
    const verdicts: InsertVerdict[] = [];
    const store = (document: StoredDocument): void => {
      const found = this.service.collection(this.#database, name);
      const verdict = this.service.insert(found, document, this.#writer);
      verdicts.push({ verdict });
    };
    const refuse = (): void => {
      verdicts.push({ verdict: 'refused', cause: refusedByFault('insert') });
    };
    try {
      await this.#write('insert', name, documents, { apply: store, refuse });
      return verdicts;
    } catch (error) {
      const refused = error instanceof UnavailableError && error.code === 'BATON_UNAVAILABLE_REFUSED';
      return all(refused ? 'refused' : 'unknown', error);
    }
  }

  async #read<T>(
    operation: 'get' | 'find',
    name: string,
    look: (visible: ReadonlyMap<string, StoredDocument>) => T,
    field?: string,
  ): Promise<T> {
    if (this.#closed) throw disconnected();
    return request(this.#wire, () => {
      if (this.service.faults.take(operation) !== undefined) throw refusedByFault(operation);
      const collection = this.service.collection(this.#database, name);
      if (field !== undefined) this.service.checkIndexed(collection, field);
      return look(this.service.visible(collection));
    });
  }

  /** One trip: applies what the planned fault lets through. @throws UnavailableError */
  async #write<T>(
    operation: DocumentOperation,
    name: string,
    items: readonly T[],
    { apply, refuse }: { readonly apply: (item: T) => void; readonly refuse?: () => void },
  ): Promise<void> {
    if (this.#closed) throw disconnected();
    const silence = (): Error =>
      new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', `no answer to ${operation}`);
    await request(
      this.#wire,
      () => {
        this.service.collection(this.#database, name);
        const isGroup = operation === 'insert' && items.length > 1;
        const fault = this.service.faults.take(operation, (kind) => kind !== 'refuse-one' || isGroup);
        if (fault?.kind === 'refuse') throw refusedByFault(operation);
        if (fault?.kind === 'refuse-one' && refuse !== undefined) {
          const refused = integerBelow(this.service.runtime.random, items.length);
          return items.forEach((item, index) => (index === refused ? refuse() : apply(item)));
        }
        if (fault?.kind === 'land-late')
          this.service.runtime.clock.setTimer(fault.delayMs ?? 100, () => items.forEach(apply));
        else if (fault?.kind === 'tear')
          shuffled(this.service.runtime.random, items)
            .slice(0, Math.floor(items.length / 2))
            .forEach(apply);
        else if (fault?.kind !== 'lose-request') items.forEach(apply);
        if (fault !== undefined) throw silence();
      },
      silence,
    );
  }
}

function disconnected(): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the store is closed');
}

function refusedByFault(operation: DocumentOperation): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_REFUSED', `${operation} refused by a planned fault`);
}
