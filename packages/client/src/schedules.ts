/** Schedules: what is to be posted again and again, and what became of it. Conductors fire them; the client only writes them down. */
import { ConflictError, InputError, NotFoundError, checkId } from '@baton/core';
import type { Runtime } from '@baton/core';
import { encodePosting, type JobBoard, type Posting } from '@baton/jobboard';
import { checkTimes, contentHashOf, isoTime, nextSlot } from '@baton/persistence';
import type { Persistence, Schedule, ScheduleContent, ScheduleSlot } from '@baton/persistence';
import { checkOptions } from './check-options.js';
import { environmentNamed } from './environments.js';
import { preparePost } from './post-job.js';
import type { Postable, PostOptions } from './post-job.js';

export interface ScheduleChange {
  /** Who changes it. */
  readonly by?: string;
  /** Only if this is its revision by now; 0, of a new one: only if there is none. */
  readonly ifRevision?: number;
}

export interface ScheduleOptions extends Omit<PostOptions, 'key'>, ScheduleChange {
  /** Five fields, or six with seconds first, or a word such as `@daily`. Pattern, first time, or both. */
  readonly cron?: string;
  /** Where the pattern is read, an IANA name. Default `UTC`. */
  readonly timeZone?: string;
  /** The first slot, whether or not the pattern has it; without a pattern the only one. ms since 1970. */
  readonly startAtMs?: number;
  /** Slots that fire, all in all. Default: no bound. */
  readonly count?: number;
  /** Of slots that nobody could fire within 30 s: none (default), the last one, or all, the last 100 of them. */
  readonly catchUp?: ScheduleContent['catchUp'];
  /** When the job before has not ended: post all the same (default), pass over the slot, or cancel that job and post when it has ended. */
  readonly overlap?: ScheduleContent['overlap'];
  /** Default false: it fires. */
  readonly paused?: boolean;
}

export interface ScheduleReport {
  readonly scheduleId: string;
  /** Counts its changes. */
  readonly revision: number;
  /** Who made the last one, as far as it was said. */
  readonly by?: string;
  readonly name: string;
  readonly definitionHash: string;
  /** Names of the values that are given to each job; the values are not shown. */
  readonly store: readonly string[];
  readonly cron?: string;
  readonly timeZone: string;
  readonly startAtMs?: number;
  readonly count?: number;
  readonly catchUp: ScheduleContent['catchUp'];
  readonly overlap: ScheduleContent['overlap'];
  readonly state: 'ACTIVE' | 'PAUSED' | 'OVER';
  /** By the clock of whoever asks. */
  readonly nextMs?: number;
  /** Slots that have fired. */
  readonly fired: number;
  /** The last slots, newest first. */
  readonly slots: readonly Omit<ScheduleSlot, 'scheduleId'>[];
}

export interface ScheduleServices {
  readonly board: JobBoard;
  readonly persistence: Persistence;
}

const SLOTS_SHOWN = 10;
/** With the time of a slot behind it, it is the id of a job. */
const ID_CHARACTERS_MAX = 100;

export class Schedules {
  readonly #services: () => Promise<ScheduleServices>;
  readonly #runtime: Runtime;

  /** `Client` makes it. */
  constructor(services: () => Promise<ScheduleServices>, runtime: Runtime) {
    this.#services = services;
    this.#runtime = runtime;
  }

  /**
   * Makes a schedule, or changes it to exactly this; the same again changes nothing. The flow and its values are stored now; an environment that is named is
   * for each job what it is by then. Slots before now are
   * never fired, nor those before a change of its times. Conductors of this board take it up at once. Gives its revision, and whether it is new.
   * @throws as `postJob`; InputError `BATON_INPUT_INVALID` for times that are none, or over; ConflictError `BATON_CONFLICT_REVISION` (`ifRevision`),
   *   `BATON_CONFLICT_OTHER_BOARD`
   */
  async put(
    scheduleId: string,
    flow: Postable,
    options: ScheduleOptions,
  ): Promise<{ readonly revision: number; readonly isNew: boolean }> {
    checkScheduleId(scheduleId);
    checkOptions('schedules.put', options);
    const { cron, timeZone, startAtMs, count, catchUp, overlap, paused, ifRevision, by, ...post } = options;
    const services = await this.#services();
    const found = await services.persistence.schedules.get(scheduleId);
    checkHome(scheduleId, found.board, services.board.name);
    const { posting, given } = await preparePost({ ...services, runtime: this.#runtime }, flow, post);
    encodePosting(withLongestTags(posting, scheduleId));
    if (given.environment) await environmentNamed(services, given.environment);
    const content: ScheduleContent = {
      ...{ scheduleId, board: services.board.name, timeZone: timeZone ?? 'UTC' },
      ...(cron !== undefined && { cron }),
      ...(startAtMs !== undefined && { startAtMs }),
      ...(count !== undefined && { count }),
      ...{
        catchUp: catchUp ?? 'none',
        overlap: overlap ?? 'allow',
        isPaused: paused ?? false,
      },
      post: { posting: JSON.stringify(posting), ...given },
    };
    const before = found.schedule;
    if (before && isSame(before, content)) return { revision: before.revision, isNew: false };
    checkRevision(scheduleId, before?.revision ?? 0, ifRevision);
    const nowMs = await services.board.timeMs();
    const keepsTimes = before && timesOf(before) === timesOf(content) && before.isPaused === content.isPaused;
    if (!keepsTimes) checkTimes(content, nowMs);
    const revision = found.revision + 1;
    const since = keepsTimes ? before.sinceMs : nowMs;
    const createdAtMs = before?.createdAtMs ?? nowMs;
    const times = { createdAtMs, sinceMs: since };
    await this.#change(services, { ...content, ...times, revision, ...byOf({ by }) });
    return { revision, isNew: before === undefined };
  }

  /** Those of this board, by id; `slots` has only the last one of each. @throws UnavailableError */
  async list(): Promise<readonly ScheduleReport[]> {
    const { board, persistence } = await this.#services();
    const schedules = await persistence.schedules.list(board.name);
    return Promise.all(schedules.map((schedule) => this.#report(persistence, schedule, 1)));
  }

  /** With its last 10 slots. @throws NotFoundError `BATON_NOT_FOUND_SCHEDULE` */
  async get(scheduleId: string): Promise<ScheduleReport> {
    const { persistence } = await this.#services();
    return this.#report(persistence, await this.#find(persistence, scheduleId), SLOTS_SHOWN);
  }

  /** No slot fires until `resume`, and none of that time is caught up. Repeatable. @throws as `get`, and `BATON_CONFLICT_REVISION` */
  async pause(scheduleId: string, options: ScheduleChange = {}): Promise<number> {
    return this.#setPaused(scheduleId, options, true);
  }

  /** @throws as `pause` */
  async resume(scheduleId: string, options: ScheduleChange = {}): Promise<number> {
    return this.#setPaused(scheduleId, options, false);
  }

  /** Jobs that it has posted are left alone. @throws as `pause` */
  async delete(scheduleId: string, options: ScheduleChange = {}): Promise<void> {
    checkOptions('schedules.change', options);
    const services = await this.#services();
    const schedule = await this.#find(services.persistence, scheduleId);
    checkRevision(scheduleId, schedule.revision, options.ifRevision);
    checkHome(scheduleId, schedule.board, services.board.name);
    const { board } = schedule;
    const deleted = { scheduleId, board, ...byOf(options) };
    await services.persistence.schedules.change(schedule.revision + 1, deleted);
    await tellConductors(services.board);
  }

  async #setPaused(scheduleId: string, options: ScheduleChange, isPaused: boolean): Promise<number> {
    checkOptions('schedules.change', options);
    const services = await this.#services();
    const schedule = await this.#find(services.persistence, scheduleId);
    checkRevision(scheduleId, schedule.revision, options.ifRevision);
    checkHome(scheduleId, schedule.board, services.board.name);
    if (schedule.isPaused === isPaused) return schedule.revision;
    const sinceMs = isPaused ? schedule.sinceMs : await services.board.timeMs();
    const revision = schedule.revision + 1;
    const { by: _, ...before } = schedule;
    await this.#change(services, { ...before, isPaused, sinceMs, revision, ...byOf(options) });
    return revision;
  }

  async #change({ board, persistence }: ScheduleServices, schedule: Schedule): Promise<void> {
    await persistence.schedules.change(schedule.revision, schedule, schedule);
    await tellConductors(board);
  }

  async #find(persistence: Persistence, scheduleId: string): Promise<Schedule> {
    checkScheduleId(scheduleId);
    const { schedule } = await persistence.schedules.get(scheduleId);
    if (schedule !== undefined) return schedule;
    throw new NotFoundError('BATON_NOT_FOUND_SCHEDULE', `there is no schedule ${scheduleId}`);
  }

  async #report(persistence: Persistence, schedule: Schedule, limit: number): Promise<ScheduleReport> {
    const { scheduleId, revision, isPaused, createdAtMs, sinceMs, post, count } = schedule;
    const slots = (await persistence.schedules.slots(scheduleId, limit)).filter(
      ({ nominalMs }) => nominalMs > createdAtMs,
    );
    const fired = slots[0]?.fired ?? 0;
    const { name, definitionHash } = JSON.parse(post.posting) as Posting;
    const afterMs = Math.max(sinceMs, slots[0]?.nominalMs ?? 0, this.#runtime.clock.wallMs());
    const nextMs = fired >= (count ?? Infinity) ? undefined : nextSlot(schedule, afterMs);
    const { cron, timeZone, startAtMs, catchUp, overlap } = schedule;
    return {
      ...{ scheduleId, revision, ...byOf(schedule), name, definitionHash, store: Object.keys(post.store) },
      ...{ ...(cron !== undefined && { cron }), timeZone, ...(startAtMs !== undefined && { startAtMs }) },
      ...{ ...(count !== undefined && { count }), catchUp, overlap },
      state: nextMs === undefined ? 'OVER' : isPaused ? 'PAUSED' : 'ACTIVE',
      ...(nextMs !== undefined && !isPaused && { nextMs }),
      fired,
      slots: slots.map(({ scheduleId: _, ...slot }) => slot),
    };
  }
}

function byOf({ by }: { readonly by?: string | undefined }): { readonly by?: string } {
  return by === undefined ? {} : { by };
}

/** It is stored: a conductor that is not told looks within 10 s. */
async function tellConductors(board: JobBoard): Promise<void> {
  try {
    const conductors = await board.members('conductor');
    await Promise.all(conductors.map(({ id }) => board.nudge(id).catch(() => undefined)));
  } catch {
    // nor does the caller need to know
  }
}

/** @throws InputError `BATON_INPUT_INVALID` */
function checkScheduleId(scheduleId: string): void {
  checkId('schedule', scheduleId);
  if (scheduleId.length > ID_CHARACTERS_MAX)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `schedule id ${scheduleId} has ${scheduleId.length} characters, allowed are ${ID_CHARACTERS_MAX}: the ids of its jobs are made of it`,
    );
}

function checkRevision(scheduleId: string, revision: number, ifRevision: number | undefined): void {
  if (ifRevision === undefined || ifRevision === revision) return;
  const is = revision === 0 ? 'does not exist' : `is at revision ${revision}`;
  throw new ConflictError(
    'BATON_CONFLICT_REVISION',
    `schedule ${scheduleId} ${is}, and the change is for ${ifRevision}`,
  );
}

function checkHome(scheduleId: string, home: string | undefined, board: string): void {
  if (home !== undefined && home !== board)
    throw new ConflictError(
      'BATON_CONFLICT_OTHER_BOARD',
      `schedule ${scheduleId} is of board ${home}, not of ${board}`,
    );
}

function isSame(before: Schedule, after: ScheduleContent): boolean {
  return contentOf(before) === contentOf(after);
}

function contentOf({ post, board, catchUp, overlap, count, isPaused, ...rest }: ScheduleContent): string {
  const hash = contentHashOf(JSON.parse(post.posting) as Posting, post);
  return JSON.stringify([hash, board, catchUp, overlap, count, isPaused, timesOf(rest)]);
}

function timesOf({
  cron,
  timeZone,
  startAtMs,
}: Pick<ScheduleContent, 'cron' | 'timeZone' | 'startAtMs'>): string {
  return JSON.stringify([cron, timeZone, startAtMs]);
}

/** As its jobs have them: what does not fit then would never be posted. */
function withLongestTags(posting: Posting, scheduleId: string): Posting {
  const tags = { ...posting.tags, schedule: scheduleId, scheduledAt: isoTime(0) };
  return { ...posting, tags };
}
