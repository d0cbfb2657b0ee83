/**
 * Purpose: the way in: post jobs, look at them, wait for them, give commands, see the cluster.
 * States: open → closed. One board session; a lost one is replaced at the next call.
 * What is authoritative: the store for runs, the board for ownership. The client decides nothing but what it posts.
 * On failure: UnavailableErrors reach the caller; posting again with the same key is safe.
 */
import { checkId } from '@baton/core';
import type { FlowOutcome, JournalEntry, JsonValue, Member } from '@baton/core';
import type { JobListing } from '@baton/jobboard';
import type { FlowDetail } from '@baton/persistence';
import type { AnyDefinition } from '@baton/engine';
import { parseAnyFlow } from '@baton/flow';
import { answerDelegate, type AnswerDelegateOptions } from './answer-delegate.js';
import {
  type DelegateAttempt,
  type DelegateReport,
  type Clocks,
  delegateReport,
  type DelegatesPage,
  extendDelegate,
  type Extended,
  type ExtendOptions,
  listDelegates,
} from './delegates.js';
import { type BoardChange, changesThrough } from './board-changes.js';
import { type ClientDeps, Connection, type Open } from './connection.js';
import { checkOptions } from './check-options.js';
import { decideParked, type DecideParkedOptions } from './decide-parked.js';
import { deleteJob } from './delete-job.js';
import { Environments, storablePatch } from './environments.js';
import { giveCommand, type CancelOptions, type CommandOptions, type ResumeOptions } from './give-command.js';
import { endOf, tooLate, type JobEnd } from './job-end.js';
import { lastEnded } from './last-ended.js';
import { readJob, type JobReport } from './job-report.js';
import { OutagePatience, type OutageListener } from './outage-patience.js';
import { postJob, type PostArguments, type PostOptions, type Postable, type Posted } from './post-job.js';
import { type Repair, repairJob, type RerunOptions, type SkipOptions } from './repair-job.js';
import { resumeJob, withoutAbsent } from './repair-job.js';
import { type Earlier, isEarlier, repostJob } from './repost-job.js';
import { runTask, type RunTaskOptions, type TaskRun } from './run-task.js';
import { Schedules } from './schedules.js';
import { sendEvent, type SendEventOptions, type SentEventReport } from './send-event.js';
import { stopJob, type StopOptions } from './stop-job.js';
import { StopWith } from './stop-with.js';
import { checkShown, unknownJob } from './unknown-job.js';
import { updateDelegate, type UpdateDelegateOptions } from './update-delegate.js';

export interface ClusterReport {
  readonly clusterId: string;
  readonly conductors: readonly Member[];
  readonly workers: readonly Member[];
  readonly jobs: readonly JobListing[];
}

const POLL_MS = { first: 10, max: 1_000 };

export class Client {
  readonly schedules: Schedules;
  readonly environments: Environments;
  readonly #deps: ClientDeps;
  readonly #connection: Connection;

  /** Of services that are open already; `openClient` opens them. Connects with its first call. */
  constructor(deps: ClientDeps) {
    this.#deps = deps;
    this.#connection = new Connection(deps);
    this.schedules = new Schedules(() => this.#connection.open(), deps.runtime);
    this.environments = new Environments(() => this.#connection.open());
  }

  /** Posts a job and gives its id; see `postJob`. Of `{ from: jobId }`, what that job was posted with; see `repostJob`. */
  async post<F extends Postable | Earlier>(flow: F, ...[options]: PostArguments<F>): Promise<string> {
    return (await this.postOrFind(flow, options as PostOptions | undefined)).jobId;
  }

  /** As `post` with any options, and tells whether the job is new, or the same one was posted under its key before. */
  async postOrFind(flow: Postable | Earlier, options?: PostOptions): Promise<Posted> {
    if (options !== undefined) checkOptions('post', options);
    const deps = { ...(await this.#connection.open()), runtime: this.#deps.runtime };
    return isEarlier(flow) ? repostJob(deps, flow, options) : postJob(deps, flow, options);
  }

  /** Has one task run without a flow, on whichever worker offers it, with `input` as its parameters; see `RunTaskOptions`. @throws as `post` */
  async runTask(
    name: string,
    input: Readonly<Record<string, JsonValue>> = {},
    options: RunTaskOptions = {},
  ): Promise<TaskRun> {
    checkOptions('runTask', options);
    return runTask(this, { name, input }, options);
  }

  /** The flow that was posted and is stored under this hash. @throws NotFoundError `BATON_NOT_FOUND_DOCUMENT` */
  async definition(hash: string): Promise<AnyDefinition> {
    const { definitions } = (await this.#connection.open()).persistence;
    return parseAnyFlow(JSON.parse(await definitions.get(hash, { withinMs: 0 })));
  }

  /** @throws NotFoundError `BATON_NOT_FOUND_JOB`, InputError for what cannot be the id of a job */
  async job(jobId: string): Promise<JobReport> {
    checkId('job', jobId);
    const services = await this.#connection.open();
    return readJob({ ...services, otherBoard: (name) => this.#connection.otherBoard(name, services) }, jobId);
  }

  /** How far a job is: the number of its last journal entry, and how it ended if it has. @throws as `job` */
  async head(jobId: string): Promise<{ readonly seq: number; readonly outcome?: FlowOutcome }> {
    checkId('job', jobId);
    const { journal, jobs } = (await this.#connection.open()).persistence;
    const [head] = await Promise.all([journal.head(jobId), checkShown(jobs, jobId)]);
    if (head === undefined) throw unknownJob(jobId);
    const { entry } = head;
    return { seq: entry.seq, ...(entry.kind === 'terminal' && { outcome: entry.outcome }) };
  }

  /** All journal entries of a job that are kept, oldest first. @throws as `job` */
  async history(jobId: string): Promise<readonly JournalEntry[]> {
    checkId('job', jobId);
    const { journal, jobs } = (await this.#connection.open()).persistence;
    const [entries] = await Promise.all([journal.history(jobId), checkShown(jobs, jobId)]);
    if (entries.length === 0) throw unknownJob(jobId);
    return entries;
  }

  /** Jobs on the board now, highest priority first. */
  async jobs(): Promise<readonly JobListing[]> {
    return (await this.#connection.open()).board.list();
  }

  /** A page of ended or running flows of all boards, newest id first; from the read model, which may lag. */
  async flows(page: {
    readonly of: 'running' | 'ended';
    readonly before?: string;
    readonly limit: number;
  }): Promise<readonly FlowDetail[]> {
    checkOptions('flows', page);
    return (await this.#connection.open()).persistence.readModels.flows(page);
  }

  /**
   * The flows of this board that ended last, newest end first; from the read model, which may lag. The store orders by id: where jobs have keys of their own, and
   * more than 1,000 (or `limit`) have ended, these are the last among those of the highest ids.
   */
  async ended(options: { readonly limit: number }): Promise<readonly FlowDetail[]> {
    checkOptions('ended', options);
    return lastEnded(await this.#connection.open(), options.limit);
  }

  /**
   * Resolves when the job has ended. A service that is away is asked again, with back-off, until `timeoutMs` is over.
   * @throws NotFoundError for an unknown job, ConflictError `BATON_CONFLICT_QUARANTINED` for one without a readable record, UnavailableError
   * `BATON_UNAVAILABLE_DEADLINE` after `timeoutMs`; rejects with the reason of `signal`.
   */
  async wait(
    jobId: string,
    options: OutageListener & { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<JobEnd> {
    checkId('job', jobId);
    checkOptions('wait', options);
    const { timeoutMs } = options;
    const stop = new StopWith(options.signal);
    const { signal } = stop;
    const patience = this.#patience({ listener: options, signal });
    const cancel =
      timeoutMs === undefined
        ? undefined
        : this.#deps.runtime.clock.setTimer(timeoutMs, () =>
            stop.abort(tooLate(jobId, timeoutMs, patience.problem)),
          );
    try {
      return await this.#wait(jobId, signal, patience);
    } finally {
      cancel?.();
      stop.letGo();
    }
  }

  /**
   * Journal entries from `fromSeq` on as they are stored, the terminal one last; ends with it. Polls the store (10 ms to 1 s), also through an
   * outage of it, until `signal` is aborted.
   */
  async *watch(
    jobId: string,
    options: OutageListener & { readonly fromSeq?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<JournalEntry, void> {
    checkId('job', jobId);
    checkOptions('watch', options);
    const patience = this.#patience({ listener: options, signal: options.signal });
    const { persistence } = await patience.through(() => this.#connection.open());
    await patience.through(() => checkShown(persistence.jobs, jobId));
    let seq = options.fromSeq ?? 0;
    for (let pauseMs = POLL_MS.first; ; pauseMs = Math.min(POLL_MS.max, pauseMs * 2)) {
      options.signal?.throwIfAborted();
      const from = seq;
      const entries = await patience.through(() => persistence.journal.tail(jobId, from));
      if (entries.length === 0 && seq === 0) throw unknownJob(jobId);
      for (const entry of entries) {
        yield entry;
        // one that was reopened goes on
        if (entry.kind === 'terminal' && entry === entries.at(-1)) return;
        seq = entry.seq + 1;
        pauseMs = POLL_MS.first;
      }
      await patience.pause(pauseMs);
    }
  }

  /**
   * What changes on the board from now on, through lost sessions, until `signal` is aborted. `reset`, which comes first, says that anything may have
   * changed before.
   */
  async *changes(
    options: OutageListener & { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<BoardChange, void> {
    checkOptions('changes', options);
    const { signal } = options;
    const patience = this.#patience({ listener: options, signal });
    yield* changesThrough(patience, () => this.#connection.open(), signal);
  }

  /** Stores the command and tells the owner; it is applied between two turns, or not at all when the run ends first. Gives its number. @throws as `giveCommand` */
  async cancel(jobId: string, options: CancelOptions = {}): Promise<number> {
    checkId('job', jobId);
    checkOptions('cancel', options);
    const { revert = true, ...rest } = options;
    const command = { command: 'cancel', arguments: { revert } };
    return giveCommand(await this.#connection.open(), { jobId, command, options: rest });
  }

  /** Has the job end here as `state` says, with nothing undone; see `stopJob`. */
  async stop(jobId: string, options: StopOptions): Promise<number> {
    checkId('job', jobId);
    checkOptions('stop', options);
    return stopJob(await this.#connection.open(), jobId, options);
  }

  /**
   * Has the job pause, whoever owns it, until `resume`: what runs is finished and recorded, nothing is begun. Its state goes to SUSPENDING, then
   * SUSPENDED; or it ends, when nothing was left to do. Repeating it changes nothing. Stored like `cancel`, and throws what that does.
   */
  async suspend(jobId: string, options: CommandOptions = {}): Promise<number> {
    checkOptions('suspend', options);
    checkId('job', jobId);
    return giveCommand(await this.#connection.open(), { jobId, command: { command: 'suspend' }, options });
  }

  /**
   * Has a suspended job go on where it stands, with keys of its environment that are from now on as they are given (C-1304); on any other it has no effect.
   * Stored like `cancel`, and throws what that does; with `env` ConflictError `BATON_CONFLICT_NOT_REPAIRABLE` where the change would be lost or is too large.
   */
  async resume(jobId: string, options: ResumeOptions = {}): Promise<number> {
    checkOptions('resume', options);
    checkId('job', jobId);
    return resumeJob(await this.#connection.open(), jobId, options);
  }

  /**
   * Has a job that has ended run again: an ordered flow whole, or from an atom on; of a routed flow what failed unhandled or was cancelled, or one
   * activation. See `RerunOptions`. Stored first, and then done whatever becomes of this client: the job is on the board again. Gives the number
   * of the command; the same once more changes nothing while the job runs. @throws as `repairJob`
   */
  async rerun(jobId: string, options: RerunOptions = {}): Promise<number> {
    checkOptions('rerun', options);
    const { from, reset, input, env, ...rest } = options;
    const given = { from, reset, input, env: env && storablePatch(env) };
    return this.#repair(jobId, { type: 'rerun', ...withoutAbsent(given) }, rest);
  }

  /** Has a failed atom left out, and the job go on as after success, or as `on-skip` says. Stored and done like `rerun`. @throws as `repairJob` */
  async skip(jobId: string, options: SkipOptions): Promise<number> {
    checkOptions('skip', options);
    const { atom, depth, ...rest } = options;
    return this.#repair(jobId, { type: 'skip', atom, ...withoutAbsent({ depth }) }, rest);
  }

  /** Has everything undone that a job did which has succeeded or failed; it ends REVERTED. Stored and done like `rerun`. @throws as `repairJob` */
  async revert(jobId: string, options: CommandOptions = {}): Promise<number> {
    checkOptions('revert', options);
    return this.#repair(jobId, { type: 'revert' }, options);
  }

  /**
   * Decides about an atom whose revert failed, of a job that has ended so: `retry` calls it again with the same result, `accept` takes it for undone by hand
   * (E-1321, E-1322). The job goes on being undone from there. Stored and done like `rerun`. @throws as `repairJob`
   */
  async decideRevert(
    jobId: string,
    options: CommandOptions & { readonly atom: string; readonly decision: 'retry' | 'accept' },
  ): Promise<number> {
    checkOptions('decideRevert', options);
    const { atom, decision, ...rest } = options;
    return this.#repair(jobId, { type: `${decision}Revert`, atom }, rest);
  }

  /**
   * Decides about a task whose worker was lost and whose `onWorkerLoss` is `park`: it is sent to a worker again, or fails with
   * `WORKER_LOST`. Stored like `cancel`; changes nothing when somebody else decides at the same time. Gives the number of the command.
   * @throws NotFoundError `BATON_NOT_FOUND_ATOM`, ConflictError `BATON_CONFLICT_NOT_PARKED`, and what `cancel` does
   */
  async decideParked(jobId: string, options: DecideParkedOptions): Promise<number> {
    checkId('job', jobId);
    checkOptions('decideParked', options);
    return decideParked(await this.#connection.open(), { jobId, job: () => this.job(jobId) }, options);
  }

  /** Deletes a job that has ended, and its child runs; see `deleteJob`. */
  async delete(jobId: string): Promise<void> {
    checkId('job', jobId);
    return deleteJob(await this.#connection.open(), jobId);
  }

  /** Answers an atom that waits for a person or another system: stored when this resolves. The first answer counts; see `answerDelegate`. */
  async answerDelegate(jobId: string, options: AnswerDelegateOptions): Promise<number> {
    checkOptions('answerDelegate', options);
    return answerDelegate(...(await this.#asked(jobId)), options);
  }

  /** Has the answer of a delegate waited for longer; see `extendDelegate`. */
  async extendDelegate(jobId: string, options: ExtendOptions): Promise<Extended> {
    checkOptions('extendDelegate', options);
    return extendDelegate(...(await this.#asked(jobId)), options);
  }

  /** Sends an event from outside to the jobs of this board that wait for it: stored when this resolves; see `sendEvent`. */
  async sendEvent(name: string, options: SendEventOptions = {}): Promise<SentEventReport> {
    checkOptions('sendEvent', options);
    const { runtime } = this.#deps;
    return sendEvent({ ...(await this.#connection.open()), runtime }, name, options);
  }

  /** Pauses a delegate, has it go on, or tells how far it is; see `updateDelegate`. Gives the number of the command. */
  async updateDelegate(jobId: string, options: UpdateDelegateOptions): Promise<number> {
    checkOptions('updateDelegate', options);
    return updateDelegate(...(await this.#asked(jobId)), options);
  }

  /** A page of what waits for an answer, of all boards; see `listDelegates`. */
  async delegates(page: { readonly after?: string; readonly limit: number }): Promise<DelegatesPage> {
    checkOptions('delegates', page);
    return listDelegates((await this.#connection.open()).persistence, page);
  }

  /** What an atom waits for, as who answers needs to know it. @throws as `job`; NotFoundError `BATON_NOT_FOUND_ATOM`, ConflictError `BATON_CONFLICT_NOT_WAITING` */
  async delegate(jobId: string, options: DelegateAttempt): Promise<DelegateReport> {
    checkOptions('delegate', options);
    return delegateReport(...(await this.#asked(jobId)), options);
  }

  /** Members that are up, and the jobs on the board, as three reads one after the other find them. @throws UnavailableError */
  async cluster(): Promise<ClusterReport> {
    const { board } = await this.#connection.open();
    const [conductors, workers, jobs] = await Promise.all([
      board.members('conductor'),
      board.members('worker'),
      board.list(),
    ]);
    return { clusterId: board.clusterId, conductors, workers, jobs };
  }

  /** Ends the session. What is asked for from now on, or again by what is under way, is refused; `store` stays open. Idempotent. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  async #asked(jobId: string): Promise<[Open & Clocks, JobReport]> {
    const { runtime } = this.#deps;
    return [{ ...(await this.#connection.open()), runtime }, await this.job(jobId)];
  }

  async #wait(jobId: string, signal: AbortSignal, patience: OutagePatience): Promise<JobEnd> {
    for (let tries = 0, pauseMs = POLL_MS.first; ; tries++, pauseMs = Math.min(POLL_MS.max, pauseMs * 2)) {
      const { board } = await patience.through(() => this.#connection.open());
      // the board tells at once when the job leaves it, so the store is read once, at the end; a lost session is replaced
      await board.waitUntilGone(jobId, signal).catch(() => signal.throwIfAborted());
      const end = await patience.through(async () =>
        endOf(await this.#connection.open(), jobId, { isCertain: tries > 0 }),
      );
      if (end !== undefined) return end;
      await patience.pause(pauseMs);
    }
  }

  async #repair(jobId: string, repair: Repair, options: CommandOptions): Promise<number> {
    checkId('job', jobId);
    const { clock } = this.#deps.runtime;
    return repairJob({ ...(await this.#connection.open()), clock }, { jobId, repair, options });
  }

  #patience(of: { listener: OutageListener; signal: AbortSignal | undefined }): OutagePatience {
    return new OutagePatience({
      ...of,
      clock: this.#deps.runtime.clock,
      isClosed: () => this.#connection.isClosed,
    });
  }
}
