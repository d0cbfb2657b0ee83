/**
 * Purpose: inserts documents of one collection until each is decided, many callers in one round trip (P-411, P-1226 for the store).
 * States: idle → armed (collects until the end of the present turn of the event loop) → one insert in flight, everything
 *   that comes meanwhile goes into the next → idle. No timer on the way; a lone document leaves at once.
 * What is authoritative: the store's verdict. `duplicate` says only that a document of this id is there; whoever
 *   cares whether it is his own reads it (Journal) or knows by the id (digests).
 * On failure: a document without an answer is sent again unchanged, with back-off, to a bound of 30 s; its neighbours are not held
 *   up. A refused one fails alone.
 * Not here: what documents mean. The queue is bounded by the callers: each waits for its document, one for each open flow.
 */
import {
  InputError,
  UnavailableError,
  familyOf,
  type DocumentStore,
  type InsertVerdict,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { documentSizeOf } from './document-size.js';
import { backOffMs, gaveUp, patienceMs } from './patience.js';

/** One round trip carries at most so much: below every server's message limit, and short enough to be answered soon. */
const BATCH_DOCUMENTS_MAX = 1_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** The port's limit for one document, with room for what a store adds around it. */
export const documentBytesMax = 1024 * 1024 - 4 * 1024;

interface Waiting {
  readonly document: StoredDocument;
  readonly sizeBytes: number;
  readonly sinceMs: number;
  readonly resolve: (verdict: 'stored' | 'duplicate') => void;
  readonly reject: (error: Error) => void;
}

export interface GroupInsertOptions {
  readonly store: DocumentStore;
  readonly collection: string;
  readonly runtime: Runtime;
}

export class GroupInsert {
  readonly #store: DocumentStore;
  readonly #collection: string;
  readonly #runtime: Runtime;
  #queue: Waiting[] = [];
  #state: 'idle' | 'armed' | 'inserting' | 'closed' = 'idle';
  /** Rounds in a row that left something unanswered: the exponent of the back-off. */
  #unanswered = 0;
  readonly #resting = new Set<Waiting>();

  constructor({ store, collection, runtime }: GroupInsertOptions) {
    this.#store = store;
    this.#collection = collection;
    this.#runtime = runtime;
  }

  /**
   * Resolves when the store has decided. @throws InputError `BATON_INPUT_TOO_LARGE` before anything is sent;
   * UnavailableError `BATON_UNAVAILABLE_OUTCOME_UNKNOWN` past the bound (it may be stored later); whatever the store refused with.
   */
  insert(document: StoredDocument): Promise<'stored' | 'duplicate'> {
    const sizeBytes = documentSizeOf(document);
    if (sizeBytes > documentBytesMax) return Promise.reject(tooLarge(this.#collection, document, sizeBytes));
    if (this.#state === 'closed') return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const sinceMs = this.#runtime.clock.monotonicMs();
      this.#queue.push({ document, sizeBytes, sinceMs, resolve, reject });
      this.#arm();
    });
  }

  /** Everything not decided yet is rejected: it may be stored or not. Idempotent. */
  close(): void {
    this.#state = 'closed';
    for (const waiting of [...this.#queue.splice(0), ...this.#resting]) waiting.reject(closed());
    this.#resting.clear();
  }

  #arm(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'armed';
    this.#runtime.clock.setImmediate(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    if (this.#state !== 'armed') return;
    this.#state = 'inserting';
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      const verdicts = await this.#send(batch.map((waiting) => waiting.document));
      this.#settle(batch, verdicts);
    }
    if (this.#state === 'inserting') this.#state = 'idle';
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { sizeBytes } of this.#queue) {
      if (count > 0 && (count >= BATCH_DOCUMENTS_MAX || bytes + sizeBytes > BATCH_BYTES_MAX)) break;
      bytes += sizeBytes;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #send(documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]> {
    try {
      return await this.#store.insert(this.#collection, documents);
    } catch (cause) {
      return documents.map(() => ({ verdict: 'unknown', cause }));
    }
  }

  #settle(batch: readonly Waiting[], verdicts: readonly InsertVerdict[]): void {
    const open: Waiting[] = [];
    let openCause: unknown;
    batch.forEach((waiting, index) => {
      const verdict = verdicts[index] ?? { verdict: 'unknown', cause: undefined };
      if (verdict.verdict === 'unknown') {
        open.push(waiting);
        openCause = verdict.cause;
      } else if (verdict.verdict === 'refused') {
        waiting.reject(refused(this.#collection, waiting.document, verdict.cause));
      } else {
        waiting.resolve(verdict.verdict);
      }
    });
    if (open.length === 0) this.#unanswered = 0;
    else this.#rest(open, openCause);
  }

  /** Sends again after a while what was not answered, and gives up on what has waited too long. */
  #rest(open: readonly Waiting[], cause: unknown): void {
    const { clock, random } = this.#runtime;
    const delayMs = backOffMs(random, this.#unanswered++);
    const nowMs = clock.monotonicMs();
    const again: Waiting[] = [];
    for (const waiting of open) {
      if (this.#state === 'closed') waiting.reject(closed());
      else if (nowMs - waiting.sinceMs + delayMs <= patienceMs) again.push(waiting);
      else waiting.reject(gaveUp(`document ${waiting.document._id} of ${this.#collection}`, cause));
    }
    if (again.length === 0) return;
    for (const waiting of again) this.#resting.add(waiting);
    clock.setTimer(delayMs, () => {
      for (const waiting of again) if (this.#resting.delete(waiting)) this.#queue.push(waiting);
      if (this.#queue.length > 0) this.#arm();
    });
  }
}

function tooLarge(collection: string, document: StoredDocument, sizeBytes: number): InputError {
  return new InputError(
    'BATON_INPUT_TOO_LARGE',
    `document ${document._id} of ${collection} has ${sizeBytes} bytes; at most ${documentBytesMax} are allowed`,
    { details: { collection, id: document._id, sizeBytes, bytesMax: documentBytesMax } },
  );
}

function refused(collection: string, document: StoredDocument, cause: unknown): Error {
  if (cause instanceof Error && familyOf(cause) !== undefined) return cause;
  return new UnavailableError(
    'BATON_UNAVAILABLE_REFUSED',
    `the store refused document ${document._id} of ${collection}`,
    { cause },
  );
}

function closed(): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', 'the store was closed before it answered');
}
