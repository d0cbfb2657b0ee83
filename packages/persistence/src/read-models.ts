/**
 * Purpose: what people look at: `flow_details` (runs that go on) and `job_archive` (how they ended), folded from journal entries.
 * States of a flow here: observed (a view in the owner's memory) → due (changed, will be written) → written. Ended flows go to the
 *   archive at once and are forgotten; running ones are written at most every 5 s, so a run that ends before costs one insert.
 * What is authoritative: the journal. Everything here may lag or be lost; no decision reads it.
 * On failure: logged and, unless refused, tried again when the store is back (ended flows: see Archive); never blocks or fails the caller. A write that
 *   was cut off may be carried out long after, also of an owner that is dead: what that brings back of an ended flow, whoever lists it takes away.
 * Not here: atoms one by one (FlowView over `Journal.history` gives them), members (the board knows them).
 */
import type { AtomState, FindQuery, JournalEntry, Runtime, StoredDocument } from '@baton/core';
import { Archive } from './archive.js';
import { collectionNames } from './collections.js';
import { FlowView, type FlowDetail } from './flow-view.js';
import { GroupGet } from './group-get.js';
import { decodeEntry, entryIdOf } from './entry-codec.js';
import { decodeFlowDetail, encodeFlowDetail } from './flow-detail-codec.js';
import { isPassing, readPatiently } from './patience.js';
import type { StoreHealth } from './store-health.js';

const WRITE_EVERY_MS = 5_000;

/** What the owner of a run knows better than the fold. */
export interface ObservedFlow {
  readonly name: string;
  readonly definitionHash: string;
  /** Wall time of its post. */
  readonly createdAtMs: number;
  /** Called when a document is written, not at each entry. */
  readonly counts?: () => Partial<Record<AtomState, number>>;
}

interface Observed {
  readonly view: FlowView;
  about: ObservedFlow | undefined;
  isDue: boolean;
  /** A document of the running flow may be there: written from here, or by an owner before. */
  mayBeWritten: boolean;
}

interface Page {
  readonly before?: string | undefined;
  readonly limit: number;
  readonly where?: FindQuery['where'] | undefined;
}

interface ReadModelsOptions {
  readonly store: StoreHealth;
  readonly runtime: Runtime;
}

export class ReadModels {
  readonly #store: StoreHealth;
  readonly #runtime: Runtime;
  readonly #archive: Archive;
  readonly #archived: GroupGet;
  readonly #details: GroupGet;
  readonly #posts: GroupGet;
  readonly #flows = new Map<string, Observed>();
  readonly #writes = new Set<Promise<void>>();
  /** Resolves when no running flow is being written. */
  #lastDue = Promise.resolve();
  #cancelTimer: (() => void) | undefined;

  constructor({ store, runtime }: ReadModelsOptions) {
    this.#store = store;
    this.#runtime = runtime;
    this.#archive = new Archive({ store, runtime });
    this.#archived = new GroupGet({ store, runtime, collection: collectionNames.jobArchive });
    this.#details = new GroupGet({ store, runtime, collection: collectionNames.flowDetails });
    this.#posts = new GroupGet({ store, runtime, collection: collectionNames.journal });
  }

  /** The owner tells each entry that was accepted or loaded, in order. Returns at once; failures are logged only. */
  observe(entry: JournalEntry, about?: ObservedFlow): void {
    const flow = this.#flows.get(entry.flowId) ?? this.#begin(entry.flowId, entry.seq > 1);
    flow.about = about ?? flow.about;
    flow.view.apply(entry);
    if (flow.view.isOver) {
      this.#flows.delete(entry.flowId);
      this.#track(this.#toArchive(flow));
      return;
    }
    flow.isDue = true;
    this.#writeLater();
  }

  /** The owner loaded a run that another one began: what it decides comes on top of that. */
  resume(entries: readonly JournalEntry[], about?: ObservedFlow): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const { view } = this.#begin(last.flowId, true);
    for (const entry of entries.slice(0, -1)) view.apply(entry);
    this.observe(last, about);
  }

  /** What is known of a run that is about to be reopened is not how it ended. @throws UnavailableError */
  async reopened(flowId: string): Promise<void> {
    await readPatiently(this.#runtime, () => this.#store.delete(collectionNames.jobArchive, [flowId]));
  }

  /** The flow is not ours any more: what is not written yet is dropped, the next owner writes. */
  forget(flowId: string): void {
    this.#flows.delete(flowId);
  }

  /** Resolves when what is known of a flow is written, or could not be: for an owner that lets go of it while nobody else takes it. */
  async written(flowId: string): Promise<void> {
    const flow = this.#flows.get(flowId);
    if (flow?.isDue === true) this.#writeDue(new Set([flow]));
    await this.#lastDue;
  }

  /** Ended or running, the former wins unless it is of an earlier life; undefined when nothing was written yet. @throws UnavailableError */
  async flow(flowId: string): Promise<FlowDetail | undefined> {
    const found = await Promise.all([this.#archived.get(flowId), this.#details.get(flowId)]);
    const [ended, running] = found.map((document) => document && decodeFlowDetail(document));
    return ended && running && running.seq > ended.seq ? running : (ended ?? running);
  }

  /**
   * A page of flows by descending id (ULIDs: newest first), short only when it is the last; the next one begins `before` the last id of this. `waiting`: those
   * that run and wait for an answer from outside.
   * @throws UnavailableError
   */
  async flows(page: {
    readonly of: 'running' | 'waiting' | 'ended';
    readonly before?: string;
    readonly limit: number;
  }): Promise<readonly FlowDetail[]> {
    const { of, before, limit } = page;
    const found = of === 'ended' ? this.#page('jobArchive', page) : this.#running(before, limit, of);
    return (await found).map(decodeFlowDetail);
  }

  /** Everything due is written, or has failed: nobody waits here for a store that takes nothing. */
  async idle(): Promise<void> {
    this.#writeNow();
    while (this.#writes.size > 0) await Promise.all(this.#writes);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#flows.clear();
    this.#archive.close();
  }

  #begin(flowId: string, mayBeWritten: boolean): Observed {
    const flow: Observed = {
      view: new FlowView(flowId),
      about: undefined,
      isDue: false,
      mayBeWritten,
    };
    this.#flows.set(flowId, flow);
    return flow;
  }

  #writeLater(): void {
    this.#cancelTimer ??= this.#runtime.clock.setTimer(WRITE_EVERY_MS, () => {
      this.#cancelTimer = undefined;
      this.#writeNow();
    });
  }

  #writeNow(): void {
    this.#writeDue(new Set([...this.#flows.values()].filter((flow) => flow.isDue)));
    this.#track(this.#archive.writeKept());
  }

  #writeDue(due: ReadonlySet<Observed>): void {
    const written = this.#write(due);
    this.#lastDue = Promise.allSettled([this.#lastDue, written]).then(() => undefined);
    this.#track(written);
  }

  async #write(due: ReadonlySet<Observed>): Promise<void> {
    if (due.size === 0) return;
    if (this.#store.problem !== undefined) return this.#writeLater();
    for (const flow of due) Object.assign(flow, { isDue: false, mayBeWritten: true });
    try {
      const documents = await Promise.all([...due].map((flow) => this.#documentOf(flow)));
      await this.#store.replace(collectionNames.flowDetails, documents);
    } catch (error) {
      if (isPassing(error)) this.#writeAgain(due);
      throw error;
    }
  }

  /** A run may have nothing new to say for hours. */
  #writeAgain(due: ReadonlySet<Observed>): void {
    const ours = [...this.#flows.values()].filter((flow) => due.has(flow));
    for (const flow of ours) flow.isDue = true;
    if (ours.length > 0) this.#writeLater();
  }

  /** Without those that have ended all the same, which are taken away. */
  async #running(
    before: string | undefined,
    limit: number,
    of: 'running' | 'waiting',
  ): Promise<readonly StoredDocument[]> {
    const where = of === 'waiting' ? { field: 'waitsFor', oneOf: ['delegate'] } : undefined;
    const running: StoredDocument[] = [];
    for (let last = before; ;) {
      const asked = limit - running.length;
      const found = await this.#page('flowDetails', { before: last, limit: asked, where });
      const ended = await Promise.all(found.map(({ _id }) => this.#archived.get(_id)));
      const isOver = found.map((flow, index) => Number(ended[index]?.['seq'] ?? -1) >= Number(flow['seq']));
      running.push(...found.filter((_, index) => isOver[index] !== true));
      const overtaken = found.flatMap(({ _id }, index) => (isOver[index] === true ? [_id] : []));
      if (overtaken.length > 0) this.#track(this.#store.delete(collectionNames.flowDetails, overtaken));
      if (found.length < asked || overtaken.length === 0) return running;
      last = found.at(-1)?._id;
    }
  }

  #page(
    collection: 'flowDetails' | 'jobArchive',
    { before, limit, where }: Page,
  ): Promise<readonly StoredDocument[]> {
    const query: FindQuery = {
      order: 'descending',
      limit,
      ...(before !== undefined && { after: before }),
      ...(where && { where }),
    };
    return readPatiently(this.#runtime, () => this.#store.find(collectionNames[collection], query));
  }

  async #toArchive(flow: Observed): Promise<void> {
    const shown = flow.mayBeWritten ? this.#lastDue : undefined;
    await this.#archive.write([{ document: await this.#documentOf(flow), shown }]);
  }

  async #documentOf({ view, about }: Observed): Promise<StoredDocument> {
    if (about !== undefined) view.describe(about);
    else if (!view.isDescribed) await this.#describeFromPost(view);
    const counts = about?.counts?.();
    return encodeFlowDetail(counts === undefined ? view.detail : { ...view.detail, counts });
  }

  async #describeFromPost(view: FlowView): Promise<void> {
    const document = await this.#posts.get(entryIdOf(view.detail.flowId, 0));
    const post = document === undefined ? undefined : decodeEntry(document);
    if (post?.kind === 'post') view.describe({ ...post.post, createdAtMs: post.atMs });
  }

  #track(write: Promise<void>): void {
    const tracked: Promise<void> = write
      .catch((reason: unknown) => this.#runtime.logger.warn('store.read-model.failed', { reason }))
      .finally(() => {
        this.#writes.delete(tracked);
        if (this.#archive.hasKept) this.#writeLater();
      });
    this.#writes.add(tracked);
  }
}
