/**
 * Purpose: loads runs up to an entry that is known to be stored, and reads on from a place.
 * States: none; reads that are asked for together share round trips.
 * What is authoritative: entries are immutable and contiguous, so what is read is true. A stale read shows too little: what must be there is
 *   read again until it is, because whoever decides on a shorter run would do finished work once more (P-408).
 * On failure: reads are repeated with back-off to a bound of 30 s. A malformed entry fails the load of its own flow only.
 * Not here: deciding anything, where a run ends (HeadSearch).
 *
 * Everything is read by exact id, because that is what every store answers fast, however much it holds. A head hint is read only for a run
 * that is long enough to have a snapshot.
 */
import {
  ConflictError,
  UnavailableError,
  type DocumentStore,
  type JournalEntry,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { collectionNames } from './collections.js';
import { decodeEntry, entryIdOf } from './entry-codec.js';
import type { FlowJournal } from './flow-journal.js';
import { GroupGet } from './group-get.js';
import type { KnownEntries } from './head-search.js';
import { readPatiently } from './patience.js';
import { snapshotEveryEntries, type Snapshot, type Snapshots } from './snapshots.js';

/** Entries asked for at first when nothing is known of the end. */
const STRETCH_FIRST = 4;
const STRETCH_MAX = 128;
const noneKnown: KnownEntries = new Map();

interface Stretch {
  readonly flowId: string;
  readonly from: number;
  readonly through: number;
  readonly known: KnownEntries;
}

export class JournalReader {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #snapshots: Snapshots;
  readonly #entries: GroupGet;
  readonly #heads: GroupGet;

  constructor(options: { store: DocumentStore; runtime: Runtime; snapshots: Snapshots }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#snapshots = options.snapshots;
    this.#entries = new GroupGet({ ...options, collection: collectionNames.journal });
    this.#heads = new GroupGet({ ...options, collection: collectionNames.heads });
  }

  /**
   * A run whose entry `through` is known to be stored, to exactly there; `known` entries are not read.
   * @throws UnavailableError when the store does not show all of it within 30 s; InputError `BATON_INPUT_MALFORMED`
   */
  async loadThrough(flowId: string, through: number, known = noneKnown): Promise<FlowJournal> {
    const hinted = await this.#hintedSnapshot(flowId, through);
    const entries = await this.#stretch({ flowId, from: after(hinted), through, known });
    if (entries !== undefined) return { flowId, entries, ...(hinted && { snapshot: hinted }) };
    // emptied by compaction: there is a snapshot above, whatever the hint says
    const snapshot = await this.#snapshots.findNewest(flowId);
    const rest =
      snapshot && (await this.#stretch({ flowId, from: after(snapshot), through, known: noneKnown }));
    if (snapshot === undefined || rest === undefined)
      throw notShown(`the snapshot above the emptied entries of ${flowId}`);
    return { flowId, snapshot, entries: rest };
  }

  /**
   * All entries from 0 to `through`, for whoever cannot use the snapshot. @throws as `loadThrough`; ConflictError
   * `BATON_CONFLICT_SCHEMA_NEWER` when entries were emptied: only whoever reads the snapshot can go on
   */
  async entriesThrough(flowId: string, through: number): Promise<readonly JournalEntry[]> {
    const entries = await this.#stretch({ flowId, from: 0, through, known: noneKnown });
    if (entries !== undefined) return entries;
    throw new ConflictError(
      'BATON_CONFLICT_SCHEMA_NEWER',
      `the journal of ${flowId} was shortened behind a snapshot that this version cannot read`,
    );
  }

  /** Entries from `fromSeq` on, by exact ids, up to the first that is not there. */
  async tail(flowId: string, fromSeq: number): Promise<readonly JournalEntry[]> {
    const entries: JournalEntry[] = [];
    // who follows a run finds nothing new most of the time
    for (const document of await this.#gallop(flowId, fromSeq, 1)) {
      const entry = decodeEntry(document);
      if (entry === undefined) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Every entry from 0 on that still has its facts, whatever snapshots there are: for rebuilding and for people. */
  async history(flowId: string): Promise<readonly JournalEntry[]> {
    return (await this.#gallop(flowId, 0, STRETCH_FIRST))
      .map(decodeEntry)
      .filter((entry) => entry !== undefined);
  }

  async #hintedSnapshot(flowId: string, through: number): Promise<Snapshot | undefined> {
    // a shorter run has no snapshot worth a round trip
    const head = through < snapshotEveryEntries ? undefined : await this.#heads.get(flowId);
    const hinted = head && (await this.#snapshots.readHinted(head));
    return hinted !== undefined && hinted.seq <= through ? hinted : undefined;
  }

  /** Undefined: some of it was emptied by compaction. @throws UnavailableError when not all of it is shown */
  async #stretch({ flowId, from, through, known }: Stretch): Promise<readonly JournalEntry[] | undefined> {
    const asked = numbers(from, through + 1 - from).filter((seq) => !known.has(seq));
    const read = new Map(known);
    const found = await readPatiently(
      this.#runtime,
      () => Promise.all(asked.map((seq) => this.#entries.get(entryIdOf(flowId, seq)))),
      { isThere: (documents) => documents.every((document) => document !== undefined) },
    );
    for (const [index, seq] of asked.entries()) {
      const document = found[index];
      if (document === undefined) throw notShown(`journal entry ${seq} of ${flowId}`);
      const entry = decodeEntry(document);
      if (entry === undefined) return undefined;
      read.set(seq, entry);
    }
    return numbers(from, through + 1 - from).flatMap((seq) => read.get(seq) ?? []);
  }

  async #gallop(flowId: string, fromSeq: number, first: number): Promise<readonly StoredDocument[]> {
    const found: StoredDocument[] = [];
    for (let count = first; ; count = Math.min(2 * count, STRETCH_MAX)) {
      const ids = numbers(fromSeq + found.length, count).map((seq) => entryIdOf(flowId, seq));
      const documents = await readPatiently(this.#runtime, () =>
        this.#store.get(collectionNames.journal, ids),
      );
      const gap = documents.indexOf(undefined);
      for (const document of documents.slice(0, gap === -1 ? undefined : gap))
        if (document) found.push(document);
      if (gap !== -1) return found;
    }
  }
}

function after(snapshot: Snapshot | undefined): number {
  return (snapshot?.seq ?? -1) + 1;
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: Math.max(0, count) }, (_, index) => from + index);
}

function notShown(what: string): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_DEADLINE', `the store does not show ${what}, which exists`);
}
