import { formatFence, type JournalEntry } from '@baton/core';
import type { StoredEntry } from '../simulation/history.js';
import type { Attempt } from './journal-tap.js';

type TimedEntry = Omit<StoredEntry, 'order'> & { order: number; atMs: number };

/** Who wrote an entry, and when it was stored: known to its writer first by the answer to an insert of it, and before the next one was tried. */
export class StoredEntries {
  /** Entries that came to the store by no way that is watched. */
  readonly gaps: string[] = [];
  readonly #attempts = new Map<string, Attempt[]>();

  constructor(attempts: readonly Attempt[]) {
    for (const attempt of attempts) {
      const id = `${attempt.flowId}:${attempt.seq}`;
      const known = this.#attempts.get(id);
      if (known) known.push(attempt);
      else this.#attempts.set(id, [attempt]);
    }
  }

  /** Their order is left at 0. */
  of(journal: readonly JournalEntry[]): TimedEntry[] {
    const timed = journal.map((entry) => {
      const own = this.#ownOf(entry);
      return { order: 0, atMs: this.#atMs(entry, own), entry, writer: own[0]?.by };
    });
    // of two writers the second may be answered before the first
    for (let at = timed.length - 2; at >= 0; at--) {
      const [earlier, later] = [timed[at], timed[at + 1]];
      if (earlier && later && earlier.atMs > later.atMs) earlier.atMs = later.atMs;
    }
    return timed;
  }

  #ownOf(entry: JournalEntry): readonly Attempt[] {
    const own = (this.#attempts.get(`${entry.flowId}:${entry.seq}`) ?? []).filter(
      ({ opId, fence }) => opId === entry.opId && fence === formatFence(entry.fence),
    );
    if (own.length === 0)
      this.gaps.push(`entry ${entry.flowId}:${entry.seq} is in the store, and nobody was seen to write it`);
    return own;
  }

  #atMs(entry: JournalEntry, own: readonly Attempt[]): number {
    const answered = own.filter(({ verdict }) => verdict === 'stored' || verdict === 'duplicate');
    const times = answered.map(({ answeredAtMs }) => answeredAtMs ?? Infinity);
    if (times.length > 0) return Math.min(...times);
    const [next] = this.#attempts.get(`${entry.flowId}:${entry.seq + 1}`) ?? [];
    return next?.sentAtMs ?? own[0]?.sentAtMs ?? entry.atMs;
  }
}
