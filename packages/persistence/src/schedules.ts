/**
 * Purpose: what is to be posted again and again, and what became of each slot (C-1401).
 * States: a schedule is a row of revisions, the last one counts; a slot is not decided → decided → done (its job is on the board).
 * What is authoritative: inserts. The time in the id of a slot is the compare-and-set: of two who decide about it one is told that the other was first.
 * On failure: as GroupInsert.
 * Not here: how revisions are kept (`revisions.ts`), when a slot is due (`schedule-times.ts`), deciding about it, and posting its job (the conductor).
 */
import type { DocumentStore, Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupInsert } from './group-insert.js';
import { readPatiently } from './patience.js';
import type { GivenWithJob } from './place-job.js';
import { forget, Revisions, type Revision } from './revisions.js';
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

export interface Schedule extends ScheduleContent, Revision {
  /** Wall time of who made it, ms since 1970. */
  readonly createdAtMs: number;
  /** Slots up to here are nobody's: when it was made, when its times were changed, when it was resumed. */
  readonly sinceMs: number;
}

/** What was decided about a slot. */
export interface ScheduleSlot {
  readonly scheduleId: string;
  /** By which its job is posted, whatever became of the schedule since; a later one only where the environment of the one before is gone. */
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

const SLOTS_KEPT = 100;

export class Schedules {
  readonly #options: { readonly store: DocumentStore; readonly runtime: Runtime };
  readonly #revisions: Revisions<Schedule>;
  readonly #slots: GroupInsert;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    this.#options = options;
    const schedules = { collection: collectionNames.schedules, keyField: 'scheduleId', of: 'schedule' };
    this.#revisions = new Revisions({ ...options, ...schedules });
    this.#slots = new GroupInsert({ ...options, collection: collectionNames.scheduleSlots });
  }

  /** All of a board, by id. @throws UnavailableError */
  list(board: string): Promise<readonly Schedule[]> {
    return this.#revisions.list(board);
  }

  /** The last revision; undefined: there is none, or it was deleted. `revision` is that of the last change in any case, 0 before the first. @throws UnavailableError */
  async get(scheduleId: string): Promise<{
    readonly schedule: Schedule | undefined;
    readonly revision: number;
    readonly board?: string;
  }> {
    const { value: schedule, ...rest } = await this.#revisions.get(scheduleId);
    return { schedule, ...rest };
  }

  /** Undefined: it was deleted, or is one of the old ones that are forgotten. @throws UnavailableError */
  at(scheduleId: string, revision: number): Promise<Schedule | undefined> {
    return this.#revisions.at(scheduleId, revision);
  }

  /**
   * Stores a revision behind the one before it; without a schedule, that it is deleted.
   * @throws ConflictError `BATON_CONFLICT_REVISION` when somebody else was first; InputError `BATON_INPUT_TOO_LARGE`; UnavailableError
   */
  change(
    revision: number,
    { scheduleId: key, board, by }: Pick<Schedule, 'scheduleId' | 'board' | 'by'>,
    schedule?: Schedule,
  ): Promise<void> {
    return this.#revisions.change({ key, board, revision, ...(by !== undefined && { by }) }, schedule);
  }

  /** The last slots that were decided about, newest first. @throws UnavailableError */
  async slots(scheduleId: string, limit: number): Promise<readonly ScheduleSlot[]> {
    const where = { field: 'scheduleId', oneOf: [scheduleId] };
    const { store, runtime } = this.#options;
    const found = await readPatiently(runtime, () =>
      store.find(collectionNames.scheduleSlots, { where, order: 'descending', limit }),
    );
    return found.map((document) => JSON.parse(String(document['body'])) as ScheduleSlot);
  }

  /** Decides about a slot. False: somebody has before, `slots` tells what. @throws UnavailableError */
  async decide(slot: ScheduleSlot): Promise<boolean> {
    return (await this.#slots.insert(slotDocument(slot))) === 'stored';
  }

  /** How far a slot is that was decided about. Repeatable. @throws UnavailableError */
  async update(slot: ScheduleSlot): Promise<void> {
    await this.#options.store.replace(collectionNames.scheduleSlots, [slotDocument(slot)]);
  }

  /** Keeps the last 100 slots. @throws UnavailableError */
  async forgetOldSlots(scheduleId: string): Promise<void> {
    const old = (await this.slots(scheduleId, 3 * SLOTS_KEPT)).slice(SLOTS_KEPT);
    await forget(this.#options, { collection: collectionNames.scheduleSlots, ids: old.map(slotIdOf) });
  }

  close(): void {
    this.#revisions.close();
    this.#slots.close();
  }
}

function slotDocument(slot: ScheduleSlot): StoredDocument {
  return { _id: slotIdOf(slot), scheduleId: slot.scheduleId, body: JSON.stringify(slot) };
}

/** In the order of times. */
const slotIdOf = ({ scheduleId, nominalMs }: ScheduleSlot): string =>
  `${scheduleId}:${String(nominalMs).padStart(16, '0')}`;
