/**
 * Purpose: finishes posts whose poster died between the journal and the board (P-601): what was stored as posted will run. So does a run that has ended
 *   when a person wants that (P-604), or its parent that is undone: whoever stored the command may have died before the job was on the board again.
 * What is authoritative: the job record and journal entry 0. Posting again is harmless: a job that has moved on, or has ended, is
 * recognised by its claimer.
 * On failure: logged, found again at the next look. A post that cannot be finished holds no other up.
 * Not here: posts without an entry 0: their poster was never told that they are posted, and repeats them or gave up.
 */
import { atomNameOf, failureOf, familyOf, type JsonValue, toFailure } from '@baton/core';
import type { Runtime } from '@baton/core';
import type { JobBoard, Posting } from '@baton/jobboard';
import { type JobRecord, type Persistence, type Reopening, reopeningOf } from '@baton/persistence';
import { limits } from './options.js';
import type { SessionTimers } from './session-timers.js';

/** Older than any poster that is still at work. */
const AGE_MS = 10_000;
/** A read may show none of the commands that are stored: nothing is taken for done before it was seen so for as long as no read is old (P-620). */
const STALE_MS = 30_000;

export interface PostReconcilerDeps {
  readonly runtime: Runtime;
  readonly board: JobBoard;
  readonly persistence: Pick<Persistence, 'commands' | 'jobs' | 'journal'>;
  /** Whether this conductor is the one that looks. */
  readonly isMine: () => boolean;
  readonly timers: Pick<SessionTimers, 'after' | 'every'>;
}

export class PostReconciler {
  readonly #deps: PostReconcilerDeps;
  /** Jobs that are marked without a command that says why, and since when, by the monotonic clock. */
  readonly #idleSince = new Map<string, number>();
  #isDue = false;
  #isLooking = false;

  /** It begins with `start`. */
  constructor(deps: PostReconcilerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#deps.timers.every(limits.reconcileMs, () => void this.#look());
    this.membersChanged();
  }

  /** One that died may have left something; and where conductors come and go all the time none is there for long. */
  membersChanged(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#deps.timers.after(limits.reconcileSoonMs, () => {
      this.#isDue = false;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const { runtime, persistence, isMine } = this.#deps;
    if (this.#isLooking || !isMine()) return;
    this.#isLooking = true;
    const left = new Set<string>();
    try {
      const beforeMs = runtime.clock.wallMs() - AGE_MS;
      for await (const record of persistence.jobs.leftSince({ beforeMs })) {
        left.add(record.jobId);
        await this.#finish(record).catch((error: unknown) => {
          if (familyOf(error) === 'unavailable') throw error;
          runtime.logger.warn('job.reconcile-failed', { jobId: record.jobId, error });
        });
      }
      for (const jobId of this.#idleSince.keys()) if (!left.has(jobId)) this.#idleSince.delete(jobId);
    } catch (error) {
      runtime.logger.warn('job.reconcile-failed', { error });
    } finally {
      this.#isLooking = false;
    }
  }

  async #finish(record: JobRecord): Promise<void> {
    const { runtime, board, persistence } = this.#deps;
    if (record.state === 'REOPENING') return this.#reopen(record);
    const [posted, claimed] = await persistence.journal.tail(record.jobId, 0);
    if (posted === undefined) return;
    // it was on the board, and only the mark is missing
    if (claimed !== undefined) return this.#settle(record);
    const posting = JSON.parse(record.posting) as Posting;
    // conductors of that board finish it
    if (posting.board !== undefined && posting.board !== board.name) return;
    await board.post(record.jobId, posting);
    await this.#settle(record);
    runtime.logger.info('job.post-finished', { jobId: record.jobId });
  }

  /** Marked as done; unless a command to reopen it is stored by now: this mark may have overwritten that of its giver. */
  async #settle(record: JobRecord): Promise<void> {
    const { persistence } = this.#deps;
    await persistence.jobs.markPosted(record);
    if ((await reopeningOf(persistence, record.jobId)).state !== 'idle')
      await persistence.jobs.markReopening(record);
  }

  async #reopen(record: JobRecord): Promise<void> {
    const { runtime, board, persistence } = this.#deps;
    const { jobId } = record;
    const posting = JSON.parse(record.posting) as Posting;
    if (posting.board !== undefined && posting.board !== board.name) return;
    const { state } = await board.read(jobId);
    if (state === 'TRASHED') {
      await tellStuck(jobId, posting, this.#deps);
      return persistence.jobs.markPosted(record);
    }
    if (state !== 'ABSENT') return;
    const reopening = await reopeningOf(persistence, jobId).catch(unreadable);
    if (reopening.state === 'idle') {
      // a reason is no matter of an old read
      if (reopening.reason) await tellStuck(jobId, posting, this.#deps);
      else if (!this.#isIdleForLong(jobId)) return;
      return this.#settle(record);
    }
    this.#idleSince.delete(jobId);
    if (reopening.state === 'going') return;
    await board.reopen({ jobId, life: reopening.life }, posting);
    runtime.logger.info('job.reopening-finished', { jobId });
  }

  #isIdleForLong(jobId: string): boolean {
    const nowMs = this.#deps.runtime.clock.monotonicMs();
    const sinceMs = this.#idleSince.get(jobId) ?? nowMs;
    this.#idleSince.set(jobId, sinceMs);
    return nowMs - sinceMs >= STALE_MS;
  }
}

/** What is damaged is run by nobody. */
function unreadable(error: unknown): Reopening {
  if (familyOf(error) !== 'input') throw error;
  return { state: 'idle', reason: toFailure(error) };
}

/** The parent of a child run that it wants undone, and that nobody will run any more (C-1209). */
async function tellStuck(
  jobId: string,
  { lineage }: Posting,
  { board, persistence }: Pick<PostReconcilerDeps, 'board' | 'persistence'>,
): Promise<void> {
  if (!lineage) return;
  const { parentId, requestId } = lineage;
  const last = (await persistence.commands.after(jobId, 0)).at(-1);
  const message = `child run ${jobId} was put aside, and cannot be undone`;
  const why = failureOf('CHILD_FAILED', message, {
    phase: 'revert',
    atom: atomNameOf(requestId),
    retryable: false,
  });
  const failure = JSON.parse(JSON.stringify(why)) as JsonValue;
  const command = { command: 'child-settled', arguments: { requestId, stuck: true, failure } };
  await persistence.commands.append(parentId, command, `child ${requestId} stuck ${last?.n ?? 0}`);
  await board.announce(parentId);
}
