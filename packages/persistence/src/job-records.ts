/**
 * Purpose: what was posted under which id (P-601, P-602): makes a repeated post recognisable and a half-done one repairable.
 * States: POSTING (maybe not on the board yet) → POSTED (was put on the board) → REOPENING (has ended, and a person wants it to go on) → POSTED. A
 *   hint: POSTING and REOPENING may stand for ever, and cost a look, which changes nothing. All → DELETED: nobody is shown anything of it, and its id is
 *   taken until it is purged (`retention.ts`).
 * What is authoritative: the inserted content, which never changes; and that it was deleted.
 * On failure: as GroupInsert and GroupGet. Marking only logs.
 * Not here: the board, the reconciler's clock.
 */
import {
  ConflictError,
  UnavailableError,
  type DocumentStore,
  type Environment,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { readPatiently } from './patience.js';

/** Records read in one query. */
const PAGE = 100;

export interface JobPost {
  readonly jobId: string;
  /** Id of the definition document. */
  readonly definitionHash: string;
  /** SHA-256 of everything that makes the post what it is: same key and same hash = same post. */
  readonly contentHash: string;
  /** JSON text of the board's posting. */
  readonly posting: string;
  /** Wall time of the poster. */
  readonly postedAtMs: number;
  /** What the environment was that it was posted with by name: whoever finishes the post takes this one. */
  readonly env?: Environment;
  /** Of a child run: the first of those that started one another. */
  readonly rootId?: string;
}

export interface JobRecord extends JobPost {
  readonly state: 'POSTING' | 'POSTED' | 'REOPENING' | 'DELETED';
  /** Of one that is DELETED: when, cluster time, and the number of its last journal entry. */
  readonly deletion?: { readonly atMs: number; readonly lastSeq: number };
}

export class JobRecords {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const jobs = { ...options, collection: collectionNames.jobs };
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#inserts = new GroupInsert(jobs);
    this.#documents = new GroupGet(jobs);
  }

  /**
   * Records a post before it goes to the board. Gives the record that stands: state POSTED when the same post was finished before.
   * @throws ConflictError `BATON_CONFLICT_KEY_REUSED` when the id stands for other content, `BATON_CONFLICT_DELETED`
   * when it was deleted and is not purged yet; UnavailableError
   */
  async insert(post: JobPost): Promise<JobRecord> {
    return (await this.insertOrFind(post)).record;
  }

  /** The same; `isNew` when nobody had recorded it before. After a lost answer that is not certain, and it is said to be old. */
  async insertOrFind(post: JobPost): Promise<{ readonly record: JobRecord; readonly isNew: boolean }> {
    const record: JobRecord = { ...post, state: 'POSTING' };
    if ((await this.#inserts.insert(encodeJobRecord(record))) === 'stored') return { record, isNew: true };
    const existing = await this.#documents.getStored(post.jobId);
    if (existing === undefined)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
        `the store says that job ${post.jobId} exists and does not give it`,
      );
    const standing = decodeJobRecord(existing);
    if (standing.state === 'DELETED')
      throw new ConflictError(
        'BATON_CONFLICT_DELETED',
        `job ${post.jobId} was deleted, and is not purged yet: post it under another key, or an hour later`,
      );
    if (standing.contentHash === post.contentHash) return { record: standing, isNew: false };
    throw new ConflictError(
      'BATON_CONFLICT_KEY_REUSED',
      `job ${post.jobId} exists already with other content`,
    );
  }

  /** The post is on the board. Never rejects: it is a hint. */
  async markPosted(record: JobRecord): Promise<void> {
    try {
      await this.#store.replace(collectionNames.jobs, [encodeJobRecord({ ...record, state: 'POSTED' })]);
    } catch (reason) {
      this.#runtime.logger.warn('store.job.mark-posted.failed', { jobId: record.jobId, reason });
    }
  }

  /** A command to reopen it is stored: whoever finishes posts sees that it comes to the board, should this client not. @throws UnavailableError */
  async markReopening(record: JobRecord): Promise<void> {
    const document = encodeJobRecord({ ...record, state: 'REOPENING' });
    await readPatiently(this.#runtime, () => this.#store.replace(collectionNames.jobs, [document]));
  }

  /** May be stale. @throws UnavailableError */
  async get(jobId: string): Promise<JobRecord | undefined> {
    const document = await this.#documents.get(jobId);
    return document === undefined ? undefined : decodeJobRecord(document);
  }

  /** Of a job that is known to be stored: undefined only when the store does not give it for long. @throws UnavailableError */
  async getStored(jobId: string): Promise<JobRecord | undefined> {
    const document = await this.#documents.getStored(jobId);
    return document && decodeJobRecord(document);
  }

  /** What may have been left half done: POSTING, and posted before `beforeMs`, or REOPENING; in the order of their ids. @throws UnavailableError */
  async *leftSince({ beforeMs }: { readonly beforeMs: number }): AsyncGenerator<JobRecord, void> {
    const query = { where: { field: 'state', oneOf: ['POSTING', 'REOPENING'] }, limit: PAGE };
    for (let after: string | undefined; ;) {
      const from = after === undefined ? {} : { after };
      const page = await readPatiently(this.#runtime, () =>
        this.#store.find(collectionNames.jobs, { ...query, ...from }),
      );
      for (const record of page.map(decodeJobRecord))
        if (record.state === 'REOPENING' || record.postedAtMs <= beforeMs) yield record;
      if (page.length < PAGE) return;
      after = page.at(-1)?._id;
    }
  }

  close(): void {
    this.#inserts.close();
  }
}

export function encodeJobRecord(record: JobRecord): StoredDocument {
  const { jobId, definitionHash, contentHash, posting, postedAtMs, state, rootId, deletion, env } = record;
  return {
    ...{ _id: jobId, definitionHash, contentHash, posting, postedAt: postedAtMs, state },
    ...(rootId !== undefined && { rootId }),
    ...(env && { env: JSON.stringify(env) }),
    ...(deletion && { deletedAt: deletion.atMs, lastSeq: deletion.lastSeq }),
  };
}

export function decodeJobRecord(document: StoredDocument): JobRecord {
  const { rootId, deletedAt, lastSeq, state, env } = document;
  return {
    jobId: document._id,
    definitionHash: String(document['definitionHash']),
    contentHash: String(document['contentHash']),
    posting: String(document['posting']),
    postedAtMs: Number(document['postedAt']),
    state: stateOf(state),
    ...(rootId !== undefined && { rootId: String(rootId) }),
    ...(env !== undefined && { env: JSON.parse(String(env)) as Environment }),
    ...(state === 'DELETED' && { deletion: { atMs: Number(deletedAt), lastSeq: Number(lastSeq) } }),
  };
}

const states: ReadonlySet<unknown> = new Set<JobRecord['state']>(['POSTED', 'REOPENING', 'DELETED']);

function stateOf(stored: unknown): JobRecord['state'] {
  return states.has(stored) ? (stored as JobRecord['state']) : 'POSTING';
}
