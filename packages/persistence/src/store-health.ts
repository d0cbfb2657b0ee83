/**
 * Purpose: knows whether the store takes what is written, from every write and, while it does not, from a small one of its own now and then.
 * States: well ⇄ out (since when, and why). Reads end no outage: a server with a full disk, or without a primary, may still answer them.
 * What is authoritative: the last answer to a write. A store that nobody writes to counts as well until somebody does.
 * On failure: said once, then at growing intervals, then that it is over (`OutageLog`).
 * Not here: repeating what was not stored (group-insert.ts), what to do without a store (conductor).
 */
import {
  OutageLog,
  familyOf,
  type CollectionSpec,
  type DocumentStore,
  type FindQuery,
  type InsertVerdict,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { collectionNames } from './collections.js';

const PROBE_MS = { first: 500, max: 5_000 };
/** One for all: what an unanswered probe leaves is written over by the next, whenever it lands. A repeated insert would tell less: it is a duplicate without a majority too. */
const PROBE_ID = 'probe';

/** The same store, listened to. */
export class StoreHealth implements DocumentStore {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #log: OutageLog;
  readonly #listeners = new Set<() => void>();
  #cancelProbe: () => void = () => undefined;
  #closed = false;

  constructor({ store, runtime }: { readonly store: DocumentStore; readonly runtime: Runtime }) {
    this.#store = store;
    this.#runtime = runtime;
    this.#log = new OutageLog({ ...runtime, messages: { waiting: 'store.waiting', back: 'store.back' } });
  }

  /** Why writes are not taken at present. */
  get problem(): string | undefined {
    return this.#log.problem;
  }

  /** Called when the store is back; the answer unsubscribes. */
  onBack(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ensureCollections(collections: readonly CollectionSpec[]): Promise<void> {
    return this.#noted(this.#store.ensureCollections(collections));
  }

  async insert(collection: string, documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]> {
    let verdicts: readonly InsertVerdict[];
    try {
      verdicts = await this.#store.insert(collection, documents);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    const unknown = verdicts.find(({ verdict }) => verdict === 'unknown');
    if (unknown !== undefined && 'cause' in unknown) this.#failed(unknown.cause);
    else if (verdicts.some(({ verdict }) => verdict !== 'refused')) this.#answered();
    return verdicts;
  }

  get(collection: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]> {
    return this.#store.get(collection, ids);
  }

  find(collection: string, query: FindQuery): Promise<readonly StoredDocument[]> {
    return this.#store.find(collection, query);
  }

  replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    return this.#noted(this.#store.replace(collection, documents));
  }

  delete(collection: string, ids: readonly string[]): Promise<void> {
    return this.#store.delete(collection, ids);
  }

  /** Ends the listening. The store is its owner's. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelProbe();
  }

  async #noted(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      if (familyOf(error) === 'unavailable') this.#failed(error);
      throw error;
    }
    this.#answered();
  }

  #failed(cause: unknown): void {
    if (this.#closed) return;
    const isNews = this.problem === undefined;
    this.#log.failed(cause);
    if (isNews) this.#probeLater(PROBE_MS.first);
  }

  #answered(): void {
    if (this.problem === undefined) return;
    this.#cancelProbe();
    this.#log.over();
    for (const listener of [...this.#listeners]) listener();
  }

  #probeLater(delayMs: number): void {
    this.#cancelProbe();
    this.#cancelProbe = this.#runtime.clock.setTimer(delayMs, () => void this.#probe(delayMs));
  }

  /** Whoever waited for the store may have given up: without this, nobody would find out that it is back. */
  async #probe(delayMs: number): Promise<void> {
    const probe = { _id: PROBE_ID, at: this.#runtime.clock.wallMs() };
    await this.replace(collectionNames.meta, [probe]).catch(() => undefined);
    if (this.problem !== undefined && !this.#closed) this.#probeLater(Math.min(PROBE_MS.max, 2 * delayMs));
  }
}
