/**
 * Purpose: what is to be posted again and again, and what became of each slot (C-1401).
 * States: a schedule is a row of revisions, the last one counts; a slot is not decided → decided → done (its job is on the board).
 * What is authoritative: inserts. The number in the id of a revision, and the time in the id of a slot, are the compare-and-set: of two who change a
 *   schedule, or decide about a slot, one is told that the other was first.
 * On failure: as GroupInsert. A stale read shows an older revision; whoever builds on it is told so when writing.
 * Not here: when a slot is due (`schedule-times.ts`), deciding about it, and posting its job (the conductor).
 */
import { ConflictError } from '@baton/core';
import type { DocumentStore, Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupInsert } from './group-insert.js';
import { gaveUp, readPatiently } from './patience.js';
import type { GivenWithJob } from './place-job.js';
import type { ScheduleTimes } from './schedule-times.js';

export const catchUps = ['none', 'last', 'all'] as const;
export const overlaps = ['allow', 'skip', 'cancel-previous'] as const;

/** What is posted for each slot: a flow that is stored, with all that was given for it. */
export interface ScheduledPost extends GivenWithJob {
  /** JSON text of the board's posting. */
  readonly posting: string;
}

export interface ScheduleContent extends ScheduleTimes {
  readonly scheduleId: string;
  readonly board: string;
  /** Slots that fire, all in all. */
  readonly count?: number;
  /** What becomes of slots that nobody could fire in time. */
  readonly catchUp: (typeof catchUps)[number];
  /** What becomes of a slot whose predecessor's job has not ended. */
  readonly overlap: (typeof overlaps)[number];
  readonly isPaused: boolean;
  readonly post: ScheduledPost;
}

export interface Schedule extends ScheduleContent {
  /** From 1. */
  readonly revision: number;
  /** Wall time of who made it, ms since 1970. */
  readonly createdAtMs: number;
  /** Slots up to here are nobody's: when it was made, when its times were changed, when it was resumed. */
  readonly sinceMs: number;
}

/** What was decided about a slot. */
export interface ScheduleSlot {
  readonly scheduleId: string;
  /** By which this was decided, and its job is posted, whatever became of the schedule since. */
  readonly revision: number;
  readonly nominalMs: number;
  readonly decision: 'fired' | 'skipped' | 'missed';
  /** Slots that have fired so far. */
  readonly fired: number;
  /** Slots since the one decided about before that were missed or skipped, this one included; 100 stands for all that are more. */
  readonly missed: number;
  readonly skipped: number;
  /** Job of the last slot that fired: its own, if it did. */
  readonly jobId?: string;
  /** A job that is cancelled, and has to end before this one is posted. */
  readonly waitsFor?: string;
  /** Nothing is left to do about it. */
  readonly isDone: boolean;
  readonly atMs: number;
}

interface Deleted {
  readonly scheduleId: string;
  readonly board: string;
  readonly revision: number;
  readonly isDeleted: true;
}

const PAGE = 500;
/** Revisions that are kept: whoever reads an older one than that is not told that it is. */
const REVISIONS_KEPT = 20;
const SLOTS_KEPT = 100;

export class Schedules {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #revisions: GroupInsert;
  readonly #slots: GroupInsert;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#revisions = new GroupInsert({ ...options, collection: collectionNames.schedules });
    this.#slots = new GroupInsert({ ...options, collection: collectionNames.scheduleSlots });
  }

  /** All of a board, by id. @throws UnavailableError */
  async list(board: string): Promise<readonly Schedule[]> {
    const last = new Map<string, Schedule | Deleted>();
    const where = { field: 'board', oneOf: [board] };
    for (let after: string | undefined; ;) {
      const query = { where, limit: PAGE, ...(after !== undefined && { after }) };
      const page = await readPatiently(this.#runtime, () =>
        this.#store.find(collectionNames.schedules, query),
      );
      // in the order of their ids: later revisions come later
      for (const document of page) last.set(String(document['scheduleId']), decode(document));
      if (page.length < PAGE) return [...last.values()].filter(isThere);
      after = page.at(-1)?._id;
    }
  }

  /** The last revision; undefined: there is none, or it was deleted. `revision` is that of the last change in any case, 0 before the first. @throws UnavailableError */
  async get(scheduleId: string): Promise<{
    readonly schedule: Schedule | undefined;
    readonly revision: number;
    readonly board?: string;
  }> {
    const where = { field: 'scheduleId', oneOf: [scheduleId] };
    const [document] = await readPatiently(this.#runtime, () =>
      this.#store.find(collectionNames.schedules, { where, order: 'descending', limit: 1 }),
    );
    if (document === undefined) return { schedule: undefined, revision: 0 };
    const found = decode(document);
    const { revision, board } = found;
    return isThere(found) ? { schedule: found, revision, board } : { schedule: undefined, revision };
  }

  /** Undefined: it was deleted, or is one of the old ones that are forgotten. @throws UnavailableError */
  async at(scheduleId: string, revision: number): Promise<Schedule | undefined> {
    const ids = [revisionIdOf(scheduleId, revision)];
    const [document] = await readPatiently(this.#runtime, () =>
      this.#store.get(collectionNames.schedules, ids),
    );
    const found = document && decode(document);
    return found && isThere(found) ? found : undefined;
  }

  /**
   * Stores a revision behind the one before it; without a schedule, that it is deleted.
   * @throws ConflictError `BATON_CONFLICT_REVISION` when somebody else was first; InputError `BATON_INPUT_TOO_LARGE`; UnavailableError
   */
  async change(
    revision: number,
    { scheduleId, board }: Pick<Schedule, 'scheduleId' | 'board'>,
    schedule?: Schedule,
  ): Promise<void> {
    const opId = this.#runtime.random.nonce();
    const body = schedule ?? ({ scheduleId, board, revision, isDeleted: true } satisfies Deleted);
    const _id = revisionIdOf(scheduleId, revision);
    const document = { _id, scheduleId, board, opId, body: JSON.stringify({ ...body, revision }) };
    if ((await this.#revisions.insert(document)) === 'duplicate') {
      const standing = await this.#stored(_id);
      if (standing['opId'] !== opId)
        throw new ConflictError(
          'BATON_CONFLICT_REVISION',
          `schedule ${scheduleId} has been changed: there is a revision ${revision} already`,
        );
    }
    await this.#forget(collectionNames.schedules, [revisionIdOf(scheduleId, revision - REVISIONS_KEPT)]);
  }

  /** The last slots that were decided about, newest first. @throws UnavailableError */
  async slots(scheduleId: string, limit: number): Promise<readonly ScheduleSlot[]> {
    const where = { field: 'scheduleId', oneOf: [scheduleId] };
    const found = await readPatiently(this.#runtime, () =>
      this.#store.find(collectionNames.scheduleSlots, { where, order: 'descending', limit }),
    );
    return found.map((document) => JSON.parse(String(document['body'])) as ScheduleSlot);
  }

  /** Decides about a slot. False: somebody has before, `slots` tells what. @throws UnavailableError */
  async decide(slot: ScheduleSlot): Promise<boolean> {
    return (await this.#slots.insert(slotDocument(slot))) === 'stored';
  }

  /** Nothing is left to do about a slot. Repeatable. @throws UnavailableError */
  async done(slot: ScheduleSlot): Promise<void> {
    await this.#store.replace(collectionNames.scheduleSlots, [slotDocument({ ...slot, isDone: true })]);
  }

  /** Keeps the last 100 slots. @throws UnavailableError */
  async forgetOldSlots(scheduleId: string): Promise<void> {
    const old = (await this.slots(scheduleId, 3 * SLOTS_KEPT)).slice(SLOTS_KEPT);
    await this.#forget(collectionNames.scheduleSlots, old.map(slotIdOf));
  }

  close(): void {
    this.#revisions.close();
    this.#slots.close();
  }

  async #stored(id: string): Promise<StoredDocument> {
    const isKnown = ([document]: readonly (StoredDocument | undefined)[]): boolean => document !== undefined;
    const [document] = await readPatiently(
      this.#runtime,
      () => this.#store.get(collectionNames.schedules, [id]),
      { isThere: isKnown },
    );
    if (document === undefined) throw gaveUp(`revision ${id}`, undefined);
    return document;
  }

  /** What stays costs room and nothing else. */
  async #forget(collection: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#store.delete(collection, ids).catch((reason: unknown) => {
      this.#runtime.logger.debug('store.schedules.not-forgotten', { reason });
    });
  }
}

function isThere(found: Schedule | Deleted): found is Schedule {
  return !('isDeleted' in found);
}

function decode(document: StoredDocument): Schedule | Deleted {
  return JSON.parse(String(document['body'])) as Schedule | Deleted;
}

function slotDocument(slot: ScheduleSlot): StoredDocument {
  return { _id: slotIdOf(slot), scheduleId: slot.scheduleId, body: JSON.stringify(slot) };
}

/** In the order of numbers and times. */
const revisionIdOf = (scheduleId: string, revision: number): string =>
  `${scheduleId}:${String(revision).padStart(10, '0')}`;
const slotIdOf = ({ scheduleId, nominalMs }: ScheduleSlot): string =>
  `${scheduleId}:${String(nominalMs).padStart(16, '0')}`;
