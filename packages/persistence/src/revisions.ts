/**
 * Purpose: things that people change, as rows of revisions of which the last one counts: schedules, environments.
 * States: none → 1 → 2 → …; a revision may say that the thing is deleted, and the next one that it is there again.
 * What is authoritative: inserts. The number in the id of a revision is the compare-and-set: of two who change a thing one is told that the other was first.
 * On failure: as GroupInsert. A stale read shows an older revision; whoever builds on it is told so when writing.
 * Not here: what the things mean, and whose they are.
 */
import { ConflictError } from '@baton/core';
import type { DocumentStore, Runtime, StoredDocument } from '@baton/core';
import type { CollectionName } from './collections.js';
import { GroupInsert } from './group-insert.js';
import { gaveUp, readPatiently } from './patience.js';

export interface Revision {
  readonly board: string;
  /** From 1. */
  readonly revision: number;
  /** Who made this revision; absent: nobody was named. */
  readonly by?: string;
}

interface Deleted extends Revision {
  readonly isDeleted: true;
}

interface RevisionsOptions {
  readonly store: DocumentStore;
  readonly runtime: Runtime;
  readonly collection: CollectionName;
  /** Indexed, as `board` is: the field that has the key of the thing. */
  readonly keyField: string;
  /** What it is, for errors. */
  readonly of: string;
  /** Nobody asks for what it was before: `at` gives the last revision only. */
  readonly isLastOnly?: boolean;
}

const PAGE = 500;
/** Revisions that are kept, be it only their numbers: whoever reads an older one than that is not told that it is. */
const REVISIONS_KEPT = 20;

export class Revisions<T extends Revision> {
  readonly #options: RevisionsOptions;
  readonly #inserts: GroupInsert;

  constructor(options: RevisionsOptions) {
    this.#options = options;
    this.#inserts = new GroupInsert(options);
  }

  /** All of a board that are there, by key. @throws UnavailableError */
  async list(board: string): Promise<readonly T[]> {
    const last = new Map<string, T | Deleted>();
    const where = { field: 'board', oneOf: [board] };
    for (let after: string | undefined; ;) {
      const page = await this.#find({ where, limit: PAGE, ...(after !== undefined && { after }) });
      // in the order of their ids: later revisions come later
      for (const document of page) last.set(String(document[this.#options.keyField]), this.#decode(document));
      if (page.length < PAGE) return [...last.values()].filter((each) => isThere(each));
      after = page.at(-1)?._id;
    }
  }

  /** The last revision; undefined: there is none, or it was deleted. `revision` is that of the last change in any case, 0 before the first. @throws UnavailableError */
  async get(key: string): Promise<{
    readonly value: T | undefined;
    readonly revision: number;
    readonly board?: string;
  }> {
    const where = { field: this.#options.keyField, oneOf: [key] };
    const [document] = await this.#find({ where, order: 'descending', limit: 1 });
    if (document === undefined) return { value: undefined, revision: 0 };
    const found = this.#decode(document);
    const { revision, board } = found;
    return isThere(found) ? { value: found, revision, board } : { value: undefined, revision };
  }

  /** Undefined: it was deleted, or is one of the old ones that are forgotten. @throws UnavailableError */
  async at(key: string, revision: number): Promise<T | undefined> {
    const { store, runtime, collection } = this.#options;
    const [document] = await readPatiently(runtime, () => store.get(collection, [idOf(key, revision)]));
    const found = document && this.#decode(document);
    return found && isThere(found) ? found : undefined;
  }

  /**
   * Stores a revision behind the one before it; without a value, that the thing is deleted, and of those before nothing stays but their numbers.
   * @throws ConflictError `BATON_CONFLICT_REVISION` when somebody else was first; InputError `BATON_INPUT_TOO_LARGE`; UnavailableError
   */
  async change({ key, ...made }: Revision & { readonly key: string }, value?: T): Promise<void> {
    const { runtime, collection, keyField, of, isLastOnly } = this.#options;
    const { board, revision } = made;
    const opId = runtime.random.nonce();
    const _id = idOf(key, revision);
    const content = value ?? { [keyField]: key, isDeleted: true };
    // who made the one before has not made this one
    const body = JSON.stringify({ ...content, by: undefined, ...made });
    if ((await this.#inserts.insert({ _id, [keyField]: key, board, opId, body })) === 'duplicate') {
      const standing = await this.#stored(_id);
      if (standing['opId'] !== opId)
        throw new ConflictError(
          'BATON_CONFLICT_REVISION',
          `${of} ${key} has been changed: there is a revision ${revision} already`,
        );
    }
    if (value === undefined) await this.#empty({ key, board }, { from: 1, to: revision - 1 });
    else if (isLastOnly) await this.#empty({ key, board }, { from: revision - 1, to: revision - 1 });
    await forget(this.#options, { collection, ids: [idOf(key, revision - REVISIONS_KEPT)] });
  }

  /**
   * They may hold secrets, and lists read them. Their numbers stay: whoever builds on an old one is still told that he is late. Never rejects: the change is
   * stored, and what stays is read by nobody.
   */
  async #empty(
    { key, board }: { readonly key: string; readonly board: string },
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<void> {
    const { store, runtime, collection, keyField } = this.#options;
    const first = Math.max(from, 1, to + 2 - REVISIONS_KEPT);
    const emptied = Array.from({ length: Math.max(0, to - first + 1) }, (_, index) => {
      const revision = first + index;
      const body = JSON.stringify({ [keyField]: key, board, revision, isDeleted: true });
      return { _id: idOf(key, revision), [keyField]: key, board, body };
    });
    if (emptied.length === 0) return;
    await store.replace(collection, emptied).catch((reason: unknown) => {
      runtime.logger.warn('store.revisions.not-emptied', { collection, key, reason });
    });
  }

  close(): void {
    this.#inserts.close();
  }

  #find(query: Parameters<DocumentStore['find']>[1]): Promise<readonly StoredDocument[]> {
    const { store, runtime, collection } = this.#options;
    return readPatiently(runtime, () => store.find(collection, query));
  }

  async #stored(id: string): Promise<StoredDocument> {
    const { store, runtime, collection } = this.#options;
    const isKnown = ([document]: readonly (StoredDocument | undefined)[]): boolean => document !== undefined;
    const [document] = await readPatiently(runtime, () => store.get(collection, [id]), {
      isThere: isKnown,
    });
    if (document === undefined) throw gaveUp(`revision ${id}`, undefined);
    return document;
  }

  #decode({ body }: StoredDocument): T | Deleted {
    return JSON.parse(String(body)) as T | Deleted;
  }
}

/** Never rejects: what stays costs room and nothing else. */
export async function forget(
  { store, runtime }: { readonly store: DocumentStore; readonly runtime: Runtime },
  { collection, ids }: { readonly collection: CollectionName; readonly ids: readonly string[] },
): Promise<void> {
  if (ids.length === 0) return;
  await store.delete(collection, ids).catch((reason: unknown) => {
    runtime.logger.debug('store.revisions.not-forgotten', { collection, reason });
  });
}

function isThere<T extends Revision>(found: T | Deleted): found is T {
  return !('isDeleted' in found);
}

/** In the order of their numbers. */
const idOf = (key: string, revision: number): string => `${key}:${String(revision).padStart(10, '0')}`;
