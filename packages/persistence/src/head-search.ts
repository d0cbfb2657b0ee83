/**
 * Purpose: finds the newest entry of a run without reading the run: a claimant needs no more to put its fence there (P-406).
 * States: none between searches.
 * What is authoritative: entries are contiguous and never deleted, so whatever is there tells that all below it is. A stale read only ends
 *   too low, and whoever writes there collides and reads on (P-408).
 * On failure: as GroupGet.
 * Not here: what the run is (JournalReader).
 *
 * Places are tried at growing distances, then the gap between the last that is there and the first that is not is narrowed. It costs two
 * to three rounds of a few exact ids up to 31 entries and five up to 1,000: a long run delays nobody's fence.
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
import type { FlowJournal } from './flow-journal.js';
import { GroupGet } from './group-get.js';

/** `flow`: the whole run, when finding its end has read all of it. */
export interface JournalHead {
  readonly entry: JournalEntry;
  readonly flow: FlowJournal | undefined;
}

const FIRST_PLACES = [0, 1, 3, 7, 15, 31, 127, 1023];
const PLACES_MAX = 7;

export class HeadSearch {
  readonly #documents: GroupGet;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    this.#documents = new GroupGet({ ...options, collection: collectionNames.journal });
  }

  /** Undefined: nothing is stored of this flow. @throws UnavailableError; InputError `BATON_INPUT_MALFORMED` */
  async find(flowId: string): Promise<JournalHead | undefined> {
    const found = new Map<number, StoredDocument>();
    let last = -1;
    let gap = Infinity;
    for (let places: readonly number[] = FIRST_PLACES; places.length > 0; places = placesBetween(last, gap)) {
      const ids = places.map((seq) => entryIdOf(flowId, seq));
      const documents = await Promise.all(ids.map((id) => this.#documents.get(id)));
      for (const [index, seq] of places.entries()) {
        const document = documents[index];
        if (document === undefined) continue;
        found.set(seq, document);
        last = seq;
      }
      gap = places.find((seq) => seq > last) ?? gap;
    }
    return headOf(flowId, last, found);
  }
}

/** Places to try next: all in a narrow gap, evenly spread in a wide one, ever farther when no end was seen. */
function placesBetween(last: number, gap: number): readonly number[] {
  const between = gap - last - 1;
  if (between === Infinity)
    return Array.from({ length: PLACES_MAX }, (_, n) => (last + 1) * 2 ** (n + 1) - 1);
  if (between <= PLACES_MAX) return Array.from({ length: between }, (_, n) => last + 1 + n);
  return Array.from(
    { length: PLACES_MAX },
    (_, n) => last + Math.round(((n + 1) * between) / (PLACES_MAX + 1)),
  );
}

function headOf(
  flowId: string,
  last: number,
  found: ReadonlyMap<number, StoredDocument>,
): JournalHead | undefined {
  const head = found.get(last);
  if (head === undefined) return undefined;
  const entry = decodeEntry(head);
  if (entry === undefined) throw emptiedHead(head._id);
  if (found.size <= last) return { entry, flow: undefined };
  const entries = Array.from({ length: last + 1 }, (_, seq) => decodeEntry(found.get(seq) as StoredDocument));
  const isWhole = (list: typeof entries): list is JournalEntry[] => list.every((each) => each !== undefined);
  return { entry, flow: isWhole(entries) ? { flowId, entries } : undefined };
}

/** Compaction stays below the newest snapshot: an emptied newest entry was emptied by somebody else. */
function emptiedHead(id: string): InputError {
  return new InputError('BATON_INPUT_MALFORMED', `journal entry ${id} is the newest and has no body`);
}
