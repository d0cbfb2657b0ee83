/**
 * Purpose: who is to be told of a job, and how far they have been (C-1404). The events themselves are the journal's.
 * States: OPEN (something may be left to tell) → DONE; a job that is opened again is OPEN again.
 * What is authoritative: the targets, inserted once. How far they are is written by whoever tells them, one at a time by rule: what is lost of it is told again.
 * On failure: as GroupInsert; UnavailableError.
 * Not here: sending.
 */
import type { DocumentStore, NotifyTarget, Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { readPatiently } from './patience.js';

/** How far a target has been told. */
export interface NotifyProgress {
  /** The last entry that it was told of, or is not to be; -1 before the first. */
  readonly seq: number;
  /** Notifications that were given up, and the last of them. */
  readonly dead: number;
  readonly lastDead?: { readonly seq: number; readonly reason: string; readonly atMs: number };
  /** Why the one behind `seq` has not been taken yet. */
  readonly problem?: string;
}

export interface Notifications {
  readonly flowId: string;
  readonly board: string;
  readonly name: string;
  readonly state: 'OPEN' | 'DONE';
  /** Given with the job. */
  readonly targets: readonly NotifyTarget[];
  /** By the key of a target: the place in `targets`, or what a conductor calls one of its own. */
  readonly progress: Readonly<Record<string, NotifyProgress>>;
  /** Epoch of the conductor that tells them. */
  readonly by?: string;
}

export class NotificationRecords {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const records = { ...options, collection: collectionNames.notifications };
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#inserts = new GroupInsert(records);
    this.#documents = new GroupGet(records);
  }

  /** Unless there is one. @throws UnavailableError; InputError `BATON_INPUT_TOO_LARGE` */
  async insert(record: Pick<Notifications, 'flowId' | 'board' | 'name' | 'targets'>): Promise<void> {
    await this.#inserts.insert(encode({ ...record, state: 'OPEN', progress: {} }));
  }

  /** @param withinMs it is asked for again for so long while it is not there, which one that was inserted is soon. @throws UnavailableError */
  async get(flowId: string, { withinMs = 0 } = {}): Promise<Notifications | undefined> {
    const document = await this.#documents.getStored(flowId, withinMs);
    return document && decode(document);
  }

  /** @throws UnavailableError */
  async save(record: Notifications): Promise<void> {
    await this.#store.replace(collectionNames.notifications, [encode(record)]);
  }

  /** Of a job that is gone. @throws UnavailableError */
  async forget(flowId: string): Promise<void> {
    await this.#store.delete(collectionNames.notifications, [flowId]);
  }

  /** A page of those that may have something left to tell, by flow. @throws UnavailableError */
  async open(page: {
    readonly after: string | undefined;
    readonly limit: number;
  }): Promise<readonly Notifications[]> {
    const { after, limit } = page;
    const query = {
      where: { field: 'state', oneOf: ['OPEN'] },
      limit,
      ...(after !== undefined && { after }),
    };
    const found = await readPatiently(this.#runtime, () =>
      this.#store.find(collectionNames.notifications, query),
    );
    return found.map(decode);
  }

  close(): void {
    this.#inserts.close();
  }
}

function encode(record: Notifications): StoredDocument {
  return { _id: record.flowId, state: record.state, body: JSON.stringify(record) };
}

function decode({ body }: StoredDocument): Notifications {
  return JSON.parse(String(body)) as Notifications;
}
