/**
 * Purpose: `job_archive`, the last word on each ended flow; whoever is in it is not among the running ones.
 * States of a flow here: sent → done (archived, its running document deleted) → forgotten; or, when the store did not answer, kept → sent again.
 * What is authoritative: the journal. A document that is there already was written by another owner, from the same
 *   entries, or tells of an earlier end of a run that was reopened; the one of more entries stands.
 * On failure: what the store may still take is kept, the last 10,000 or 16 MiB of it, for when it is back; the rest is logged and gone. All that is
 *   kept is lost with the process.
 * Not here: when to send again (ReadModels).
 */
import type { Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { documentSizeOf } from './document-size.js';
import { GroupInsert } from './group-insert.js';
import { isPassing } from './patience.js';
import type { StoreHealth } from './store-health.js';

const KEPT_MAX = { documents: 10_000, bytes: 16 * 1024 * 1024 };

export interface EndedFlow {
  readonly document: StoredDocument;
  /** A document of the running flow may be there. Resolves when nobody writes it any more: a delete that overtakes that would leave it for ever. */
  readonly shown: Promise<void> | undefined;
}

export class Archive {
  readonly #store: StoreHealth;
  readonly #runtime: Runtime;
  readonly #inserts: GroupInsert;
  /** Oldest first. */
  readonly #kept = new Map<string, EndedFlow>();
  #keptBytes = 0;
  #isClosed = false;

  constructor({ store, runtime }: { readonly store: StoreHealth; readonly runtime: Runtime }) {
    this.#store = store;
    this.#runtime = runtime;
    this.#inserts = new GroupInsert({ store, runtime, collection: collectionNames.jobArchive });
  }

  get hasKept(): boolean {
    return this.#kept.size > 0;
  }

  /** Resolves when all of it is written, kept or given up. */
  async write(flows: readonly EndedFlow[]): Promise<void> {
    const inserts = await Promise.allSettled(flows.map((flow) => this.#writeOne(flow)));
    for (const [index, insert] of inserts.entries())
      if (insert.status === 'rejected') this.#failed(flows.slice(index, index + 1), insert.reason);
    // most runs end before they were ever written as running
    const shown = flows.filter((flow, index) => flow.shown && inserts[index]?.status === 'fulfilled');
    if (shown.length === 0) return;
    for (const flow of shown) await flow.shown;
    try {
      const ids = shown.map(({ document }) => document._id);
      await this.#store.delete(collectionNames.flowDetails, ids);
    } catch (reason) {
      this.#failed(shown, reason);
    }
  }

  async #writeOne({ document }: EndedFlow): Promise<void> {
    if ((await this.#inserts.insert(document)) === 'stored') return;
    const [there] = await this.#store.get(collectionNames.jobArchive, [document._id]);
    if (Number(there?.['seq'] ?? -1) >= Number(document['seq'])) return;
    await this.#store.replace(collectionNames.jobArchive, [document]);
  }

  /** Sends what was kept, unless the store takes nothing yet. */
  async writeKept(): Promise<void> {
    if (!this.hasKept || this.#store.problem !== undefined) return;
    const flows = [...this.#kept.values()];
    this.#kept.clear();
    this.#keptBytes = 0;
    await this.write(flows);
  }

  close(): void {
    this.#isClosed = true;
    this.#kept.clear();
    this.#inserts.close();
  }

  #failed(flows: readonly EndedFlow[], reason: unknown): void {
    const flowIds = flows.map(({ document }) => document._id);
    this.#runtime.logger.warn('store.read-model.failed', { flowIds, reason });
    if (isPassing(reason) && !this.#isClosed) for (const flow of flows) this.#keep(flow);
  }

  #keep(flow: EndedFlow): void {
    const { _id } = flow.document;
    this.#remove(_id);
    this.#kept.set(_id, flow);
    this.#keptBytes += documentSizeOf(flow.document);
    for (const flowId of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX.documents && this.#keptBytes <= KEPT_MAX.bytes) return;
      this.#remove(flowId);
      this.#runtime.logger.warn('store.archive.dropped', { flowId });
    }
  }

  #remove(flowId: string): void {
    const flow = this.#kept.get(flowId);
    if (flow === undefined) return;
    this.#kept.delete(flowId);
    this.#keptBytes -= documentSizeOf(flow.document);
  }
}
