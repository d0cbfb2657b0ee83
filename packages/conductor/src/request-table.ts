import type { Fact, JournalEntry, RequestFact } from '@baton/core';

/** A stretch of a reply partition in which an answer may stand: from that position on. */
export interface ReplyPlace {
  readonly partition: number;
  readonly from: number;
}

/** A request that was given to a worker and is not answered in the journal. */
export interface OpenRequest extends Omit<RequestFact, 'fact' | 'replyPartition' | 'replyFrom'> {
  /** The inbox of the owner that assigned it and of every owner since (P-802), oldest first. */
  readonly places: readonly ReplyPlace[];
}

/** A request, and the worker that is gone with it. */
export type LostRequest = Pick<OpenRequest, 'requestId' | 'workerEpoch'>;

/**
 * Purpose: which requests of one flow are open, folded from the same entries as the run's state.
 * What is authoritative: the journal; this is its fold. An atom has at most one open request.
 * Not here: what the worker last said (that is the owner's, see `flow-turns.ts`).
 */
export class RequestTable {
  readonly #byAtom = new Map<string, OpenRequest>();
  /** When the attempt of each running atom was created: time of its entry. */
  readonly #createdAtMs = new Map<string, number>();

  /** Folds one entry that was stored (or is about to be: entry and table change together). */
  apply(entry: Pick<JournalEntry, 'facts' | 'atMs'> | JournalEntry): void {
    if ('kind' in entry && entry.kind === 'claim') {
      const place = { partition: entry.claim.replyPartition, from: entry.claim.replyFrom };
      for (const [atom, request] of this.#byAtom)
        this.#byAtom.set(atom, { ...request, places: [...request.places, place] });
    }
    for (const fact of entry.facts) this.#applyFact(fact, entry.atMs);
  }

  /** Puts back what a snapshot holds. */
  restore(requests: Iterable<OpenRequest>, created: Iterable<readonly [string, number]>): void {
    for (const request of requests) this.#byAtom.set(request.atom, request);
    for (const [atom, atMs] of created) this.#createdAtMs.set(atom, atMs);
  }

  get(atom: string): OpenRequest | undefined {
    return this.#byAtom.get(atom);
  }

  /** Cluster time at which the request that is open, or waits for a worker, came into being. */
  createdAtMs(atom: string): number | undefined {
    return this.#createdAtMs.get(atom);
  }

  /** What `restore` takes. */
  created(): IterableIterator<[string, number]> {
    return this.#createdAtMs.entries();
  }

  values(): IterableIterator<OpenRequest> {
    return this.#byAtom.values();
  }

  get size(): number {
    return this.#byAtom.size;
  }

  #applyFact(fact: Fact, atMs: number): void {
    if (fact.fact === 'atom') {
      const isOpen = fact.to === 'RUNNING' || fact.to === 'REVERTING';
      if (!isOpen) this.#byAtom.delete(fact.atom);
      if (isOpen) this.#createdAtMs.set(fact.atom, atMs);
      else this.#createdAtMs.delete(fact.atom);
    }
    if (fact.fact === 'opened') {
      this.#byAtom.delete(fact.activation);
      this.#createdAtMs.delete(fact.activation);
    }
    if (fact.fact === 'activation') {
      this.#byAtom.delete(fact.activation);
      if (fact.to === 'RUNNING' || fact.to === 'REVERTING') this.#createdAtMs.set(fact.activation, atMs);
      else this.#createdAtMs.delete(fact.activation);
    }
    // the time until a worker has it begins anew for what was taken back when the run was suspended
    if (fact.fact === 'flow' && fact.to === 'RUNNING')
      for (const atom of this.#createdAtMs.keys())
        if ((this.#byAtom.get(atom)?.state ?? 'waiting') === 'waiting') this.#createdAtMs.set(atom, atMs);
    // the next attempt is another request, after its delay if it has one
    if (fact.fact === 'attempt') {
      this.#byAtom.delete(fact.atom);
      this.#createdAtMs.set(fact.atom, atMs);
    }
    if (fact.fact === 'timer' && fact.state === 'fired') {
      const atom = fact.id.slice(0, fact.id.lastIndexOf('/'));
      if (this.#createdAtMs.has(atom)) this.#createdAtMs.set(atom, atMs);
    }
    if (fact.fact !== 'request') return;
    const { fact: _, replyPartition: partition, replyFrom: from, ...request } = fact;
    this.#byAtom.set(fact.atom, { ...request, places: [{ partition, from }] });
  }
}
