/**
 * Purpose: deleting jobs that have ended, and their child runs with them (C-1312): hidden at once, purged an hour later.
 * States of a job here: ended → deleted: its record says so, which is one write, and nobody is shown anything of it → purged: nothing is left, its record went
 *   last, and its id is free. Or → shown again, if somebody had it go on while another one deleted it.
 * What is authoritative: the record. Why all else stays for that hour: the unique ids of the journal fence an owner, and stop a post, that was paused for so
 *   long; workers know the requests of a job for a quarter of an hour, clients the number of its last command for half an hour.
 * On failure: UnavailableError; the same again goes on.
 * Not here: which jobs are deleted, and when they are purged (the conductor's `retention-duty.ts`, the client); definitions and payloads, which jobs share.
 */
import { familyOf, type DocumentStore, type FindQuery, type Runtime, type StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { entryIdOf } from './entry-codec.js';
import { decodeJobRecord, encodeJobRecord, type JobRecord } from './job-records.js';
import type { Journal } from './journal.js';
import { readPatiently } from './patience.js';

/** From the deletion of a job to its purge, and the freedom of its id, at least. */
export const purgedAfterMs = 3_600_000;

/** Documents that are read or deleted at a time. */
const PAGE = 1_000;
const CHILDREN_PAGE = 200;
/** Entries of a damaged journal that are read at a time. */
const ENTRIES_PAGE = 16;
/** What has a document of its own for each of its parts, found by the flow. */
const parted = ['commands', 'commandKeys', 'snapshots', 'eventWaits'] as const;
/** What people are shown in lists: one document of a job, under its id, as are the `single` ones. */
const listed = ['jobArchive', 'flowDetails'] as const;
const single = ['heads', 'notifications', ...listed] as const;

type CollectionKey = keyof typeof collectionNames;

/** When a job ended, and the number of its last entry. */
export interface JobEnding {
  readonly endedAtMs: number;
  readonly lastSeq: number;
}

/** How a job stands; nothing is stored of the run of one that was `never begun`, whose poster is at work or gave up. */
export type Standing = JobEnding | 'goes on' | 'never begun';

export interface StoredJob {
  readonly record: JobRecord;
  /** As far as the archive knows; most that ended are there. */
  readonly archived?: JobEnding;
}

/** A job that has ended, and how long its journal is; -1: it has none. */
export interface EndedJob {
  readonly record: JobRecord;
  readonly lastSeq: number;
}

interface Page {
  readonly after?: string | undefined;
  readonly limit: number;
}

export class Retention {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #journal: Journal;

  constructor(options: {
    readonly store: DocumentStore;
    readonly runtime: Runtime;
    readonly journal: Journal;
  }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#journal = options.journal;
  }

  /** A page of all jobs, running ones and child runs too, by ascending id; short only when it is the last. @throws UnavailableError */
  async jobs({ after, limit }: Page): Promise<readonly JobRecord[]> {
    const found = await this.#find('jobs', { limit, ...(after !== undefined && { after }) });
    return found.map(decodeJobRecord);
  }

  /** The same of the child runs of some roots, those of all depths. @throws UnavailableError */
  async childrenOf(rootIds: readonly string[], { after, limit }: Page): Promise<readonly JobRecord[]> {
    const where = { field: 'rootId', oneOf: rootIds };
    const found = await this.#find('jobs', { where, limit, ...(after !== undefined && { after }) });
    return found.map(decodeJobRecord);
  }

  /** What the archive knows of them. @throws UnavailableError */
  async archived(records: readonly JobRecord[]): Promise<readonly StoredJob[]> {
    if (records.length === 0) return [];
    const ids = records.map(({ jobId }) => jobId);
    const ends = await readPatiently(this.#runtime, () => this.#store.get(collectionNames.jobArchive, ids));
    return records.map((record, index) => {
      const end = ends[index];
      const archived = end && { endedAtMs: Number(end['updatedAt']), lastSeq: Number(end['seq']) };
      return { record, ...(archived && { archived }) };
    });
  }

  /** By its journal, whatever the archive says. @throws UnavailableError; InputError `BATON_INPUT_MALFORMED` */
  async standingOf({ record, archived }: StoredJob): Promise<Standing> {
    const head = await this.#journal.head(record.jobId, archived && { hint: archived.lastSeq });
    if (head === undefined) return archived ?? 'never begun';
    const { kind, atMs, seq } = head.entry;
    return kind === 'terminal' ? { endedAtMs: atMs, lastSeq: seq } : 'goes on';
  }

  /** The number of the last entry of a journal that cannot be read, or need not be: all of it is looked at. @throws UnavailableError */
  async lastSeqOf(jobId: string): Promise<number> {
    for (let from = 0; ; from += ENTRIES_PAGE) {
      const ids = Array.from({ length: ENTRIES_PAGE }, (_, n) => entryIdOf(jobId, from + n));
      const found = await readPatiently(this.#runtime, () => this.#store.get(collectionNames.journal, ids));
      const last = found.findLastIndex((document) => document !== undefined);
      if (last < ENTRIES_PAGE - 1) return from + last;
    }
  }

  /**
   * Deletes root jobs that have ended, and their child runs; `nowMs` is cluster time. Gives those that are left as they are: by the id of the root a child run that goes on.
   * Repeatable: what a call that failed has left shown is hidden. @throws UnavailableError
   */
  async delete(roots: readonly EndedJob[], nowMs: number): Promise<ReadonlyMap<string, string>> {
    const goOn = new Map<string, string>();
    for await (const children of this.#children(roots))
      for (const { record, lastSeq } of await this.#ended(children))
        if (lastSeq === undefined) goOn.set(record.rootId ?? '', record.jobId);
    const deleted = roots.filter(({ record }) => !goOn.has(record.jobId));
    // the roots first: from then on a child run that is still shown is one that a purge finds
    await this.#hide(deleted, nowMs);
    for await (const children of this.#children(deleted))
      await this.#hide(
        (await this.#ended(children)).flatMap(({ record, lastSeq }) =>
          lastSeq === undefined ? [] : [{ record, lastSeq }],
        ),
        nowMs,
      );
    return goOn;
  }

  /**
   * Of a job that is deleted: whether it went on all the same, since somebody had it do so (P-604) at that moment. Then it is shown again.
   * @throws UnavailableError
   */
  async restoreIfReopened(record: JobRecord): Promise<boolean> {
    const { deletion, ...rest } = record;
    if (deletion === undefined) return false;
    const since = await this.#journal.tail(record.jobId, deletion.lastSeq + 1);
    if (since.length === 0) return false;
    await this.#store.replace(collectionNames.jobs, [encodeJobRecord({ ...rest, state: 'POSTED' })]);
    return true;
  }

  /** All that is left of jobs that are deleted and off the board. Repeatable. @throws UnavailableError */
  async purge(records: readonly JobRecord[]): Promise<void> {
    if (records.length === 0) return;
    const ids = records.map(({ jobId }) => jobId);
    await this.#delete('journal', entryIdsOf(records));
    for (const collection of parted) await this.#deleteOf(collection, ids);
    for (const collection of single) await this.#delete(collection, ids);
    await this.#delete('jobs', ids);
  }

  async *#children(roots: readonly EndedJob[]): AsyncGenerator<readonly JobRecord[], void> {
    if (roots.length === 0) return;
    const rootIds = roots.map(({ record }) => record.jobId);
    for (let after: string | undefined; ;) {
      const page = await this.childrenOf(rootIds, { after, limit: CHILDREN_PAGE });
      yield page;
      if (page.length < CHILDREN_PAGE) return;
      after = page.at(-1)?.jobId;
    }
  }

  /** Without `lastSeq`: it goes on. One whose journal cannot be read was put aside. */
  async #ended(
    records: readonly JobRecord[],
  ): Promise<readonly { readonly record: JobRecord; readonly lastSeq: number | undefined }[]> {
    const stored = await this.archived(records.filter(({ deletion }) => deletion === undefined));
    const ends = new Map(stored.map((job) => [job.record.jobId, job]));
    return Promise.all(
      records.map(async (record) => {
        const job = ends.get(record.jobId);
        const known = record.deletion ?? job?.archived;
        return { record, lastSeq: known ? known.lastSeq : await this.#lastSeq({ record }) };
      }),
    );
  }

  async #lastSeq(job: StoredJob): Promise<number | undefined> {
    try {
      const standing = await this.standingOf(job);
      if (standing === 'goes on') return undefined;
      return standing === 'never begun' ? -1 : standing.lastSeq;
    } catch (error) {
      if (familyOf(error) !== 'input') throw error;
      return this.lastSeqOf(job.record.jobId);
    }
  }

  async #hide(jobs: readonly EndedJob[], atMs: number): Promise<void> {
    if (jobs.length === 0) return;
    const shown = jobs.filter(({ record }) => record.deletion === undefined);
    if (shown.length > 0)
      await this.#store.replace(
        collectionNames.jobs,
        shown.map(({ record, lastSeq }) =>
          encodeJobRecord({ ...record, state: 'DELETED', deletion: { atMs, lastSeq } }),
        ),
      );
    const ids = jobs.map(({ record }) => record.jobId);
    for (const collection of listed) await this.#delete(collection, ids);
  }

  async #deleteOf(collection: (typeof parted)[number], flowIds: readonly string[]): Promise<void> {
    const where = { field: 'flowId', oneOf: flowIds };
    for (let after: string | undefined; ;) {
      const query = { where, limit: PAGE, ...(after !== undefined && { after }) };
      const ids = (await this.#find(collection, query)).map(({ _id }) => _id);
      await this.#delete(collection, ids);
      if (ids.length < PAGE) return;
      after = ids.at(-1);
    }
  }

  async #delete(collection: CollectionKey, ids: Iterable<string>): Promise<void> {
    for (const page of pagesOf(ids)) await this.#store.delete(collectionNames[collection], page);
  }

  #find(collection: CollectionKey, query: FindQuery): Promise<readonly StoredDocument[]> {
    return readPatiently(this.#runtime, () => this.#store.find(collectionNames[collection], query));
  }
}

/** Runs may have a hundred thousand entries: never all ids of a page of jobs at once. */
function* entryIdsOf(records: readonly JobRecord[]): Generator<string, void> {
  for (const { jobId, deletion } of records)
    for (let seq = 0; seq <= (deletion?.lastSeq ?? -1); seq++) yield entryIdOf(jobId, seq);
}

function* pagesOf(ids: Iterable<string>): Generator<readonly string[], void> {
  let page: string[] = [];
  for (const id of ids) {
    page.push(id);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
