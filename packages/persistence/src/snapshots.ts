/**
 * Purpose: keeps folded states of long runs, so that loading one does not read its whole journal (P-410).
 * States: none; a snapshot is a set of insert-only documents, found through the flow's head hint.
 * What is authoritative: the journal. A snapshot is used only when complete and equal to its digest; the hint may be old, missing or
 *   wrong and only costs time: then the newest complete snapshot is looked for by flow.
 * On failure: writing rejects and may be left half done: the next one is independent of it. Reading gives undefined.
 * Not here: what the state means (the owner's JSON), when to write. Compaction, when it comes: empty the bodies of entries below the
 *   snapshot *before* the newest one (P-409), never delete them while the flow lives; `Journal.load` already copes with that.
 */
import {
  formatFence,
  parseFence,
  type DocumentStore,
  type Fence,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupInsert } from './group-insert.js';
import { digestOf, joinParts, partCountOf, partIdOf, partsOf } from './parted-text.js';
import { readPatiently } from './patience.js';

/** The owner writes one each time so many entries were added since the last. */
export const snapshotEveryEntries = 200;

/** The state of a run after entry `seq`. */
export interface Snapshot {
  readonly seq: number;
  /** Fence of that entry. */
  readonly fence: Fence;
  /** JSON text of the owner. */
  readonly state: string;
}

const FOUND_MAX = 10_000;

export class Snapshots {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #inserts: GroupInsert;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#inserts = new GroupInsert({ ...options, collection: collectionNames.snapshots });
  }

  /**
   * Stores the state after an entry that was accepted, then points the head hint to it. Idempotent: the ids follow from the content.
   * @throws UnavailableError
   */
  async write(flowId: string, { seq, fence, state }: Snapshot): Promise<void> {
    const id = `${flowId}:${seq}:${digestOf(state).slice(0, 16)}`;
    const parts = partsOf(id, state, { flowId, seq, fence: formatFence(fence) });
    await Promise.all(parts.map((part) => this.#inserts.insert(part)));
    await this.#store.replace(collectionNames.heads, [{ _id: flowId, snapshot: id, parts: parts.length }]);
  }

  /** The snapshot a head hint names; undefined when it is not there or not whole. @throws UnavailableError */
  async readHinted(head: StoredDocument): Promise<Snapshot | undefined> {
    const id = head['snapshot'];
    if (typeof id !== 'string') return undefined;
    const ids = Array.from({ length: partCountOf(head) }, (_, part) => partIdOf(id, part));
    return snapshotOf(
      await readPatiently(this.#runtime, () => this.#store.get(collectionNames.snapshots, ids)),
    );
  }

  /** The newest whole snapshot of a flow, without a hint: slow. @throws UnavailableError */
  async findNewest(flowId: string): Promise<Snapshot | undefined> {
    const found = await readPatiently(this.#runtime, () =>
      this.#store.find(collectionNames.snapshots, {
        where: { field: 'flowId', oneOf: [flowId] },
        limit: FOUND_MAX,
      }),
    );
    const byId = new Map(found.map((document) => [document._id, document]));
    const newestFirst = found
      .filter((document) => document['part'] === 0)
      .sort((left, right) => Number(right['seq']) - Number(left['seq']));
    for (const first of newestFirst) {
      const parts = Array.from({ length: partCountOf(first) }, (_, part) =>
        byId.get(partIdOf(first._id, part)),
      );
      const snapshot = snapshotOf(parts);
      if (snapshot !== undefined) return snapshot;
    }
    return undefined;
  }

  close(): void {
    this.#inserts.close();
  }
}

function snapshotOf(parts: readonly (StoredDocument | undefined)[]): Snapshot | undefined {
  const state = joinParts(parts);
  const seq = parts[0]?.['seq'];
  const fenceText = parts[0]?.['fence'];
  const fence = typeof fenceText === 'string' ? parseFence(fenceText) : undefined;
  if (state === undefined || typeof seq !== 'number' || fence === undefined) return undefined;
  return { seq, fence, state };
}
