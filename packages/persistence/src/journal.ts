/**
 * Purpose: the only truth about runs (DESIGN 7): appends entries, loads them.
 * States: none of its own beyond the queues of GroupInsert and JournalReader.
 * What is authoritative: an entry that was accepted. The unique id `<flowId>:<seq>` is the compare-and-set and the fence: two writers
 *   that know the same journal write the same id, and one of them collides (P-404).
 * On failure: an append that is not answered is repeated unchanged to a bound of 30 s, then rejects with an UnavailableError: the entry
 *   may still land, and the caller gives the job up.
 * Not here: who may write (installFence, and the jobboard before it), what entries mean (engine).
 */
import {
  UnavailableError,
  type DocumentStore,
  type JournalEntry,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { collectionNames } from './collections.js';
import { encodeEntry, isSameWrite } from './entry-codec.js';
import type { FlowJournal } from './flow-journal.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { HeadSearch, type HeadHint, type JournalHead, type KnownEntries } from './head-search.js';
import { JournalReader } from './journal-reader.js';
import type { Snapshots } from './snapshots.js';

/** `collided`: somebody else's entry has this place. The writer is fenced: it stops and touches nothing else (P-405). */
export type AppendResult = 'accepted' | 'collided';

export class Journal {
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;
  readonly #reader: JournalReader;
  readonly #heads: HeadSearch;

  constructor(options: { store: DocumentStore; runtime: Runtime; snapshots: Snapshots }) {
    const journal = { ...options, collection: collectionNames.journal };
    this.#inserts = new GroupInsert(journal);
    this.#documents = new GroupGet(journal);
    this.#reader = new JournalReader(options);
    this.#heads = new HeadSearch(options);
  }

  /**
   * Durable when it resolves. At most one append of a flow at a time, and `seq` n only after n−1 was accepted or read (P-402);
   * entries of different flows share a round trip. Repeating an append with the same `opId` and fence is `accepted` again.
   * @throws InputError `BATON_INPUT_TOO_LARGE` before sending (split large turns with `splitFacts`); UnavailableError
   */
  async append(entry: JournalEntry): Promise<AppendResult> {
    const document = encodeEntry(entry);
    if ((await this.#inserts.insert(document)) === 'stored') return 'accepted';
    return isSameWrite(await this.#taken(document), document) ? 'accepted' : 'collided';
  }

  /**
   * Snapshot (if any) and entries of a run; neither when the flow is unknown. There may be more by now: reads may be old.
   * @throws UnavailableError; InputError `BATON_INPUT_MALFORMED`
   */
  async load(flowId: string): Promise<FlowJournal> {
    const head = await this.head(flowId);
    return head === undefined
      ? { flowId, entries: [] }
      : this.loadThrough(flowId, head.entry.seq, head.known);
  }

  /**
   * The same to exactly entry `through`, which is known to be stored, without reading what is `known`.
   * @throws as `load`; UnavailableError too when the store does not show all of it within 30 s
   */
  loadThrough(flowId: string, through: number, known?: KnownEntries): Promise<FlowJournal> {
    return this.#reader.loadThrough(flowId, through, known);
  }

  /**
   * All entries to `through`, for whoever cannot use the snapshot. @throws as `loadThrough`; ConflictError `BATON_CONFLICT_SCHEMA_NEWER`
   * when the journal was shortened behind the snapshot
   */
  entriesThrough(flowId: string, through: number): Promise<readonly JournalEntry[]> {
    return this.#reader.entriesThrough(flowId, through);
  }

  /**
   * The newest entry, undefined when there is none: a few reads however long the run is, two with a good hint. A wrong one costs time only.
   * @throws as `load`
   */
  head(flowId: string, hint: HeadHint = {}): Promise<JournalHead | undefined> {
    return this.#heads.find(flowId, hint);
  }

  /** Entries from `fromSeq` on, by exact ids up to the first gap: for reading on after a collision. @throws as `load` */
  tail(flowId: string, fromSeq: number): Promise<readonly JournalEntry[]> {
    return this.#reader.tail(flowId, fromSeq);
  }

  /** Everything that still has its facts, from entry 0 on, for people. @throws as `load` */
  history(flowId: string): Promise<readonly JournalEntry[]> {
    return this.#reader.history(flowId);
  }

  close(): void {
    this.#inserts.close();
  }

  async #taken({ _id }: StoredDocument): Promise<StoredDocument> {
    const found = await this.#documents.getStored(_id);
    if (found !== undefined) return found;
    throw new UnavailableError(
      'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
      `the store says that journal entry ${_id} exists and does not give it`,
    );
  }
}
