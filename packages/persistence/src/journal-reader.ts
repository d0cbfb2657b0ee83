/**
 * Purpose: loads runs. Loads asked for while one is in flight are one batch (facts: 1,000 flows by one query 0.6 s, one by one 1.8 s).
 * States: idle → loading one batch → idle.
 * What is authoritative: entries are immutable and contiguous, so what is read is true; a stale read only ends too early, and whoever
 *   writes after it collides and reads on (P-408).
 * On failure: reads are repeated with back-off to a bound of 30 s. A malformed entry fails the load of its own flow only.
 * Not here: deciding anything.
 *
 * Few flows are read by exact ids, many by one query on the index of segments. Exact ids are what every store answers fast (a
 * takeover of one job is a takeover in milliseconds); the query costs one round trip however many flows there are. A head hint is
 * read only for a run that is longer than what was asked for at first.
 */
import type { DocumentStore, JournalEntry, Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { decodeEntry, entryIdOf, segmentEntries, segmentOf } from './entry-codec.js';
import type { FlowJournal } from './flow-journal.js';
import { GroupGet } from './group-get.js';
import type { KnownEntries } from './head-search.js';
import { readPatiently } from './patience.js';
import { snapshotEveryEntries, type Snapshots } from './snapshots.js';

/**
 * Above so many flows at once the query wins. Measured on FerretDB with 4,200 entries: by ids 3.5 ms for 1 flow, 47 for 8, 107 for 16; by
 * query 190 to 310 (it scans). MongoDB answers both in one round trip.
 */
const FLOWS_BY_ID_MAX = 10;
/** Entries asked for at first by exact ids: most runs that are taken over have fewer. */
const STRETCH_FIRST = 4;
const STRETCH_MAX = 128;
const FLOWS_PER_QUERY_MAX = 250;
const PAGE = 10_000;

interface Asked {
  readonly flowId: string;
  readonly resolve: (flow: FlowJournal) => void;
  readonly reject: (error: unknown) => void;
}

export class JournalReader {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #snapshots: Snapshots;
  readonly #heads: GroupGet;
  readonly #queue: Asked[] = [];
  #isLoading = false;

  constructor(options: { store: DocumentStore; runtime: Runtime; snapshots: Snapshots }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#snapshots = options.snapshots;
    this.#heads = new GroupGet({ ...options, collection: collectionNames.heads });
  }

  load(flowId: string): Promise<FlowJournal> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ flowId, resolve, reject });
      if (this.#isLoading) return;
      this.#isLoading = true;
      this.#runtime.clock.setImmediate(() => void this.#drain());
    });
  }

  /**
   * A run whose entry `through` is known to be stored, up to there: nothing has to be tried, and what a stale read does not show is read
   * again. Ends before `through` only when the store does not show it within 30 s.
   */
  async loadThrough(flowId: string, through: number, known: KnownEntries = new Map()): Promise<FlowJournal> {
    // a shorter run has no snapshot worth a round trip
    const head = through < snapshotEveryEntries ? undefined : await this.#heads.get(flowId);
    const hinted = head === undefined ? undefined : await this.#snapshots.readHinted(head);
    const snapshot = hinted !== undefined && hinted.seq <= through ? hinted : undefined;
    const from = (snapshot?.seq ?? -1) + 1;
    const asked = numbers(from, through + 1 - from).filter((seq) => !known.has(seq));
    const ids = asked.map((seq) => entryIdOf(flowId, seq));
    const found = await readPatiently(this.#runtime, () => this.#store.get(collectionNames.journal, ids), {
      isThere: (documents) => documents.every((document) => document !== undefined),
    });
    const read = new Map(known);
    for (const [index, seq] of asked.entries()) {
      const document = found[index];
      if (document === undefined) continue;
      const entry = decodeEntry(document);
      if (entry === undefined) return this.load(flowId); // emptied by compaction: a snapshot covers it
      read.set(seq, entry);
    }
    const entries = contiguousEntries(read, from);
    return { flowId, entries, ...(snapshot === undefined ? {} : { snapshot }) };
  }

  /** Entries from `fromSeq` on, by exact ids, up to the first that is not there. */
  async tail(flowId: string, fromSeq: number): Promise<readonly JournalEntry[]> {
    // who follows a run finds nothing new most of the time
    return entriesOf(await this.#gallop(flowId, fromSeq, 1));
  }

  /** Every entry from 0 on that still has its facts, whatever snapshots there are: for rebuilding and for people. */
  async history(flowId: string): Promise<readonly JournalEntry[]> {
    return (await this.#gallop(flowId, 0)).map(decodeEntry).filter((entry) => entry !== undefined);
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, FLOWS_PER_QUERY_MAX);
      try {
        await this.#loadBatch(batch);
      } catch (error) {
        for (const asked of batch) asked.reject(error);
      }
    }
    this.#isLoading = false;
  }

  async #loadBatch(batch: readonly Asked[]): Promise<void> {
    const flowIds = [...new Set(batch.map((asked) => asked.flowId))];
    const isFew = flowIds.length <= FLOWS_BY_ID_MAX;
    const beginnings = await (isFew ? this.#firstStretches(flowIds) : this.#firstSegments(flowIds));
    const asked = isFew ? STRETCH_FIRST : segmentEntries;
    const loads = new Map(
      flowIds.map((flowId) => {
        const beginning = contiguous(beginnings.get(flowId) ?? [], 0);
        return [flowId, this.#complete({ flowId, beginning, asked })];
      }),
    );
    // a long run goes on beside the next batch: it delays its own load only
    for (const { flowId, resolve, reject } of batch) loads.get(flowId)?.then(resolve, reject);
  }

  async #complete(found: {
    readonly flowId: string;
    readonly beginning: readonly StoredDocument[];
    readonly asked: number;
  }): Promise<FlowJournal> {
    const { flowId, beginning, asked } = found;
    const isShort = beginning.length < asked;
    if (isShort && !beginning.some(isEmptied)) return { flowId, entries: entriesOf(beginning) };
    const head = await this.#heads.get(flowId);
    const hinted = head === undefined ? undefined : await this.#snapshots.readHinted(head);
    if (hinted !== undefined) {
      const tail = await this.#gallop(flowId, hinted.seq + 1);
      if (!tail.some(isEmptied)) return { flowId, snapshot: hinted, entries: entriesOf(tail) };
    }
    const all = isShort
      ? beginning
      : [...beginning, ...(await this.#gallop(flowId, beginning.length, asked))];
    if (!all.some(isEmptied)) return { flowId, entries: entriesOf(all) };
    return this.#fromNewestSnapshot(flowId, all);
  }

  /** The hint was missing or older than what compaction left: what was emptied lies below a snapshot that is there. */
  async #fromNewestSnapshot(flowId: string, all: readonly StoredDocument[]): Promise<FlowJournal> {
    const snapshot = await readPatiently(this.#runtime, () => this.#snapshots.findNewest(flowId), {
      isThere: (found) => found !== undefined && found.seq >= lastEmptied(all),
    });
    const entries = entriesOf(all.slice((snapshot?.seq ?? -1) + 1));
    return snapshot === undefined ? { flowId, entries } : { flowId, snapshot, entries };
  }

  async #gallop(flowId: string, fromSeq: number, first = STRETCH_FIRST): Promise<readonly StoredDocument[]> {
    const found: StoredDocument[] = [];
    for (let stretch = Math.min(first, STRETCH_MAX); ; stretch = Math.min(2 * stretch, STRETCH_MAX)) {
      const next = fromSeq + found.length;
      const documents = await this.#get(collectionNames.journal, idsFrom(flowId, next, stretch));
      const gap = documents.indexOf(undefined);
      for (const document of documents.slice(0, gap === -1 ? undefined : gap))
        if (document) found.push(document);
      if (gap !== -1) return found;
    }
  }

  async #firstStretches(flowIds: readonly string[]): Promise<Map<string, StoredDocument[]>> {
    const ids = flowIds.flatMap((flowId) => idsFrom(flowId, 0, STRETCH_FIRST));
    return byFlow(await this.#get(collectionNames.journal, ids));
  }

  async #firstSegments(flowIds: readonly string[]): Promise<Map<string, StoredDocument[]>> {
    const where = { field: 'segment', oneOf: flowIds.map((flowId) => segmentOf(flowId, 0)) };
    const found: StoredDocument[] = [];
    for (let after: string | undefined; ; after = found.at(-1)?._id) {
      const query = { where, limit: PAGE, ...(after === undefined ? {} : { after }) };
      const page = await readPatiently(this.#runtime, () => this.#store.find(collectionNames.journal, query));
      found.push(...page);
      if (page.length < PAGE) return byFlow(found);
    }
  }

  #get(collection: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]> {
    return readPatiently(this.#runtime, () => this.#store.get(collection, ids));
  }
}

function idsFrom(flowId: string, seq: number, count: number): string[] {
  return numbers(seq, count).map((each) => entryIdOf(flowId, each));
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

function contiguousEntries(entries: KnownEntries, from: number): JournalEntry[] {
  const found: JournalEntry[] = [];
  for (let entry = entries.get(from); entry !== undefined; entry = entries.get(from + found.length))
    found.push(entry);
  return found;
}

function byFlow(documents: readonly (StoredDocument | undefined)[]): Map<string, StoredDocument[]> {
  const flows = new Map<string, StoredDocument[]>();
  for (const document of documents) {
    if (document === undefined) continue;
    const flowId = String(document['flowId']);
    const own = flows.get(flowId);
    if (own === undefined) flows.set(flowId, [document]);
    else own.push(document);
  }
  return flows;
}

/** In order of `seq` from `from` up to the first gap. */
function contiguous(documents: readonly StoredDocument[], from: number): readonly StoredDocument[] {
  const sorted = [...documents].sort((left, right) => Number(left['seq']) - Number(right['seq']));
  const gap = sorted.findIndex((document, index) => document['seq'] !== from + index);
  return gap === -1 ? sorted : sorted.slice(0, gap);
}

const isEmptied = (document: StoredDocument): boolean => document['body'] === '';

function lastEmptied(documents: readonly StoredDocument[]): number {
  return Number(documents.findLast(isEmptied)?.['seq'] ?? -1);
}

/** Up to the first emptied one: what follows it could not be folded. */
function entriesOf(documents: readonly StoredDocument[]): readonly JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const document of documents) {
    const entry = decodeEntry(document);
    if (entry === undefined) break;
    entries.push(entry);
  }
  return entries;
}
