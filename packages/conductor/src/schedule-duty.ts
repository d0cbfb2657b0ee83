/**
 * Purpose: one schedule, as long as it is this conductor's: decides about each slot, then posts its job.
 * States: unknown → reads the last slot → waits for the next → decides → posts → waits …
 * What is authoritative: the slot in the store, inserted before anything is done about it: whoever comes next finishes what was decided. The id of the
 *   job follows from schedule and slot, so posting again is harmless.
 * On failure: the same again, with back-off, until it is told to stop.
 * Not here: which slot is next (`slot-plan.ts`), whose schedule it is (`scheduler.ts`).
 */
import { codeOf } from '@baton/core';
import type { Environment, Runtime } from '@baton/core';
import { storableEnvironment } from '@baton/engine';
import { type JobBoard, type Posting, postingWith } from '@baton/jobboard';
import { contentHashOf, isoTime, placeJob } from '@baton/persistence';
import type { EnvironmentName, Persistence, Schedule, ScheduleSlot } from '@baton/persistence';
import { limits } from './options.js';
import { firedSoFar, slotPlan, type SlotPlan } from './slot-plan.js';

export interface ScheduleDutyDeps {
  readonly runtime: Runtime;
  readonly board: JobBoard;
  readonly persistence: Pick<
    Persistence,
    'schedules' | 'environments' | 'jobs' | 'journal' | 'commands' | 'notifications'
  >;
  readonly mayDecide: () => boolean;
}

const idTaken: ReadonlySet<string | undefined> = new Set([
  'BATON_CONFLICT_KEY_REUSED',
  'BATON_CONFLICT_DELETED',
]);
/** Decisions after which old slots are forgotten. */
const FORGET_EVERY = 50;

export class ScheduleDuty {
  readonly #deps: ScheduleDutyDeps;
  #schedule: Schedule;
  /** Undefined: not read yet. */
  #known: { readonly last: ScheduleSlot | undefined } | undefined;
  #isAtWork = false;
  #hasChanged = false;
  #isStopped = false;
  #cancelTimer = (): void => undefined;
  /** Nothing is to be done before, by the monotonic clock. */
  #idleUntilMs = 0;
  #failures = 0;
  #decisions = 0;
  /** Once is enough: what is told to this conductor itself has it look at its schedules again. */
  #cancelled: string | undefined;

  /** It begins with `attend`. */
  constructor(deps: ScheduleDutyDeps, schedule: Schedule) {
    this.#deps = deps;
    this.#schedule = schedule;
  }

  /** The schedule as it is now. */
  attend(schedule: Schedule): void {
    const isKnown = this.#schedule.revision === schedule.revision;
    this.#schedule = schedule;
    if (!isKnown || this.#deps.runtime.clock.monotonicMs() >= this.#idleUntilMs) void this.#work();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  async #work(): Promise<void> {
    this.#hasChanged = true;
    if (this.#isAtWork || this.#isStopped) return;
    this.#isAtWork = true;
    this.#cancelTimer();
    let waitMs: number;
    try {
      do {
        this.#hasChanged = false;
        waitMs = await this.#untilNext();
      } while (this.#hasChanged as boolean);
      this.#failures = 0;
    } catch (error) {
      const { first, max } = limits.scheduleRetryMs;
      waitMs = Math.min(max, first * 2 ** Math.min(this.#failures++, 16));
      this.#deps.runtime.logger.warn('schedule.failed', { scheduleId: this.#schedule.scheduleId, error });
    }
    this.#isAtWork = false;
    const { clock } = this.#deps.runtime;
    this.#idleUntilMs = clock.monotonicMs() + waitMs;
    if (!this.#isStopped) this.#cancelTimer = clock.setTimer(waitMs, () => void this.#work());
  }

  /** Does what is due, and gives how long nothing will be. */
  async #untilNext(): Promise<number> {
    const { schedules } = this.#deps.persistence;
    while (!this.#isStopped && this.#deps.mayDecide()) {
      this.#known ??= { last: (await schedules.slots(this.#schedule.scheduleId, 1))[0] };
      const { last } = this.#known;
      if (last?.isDone === false) {
        if (!(await this.#finish(last))) return limits.scheduleRetryMs.first;
        continue;
      }
      const nowMs = this.#deps.runtime.clock.wallMs();
      const plan = slotPlan(this.#schedule, last, nowMs);
      if ('dueAtMs' in plan) return Math.min((plan.dueAtMs ?? Infinity) - nowMs, limits.scheduleLookMs);
      const slot = await this.#decision(plan, last);
      const isMine = await schedules.decide(slot);
      this.#known = isMine ? { last: slot } : undefined;
      // whoever decided is at work; a stale read would not even show it yet
      if (!isMine) return limits.scheduleRetryMs.first;
      this.#tell(slot);
      if (++this.#decisions % FORGET_EVERY === 0) await schedules.forgetOldSlots(slot.scheduleId);
    }
    return limits.schedulePollMs;
  }

  async #decision(
    { nominalMs, fires, missed, skipped }: Extract<SlotPlan, { nominalMs: number }>,
    last: ScheduleSlot | undefined,
  ): Promise<ScheduleSlot> {
    const { scheduleId, revision, overlap } = this.#schedule;
    const fired = firedSoFar(this.#schedule, last);
    const before = last?.jobId;
    const common = {
      scheduleId,
      revision,
      nominalMs,
      missed,
      skipped,
      atMs: this.#deps.runtime.clock.wallMs(),
    };
    const isInTheWay =
      fires && overlap !== 'allow' && before !== undefined && !(await this.#hasEnded(before));
    if (!fires || (isInTheWay && overlap === 'skip'))
      return {
        ...common,
        decision: fires ? 'skipped' : 'missed',
        skipped: fires ? skipped + 1 : skipped,
        fired,
        ...(before !== undefined && { jobId: before }),
        isDone: true,
      };
    return {
      ...common,
      ...{ decision: 'fired', fired: fired + 1, jobId: scheduledJobId(scheduleId, nominalMs) },
      ...(isInTheWay && { waitsFor: before }),
      isDone: false,
    };
  }

  /** False: not yet. */
  async #finish(slot: ScheduleSlot): Promise<boolean> {
    if (slot.waitsFor !== undefined && !(await this.#hasEnded(slot.waitsFor))) {
      if (this.#cancelled !== slot.waitsFor) await this.#cancel(slot.waitsFor);
      this.#cancelled = slot.waitsFor;
      return false;
    }
    const { schedules } = this.#deps.persistence;
    let last = { ...slot, isDone: true };
    try {
      await this.#post(slot);
      await schedules.update(last);
    } catch (error) {
      const { revision } = this.#schedule;
      // nothing is posted yet, and somebody may have mended the schedule: stored first, so that whoever is next posts the same
      if (codeOf(error) !== 'BATON_NOT_FOUND_ENVIRONMENT' || revision <= slot.revision) throw error;
      last = { ...slot, revision };
      await schedules.update(last);
    }
    this.#known = { last };
    return true;
  }

  async #post(slot: ScheduleSlot): Promise<void> {
    const { runtime, board, persistence } = this.#deps;
    const { jobId = '', nominalMs } = slot;
    const { scheduleId, post } = await this.#decidedBy(slot);
    const { posting: prepared, ...given } = post;
    const scheduled = JSON.parse(prepared) as Posting;
    const createdAtMs = runtime.clock.wallMs();
    const tags = { ...scheduled.tags, ...scheduleTags(scheduleId, nominalMs) };
    const env = given.environment && (await this.#environment(jobId, given.environment));
    const values = { ...given, ...(env && { env }) };
    const posting = postingWith({ ...scheduled, createdAtMs, tags }, values);
    const { definitionHash } = posting;
    const contentHash = contentHashOf(posting, given);
    const text = JSON.stringify(posting);
    const record = { jobId, definitionHash, contentHash, posting: text, ...(env && { env }) };
    try {
      await board.admit(jobId);
      const standing = await persistence.jobs.insert({ ...record, postedAtMs: createdAtMs });
      await placeJob(persistence, { record: standing, ...values }, (job) =>
        board.post(jobId, JSON.parse(job.posting) as Posting),
      );
    } catch (error) {
      // somebody has used the id, or has deleted its job
      if (!idTaken.has(codeOf(error))) throw error;
      runtime.logger.warn('schedule.id-taken', { scheduleId, jobId });
    }
  }

  /**
   * What whoever began this post has found, or else as it is now. One that is not there is asked for again until it is, or the schedule is changed.
   * @throws NotFoundError
   */
  async #environment(
    jobId: string,
    { name, evaluateEnv }: EnvironmentName,
  ): Promise<Environment | undefined> {
    const { board, persistence } = this.#deps;
    const standing = await persistence.jobs.get(jobId);
    if (standing !== undefined) return standing.env;
    const { env } = await persistence.environments.find({ board: board.name, name });
    return storableEnvironment({ env, evaluateEnv }) ?? env;
  }

  /** Part of its job may be stored, by the conductor that decided: the same is to be posted. */
  async #decidedBy({ scheduleId, revision }: ScheduleSlot): Promise<Schedule> {
    if (revision === this.#schedule.revision) return this.#schedule;
    return (await this.#deps.persistence.schedules.at(scheduleId, revision)) ?? this.#schedule;
  }

  async #hasEnded(jobId: string): Promise<boolean> {
    const { board, persistence } = this.#deps;
    const { state } = await board.read(jobId);
    if (state !== 'ABSENT') return state === 'TRASHED';
    // one that wakes up may be seen nowhere
    const head = await persistence.journal.head(jobId);
    return head === undefined || head.entry.kind === 'terminal';
  }

  async #cancel(jobId: string): Promise<void> {
    const { board, persistence } = this.#deps;
    const by = `schedule ${this.#schedule.scheduleId}`;
    const command = { command: 'cancel', arguments: { revert: true }, by };
    await persistence.commands.append(jobId, command, by);
    await board.announce(jobId);
  }

  #tell({ scheduleId, nominalMs, decision, jobId, missed, skipped }: ScheduleSlot): void {
    const { logger } = this.#deps.runtime;
    const fields = { scheduleId, nominalMs, jobId, missed, skipped };
    if (decision === 'fired' && missed === 0) logger.info('schedule.fired', fields);
    else logger.warn(`schedule.${decision}`, fields);
  }
}

/** `nightly-20261122T020000Z`; with milliseconds where there are some. */
export function scheduledJobId(scheduleId: string, nominalMs: number): string {
  const time = isoTime(nominalMs).replace('.000Z', 'Z');
  return `${scheduleId}-${time.replace(/[-:.]/g, '')}`;
}

function scheduleTags(scheduleId: string, nominalMs: number): Readonly<Record<string, string>> {
  return { schedule: scheduleId, scheduledAt: isoTime(nominalMs) };
}
