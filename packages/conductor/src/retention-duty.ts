/**
 * Purpose: deletes jobs of a board that ended long ago, or that too many have ended after (C-1313), and purges those that were deleted an hour ago, by
 *   whomever, with their child runs (C-1312). One conductor of a board does it.
 * States: resting → going through all jobs, a page at a time → resting … Its place in their list, and the ends seen since its beginning, are lost with the
 *   conductor, and the next one begins anew.
 * What is authoritative: the journal for what has ended, the record for what was deleted, the board for what nobody runs.
 * On failure: logged; the same page is looked at again. A job that cannot be read is left to a person, and holds no other up.
 * Bounded: some requests at a time, a fifth of the time at most, and nothing for a while after conductors came or went: what there is beside it (takeovers,
 *   claims, turns) waits for single requests of it.
 * Not here: what is stored of a job (`Retention` of @baton/persistence).
 */
import { familyOf, type Runtime } from '@baton/core';
import type { JobBoard, Posting } from '@baton/jobboard';
import { isReopening, purgedAfterMs, reopeningOf } from '@baton/persistence';
import type { EndedJob, JobRecord, Persistence, StoredJob } from '@baton/persistence';
import { NewestTimes } from './newest-times.js';
import { limits } from './options.js';
import type { SessionTimers } from './session-timers.js';

/** What is kept of jobs that have ended. */
export interface RetentionOptions {
  /** So long after their end; absent: for ever. */
  readonly ageMs?: number;
  /** So many of them, of a board, at least 1: those that ended last, child runs not counted; absent: any number. */
  readonly count?: number;
}

export interface RetentionDutyDeps {
  readonly runtime: Runtime;
  readonly board: Pick<JobBoard, 'name' | 'read' | 'emptyTrash'>;
  readonly persistence: Pick<Persistence, 'retention' | 'notifications' | 'commands' | 'journal' | 'jobs'>;
  readonly options: RetentionOptions;
  /** Whether this conductor is the one. */
  readonly isMine: () => boolean;
  readonly timers: Pick<SessionTimers, 'after'>;
}

export class RetentionDuty {
  readonly #deps: RetentionDutyDeps;
  readonly #ends: NewestTimes | undefined;
  /** The last job that was looked at; undefined: they are gone through from the beginning. */
  #after: string | undefined;
  /** Of the last time that all jobs were gone through: those that ended before it are too many. */
  #countedBeforeMs = -Infinity;
  #quietUntilMs = 0;

  /** It begins with `start`. */
  constructor(deps: RetentionDutyDeps) {
    this.#deps = deps;
    const { count } = deps.options;
    this.#ends = count === undefined ? undefined : new NewestTimes(count);
  }

  start(): void {
    this.membersChanged();
    this.#next(limits.retentionMs.quiet);
  }

  /** The jobs of a conductor that died are taken over first. */
  membersChanged(): void {
    this.#quietUntilMs = this.#nowMs() + limits.retentionMs.quiet;
  }

  /** Looks at a page of jobs. Gives how long nothing is to be done, ms. Never rejects. */
  async step(): Promise<number> {
    const { page, share, rest, retry } = limits.retentionMs;
    const sinceMs = this.#nowMs();
    try {
      if (await this.#page()) return rest;
      return Math.max(page, share * (this.#nowMs() - sinceMs));
    } catch (error) {
      this.#deps.runtime.logger.warn('retention.failed', { error });
      return retry;
    }
  }

  #next(delayMs: number): void {
    this.#deps.timers.after(delayMs, () => void this.#work().then((nextMs) => this.#next(nextMs)));
  }

  async #work(): Promise<number> {
    const quietMs = this.#quietUntilMs - this.#nowMs();
    if (quietMs > 0) return quietMs;
    if (this.#deps.isMine()) return this.step();
    this.#after = undefined;
    this.#ends?.take();
    return limits.retentionMs.quiet;
  }

  /** True: that was the last one. */
  async #page(): Promise<boolean> {
    const { retention } = this.#deps.persistence;
    const limit = limits.retentionPageJobs;
    const records = await retention.jobs({ after: this.#after, limit });
    // child runs go with their root
    const roots = records.filter((record) => record.rootId === undefined && this.#isOfBoard(record));
    const nowMs = this.#deps.runtime.clock.wallMs();
    const due = roots.filter(({ deletion }) => deletion && deletion.atMs <= nowMs - purgedAfterMs);
    if (!(await this.#purge(due))) return false;
    if (!this.#keepsAll) await this.#look(roots, nowMs);
    const isLast = records.length < limit;
    this.#after = isLast ? undefined : records.at(-1)?.jobId;
    if (isLast) this.#countedBeforeMs = this.#ends?.take() ?? -Infinity;
    return isLast;
  }

  async #look(roots: readonly JobRecord[], nowMs: number): Promise<void> {
    // one that is REOPENING is about to go on
    const ended = roots.filter(({ state }) => state === 'POSTING' || state === 'POSTED');
    const kept = await this.#deps.persistence.retention.archived(ended);
    await this.#delete(kept, nowMs);
    // not before: a page that fails is looked at again
    for (const { archived } of kept) if (archived) this.#ends?.add(archived.endedAtMs);
  }

  /** Only what people delete is purged. */
  get #keepsAll(): boolean {
    const { ageMs, count } = this.#deps.options;
    return ageMs === undefined && count === undefined;
  }

  #isOfBoard({ posting }: JobRecord): boolean {
    const { name } = this.#deps.board;
    return ((JSON.parse(posting) as Posting).board ?? name) === name;
  }

  async #delete(jobs: readonly StoredJob[], nowMs: number): Promise<void> {
    const { ageMs = Infinity } = this.#deps.options;
    const beforeMs = Math.max(nowMs - ageMs, this.#countedBeforeMs);
    const old = jobs.filter(({ record, archived }) => (archived?.endedAtMs ?? record.postedAtMs) < beforeMs);
    const ended = (await inTurn(old, (job) => this.#endedBefore(job, { beforeMs, nowMs }))).flatMap(
      (job) => job ?? [],
    );
    if (ended.length === 0) return;
    const { persistence, runtime } = this.#deps;
    const left = await persistence.retention.delete(ended, nowMs);
    runtime.logger.info('retention.deleted', { jobs: ended.length - left.size });
  }

  /** Undefined: it is left for another time. */
  async #endedBefore(
    job: StoredJob,
    { beforeMs, nowMs }: { readonly beforeMs: number; readonly nowMs: number },
  ): Promise<EndedJob | undefined> {
    const { record } = job;
    const { persistence, runtime } = this.#deps;
    try {
      const standing = await persistence.retention.standingOf(job);
      if (standing === 'goes on') return undefined;
      // its poster may be at work
      if (standing === 'never begun')
        return record.postedAtMs < nowMs - purgedAfterMs ? { record, lastSeq: -1 } : undefined;
      return standing.endedAtMs < beforeMs ? { record, lastSeq: standing.lastSeq } : undefined;
    } catch (error) {
      if (familyOf(error) === 'unavailable') throw error;
      runtime.logger.debug('retention.unreadable', { jobId: record.jobId, error });
      return undefined;
    }
  }

  /** A part of the child runs of these jobs; with the last of them, the jobs themselves. False: there are more. */
  async #purge(roots: readonly JobRecord[]): Promise<boolean> {
    if (roots.length === 0) return true;
    const { retention } = this.#deps.persistence;
    const rootIds = roots.map(({ jobId }) => jobId);
    const children = await retention.childrenOf(rootIds, { limit: limits.retentionPageJobs });
    const isAll = children.length < limits.retentionPageJobs;
    const held = new Set(await this.#purgeFree(children));
    if (!isAll && held.size < children.length) return false;
    // whoever deleted them died before all was hidden
    const shown = new Set(
      [...held].flatMap(({ rootId, deletion }) => (deletion === undefined ? (rootId ?? []) : [])),
    );
    await retention.delete(
      roots.flatMap((record) =>
        shown.has(record.jobId) ? [{ record, lastSeq: record.deletion?.lastSeq ?? -1 }] : [],
      ),
      this.#deps.runtime.clock.wallMs(),
    );
    const heldRoots = new Set([...held].map(({ rootId }) => rootId));
    if (isAll) await this.#purgeFree(roots.filter(({ jobId }) => !heldRoots.has(jobId)));
    return true;
  }

  /** Gives those that are left for another time. */
  async #purgeFree(records: readonly JobRecord[]): Promise<readonly JobRecord[]> {
    const { persistence, runtime } = this.#deps;
    const isFree = await inTurn(records, (record) => this.#isFree(record));
    const free = records.filter((_, index) => isFree[index]);
    if (free.length > 0) {
      await persistence.retention.purge(free);
      runtime.logger.info('retention.purged', { jobs: free.length });
    }
    return records.filter((_, index) => !isFree[index]);
  }

  /** It is deleted and off the board, and all have been told of its end. */
  async #isFree(record: JobRecord): Promise<boolean> {
    const { jobId, deletion } = record;
    if (deletion === undefined) return false;
    const { board, persistence } = this.#deps;
    const { state } = await board.read(jobId);
    if (state === 'TRASHED') {
      await board.emptyTrash(jobId);
      return true;
    }
    if (await persistence.retention.restoreIfReopened(record)) return false;
    if (state !== 'ABSENT' || (await this.#isToGoOn(record))) return false;
    return (await persistence.notifications.get(jobId))?.state !== 'OPEN';
  }

  /** Somebody had it go on while another one deleted it, and died before it was on the board: whoever finishes posts sees to that. */
  async #isToGoOn(record: JobRecord): Promise<boolean> {
    const { persistence } = this.#deps;
    const commands = await persistence.commands.after(record.jobId, 0);
    if (!commands.some(isReopening)) return false;
    if ((await reopeningOf(persistence, record.jobId)).state === 'idle') return false;
    const { deletion: _, ...rest } = record;
    await persistence.jobs.markReopening(rest);
    return true;
  }

  #nowMs(): number {
    return this.#deps.runtime.clock.monotonicMs();
  }
}

/** Some at a time. */
async function inTurn<T, R>(all: readonly T[], ask: (each: T) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  for (let from = 0; from < all.length; from += limits.retentionAtOnce)
    answers.push(...(await Promise.all(all.slice(from, from + limits.retentionAtOnce).map(ask))));
  return answers;
}
