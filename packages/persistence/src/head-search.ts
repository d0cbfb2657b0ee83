/**
 * Purpose: finds the newest entry of a run without reading the run: a claimant needs no more to put its fence there (P-406).
 * States: none between searches.
 * What is authoritative: entries are contiguous and never deleted, so whatever is there tells that all below it is. A stale read only ends
 *   too low, and whoever writes there collides and reads on (P-408).
 * On failure: as GroupGet.
 * Not here: what the run is (JournalReader).
 *
 * Places are tried at growing distances, then the gap between the last that is there and the first that is not is narrowed. It costs two
 * to three rounds up to 31 entries and five up to 1,000: a long run delays nobody's fence. Few places a round, because a conductor that
 * takes over searches for many runs at once, and then the time is the client's and the store's CPU: each exact id costs both of them
 * about 0.7 ms.
 *
 * A hint is a place that is most probably there, near the end: if it is there and the next one is not, two reads in one round were all. If
 * the run has gone on the distances grow from there; if it is not there, whoever gave it was wrong, and it is forgotten.
 */
import {
  InputError,
  type DocumentStore,
  type JournalEntry,
  type Runtime,
  type StoredDocument,
} from '@baton/core';
import { collectionNames } from './collections.js';
import { decodeEntry, entryIdOf } from './entry-codec.js';
import { GroupGet } from './group-get.js';

export interface JournalHead {
  readonly entry: JournalEntry;
  /** Entries that were read on the way, `entry` among them. */
  readonly known: KnownEntries;
}

export interface HeadHint {
  /** An entry that most probably is there, at or near the end. */
  readonly hint?: number;
}

/** Some of a run's entries, by number. */
export type KnownEntries = ReadonlyMap<number, JournalEntry>;

// a run whose first owner is lost has entries 0 and 1, else it is an unclaimed one
const FIRST_PLACES = [1, 7, 31, 127];
const PLACES_MAX = 5;
/** Of which most are beyond the end. */
const PLACES_BEYOND_MAX = 3;

export class HeadSearch {
  readonly #documents: GroupGet;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    this.#documents = new GroupGet({ ...options, collection: collectionNames.journal });
  }

  /** Undefined: nothing is stored of this flow. @throws UnavailableError; InputError `BATON_INPUT_MALFORMED` */
  async find(flowId: string, { hint }: HeadHint = {}): Promise<JournalHead | undefined> {
    const hinted =
      hint === undefined ? undefined : await this.#search(flowId, { first: [hint, hint + 1], from: hint });
    return hinted ?? this.#search(flowId, { first: FIRST_PLACES, from: -1 });
  }

  /** Upwards from `from`, which is there or is -1; undefined when it is not there after all. */
  async #search(
    flowId: string,
    { first, from }: { readonly first: readonly number[]; readonly from: number },
  ): Promise<JournalHead | undefined> {
    const known = new Map<number, JournalEntry>();
    let last: StoredDocument | undefined;
    let lastSeq = -1;
    let gap = Infinity;
    for (let places = first; places.length > 0; places = placesBetween({ last: lastSeq, gap, from })) {
      const ids = places.map((seq) => entryIdOf(flowId, seq));
      const documents = await Promise.all(ids.map((id) => this.#documents.get(id)));
      for (const [index, seq] of places.entries()) {
        const document = documents[index];
        if (document === undefined) continue;
        const entry = decodeEntry(document);
        if (entry !== undefined) known.set(seq, entry);
        lastSeq = seq;
        last = document;
      }
      // a wrong hint does not even tell that the run ends below it: that could be far
      if (lastSeq < from) return undefined;
      gap = places.find((seq) => seq > lastSeq) ?? gap;
    }
    if (last === undefined) return undefined;
    const entry = known.get(lastSeq);
    if (entry === undefined) throw emptiedHead(last._id);
    return { entry, known };
  }
}

/** Places to try next: all in a narrow gap, evenly spread in a wide one, ever farther from where the search began when no end was seen. */
function placesBetween(seen: {
  readonly last: number;
  readonly gap: number;
  readonly from: number;
}): readonly number[] {
  const { last, gap, from } = seen;
  const between = gap - last - 1;
  if (between === Infinity)
    return Array.from({ length: PLACES_BEYOND_MAX }, (_, n) => from + (last - from) * 2 ** (n + 1));
  if (between <= PLACES_MAX) return Array.from({ length: between }, (_, n) => last + 1 + n);
  return Array.from(
    { length: PLACES_MAX },
    (_, n) => last + Math.round(((n + 1) * between) / (PLACES_MAX + 1)),
  );
}

/** Compaction stays below the newest snapshot: an emptied newest entry was emptied by somebody else. */
function emptiedHead(id: string): InputError {
  return new InputError('BATON_INPUT_MALFORMED', `journal entry ${id} is the newest and has no body`);
}
