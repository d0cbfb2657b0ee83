/**
 * Purpose: a schedule that somebody makes, of a few slots soon: in few runs.
 * States: put → acknowledged → all its slots have fired, and their jobs have ended.
 * What is authoritative: the slots in the store.
 * On failure: it is put again until that is acknowledged.
 * Not here: which slots there have to be (checker/schedule-rules.ts).
 */
import type { ScheduleOptions } from '@baton/client';
import type { CoordinationSession, Random } from '@baton/core';
import type { AnyDefinition } from '@baton/engine';
import { Answers } from './answers.js';
import { below, chance, pick } from './choices.js';
import type { Cluster } from './cluster.js';
import type { Violations } from './checker/evidence.js';
import type { Asked } from './checker/runs.js';
import { scheduleRules } from './checker/schedule-rules.js';
import { persist } from './persist.js';
import { wallStartMs } from './process.js';
import { routedFlow } from './routed-workload.js';

export interface PlannedSchedule {
  readonly scheduleId: string;
  readonly definition: AnyDefinition;
  readonly periodMs: number;
  readonly count: number;
  readonly catchUp: NonNullable<ScheduleOptions['catchUp']>;
  readonly overlap: NonNullable<ScheduleOptions['overlap']>;
  /** True ms. */
  readonly atMs: number;
}

/** One, of twelve runs in one. */
export function planSchedules(
  random: Random,
  { untilMs }: { readonly untilMs: number },
): readonly PlannedSchedule[] {
  if (!chance(random, 0.08)) return [];
  const schedule: PlannedSchedule = {
    scheduleId: 'nightly',
    definition: routedFlow(random, 2),
    periodMs: pick(random, [1_000, 2_000, 4_000]),
    count: 1 + below(random, 4),
    catchUp: pick(random, ['none', 'last', 'all', 'all'] as const),
    overlap: pick(random, ['allow', 'allow', 'skip', 'cancel-previous'] as const),
    atMs: random.fraction() * 0.6 * untilMs,
  };
  return [schedule];
}

export class ScheduleMaker {
  readonly schedule: PlannedSchedule;
  readonly #cluster: Cluster;
  readonly #sessions: CoordinationSession[] = [];

  constructor(cluster: Cluster, schedule: PlannedSchedule) {
    this.#cluster = cluster;
    this.schedule = schedule;
    cluster.time.schedule(schedule.atMs, () => {
      this.#put().catch((error: unknown) =>
        cluster.crashes.push(`who made a schedule was told ${String(error)}`),
      );
    });
  }

  get id(): string {
    return this.schedule.scheduleId;
  }

  /** Of the slots that have fired. */
  get jobs(): readonly Asked[] {
    const { definition } = this.schedule;
    const jobOf = (jobId: string) => ({ jobId, definition, priority: 'NORMAL' }) as const;
    return this.#jobIds.map((jobId) => ({ job: jobOf(jobId), told: undefined }));
  }

  get #jobIds(): readonly string[] {
    return this.#cluster.history.slots.flatMap(({ slot: { decision, jobId } }) =>
      decision === 'fired' && jobId !== undefined ? [jobId] : [],
    );
  }

  get isDone(): boolean {
    const { entries } = this.#cluster.history;
    const ended = this.#jobIds.filter((jobId) => entries.get(jobId)?.at(-1)?.entry.kind === 'terminal');
    return ended.length >= this.schedule.count;
  }

  /** @param slackMs by so much may a conductor take the clock of the board to be ahead */
  *check(slackMs: number): Violations {
    const { entries: journals, slots } = this.#cluster.history;
    yield* scheduleRules({ schedule: this.schedule, slots, journals, startMs: wallStartMs, slackMs });
  }

  async #put(): Promise<void> {
    const { scheduleId, definition, periodMs, ...plan } = this.schedule;
    // slots begin where the clock of its maker stands
    const process = this.#cluster.process(`maker-of-${scheduleId}`, { isExact: true });
    const client = this.#cluster.client(process, this.#sessions);
    const store = { pin: `pin-of-${scheduleId}-${'0123456789'.repeat(2)}` };
    this.#cluster.history.keep(store.pin, 'value of a user');
    const { count, catchUp, overlap } = plan;
    const options = { cron: `*/${periodMs / 1_000} * * * * *`, count, catchUp, overlap, store };
    await persist(process, () => client.schedules.put(scheduleId, definition, options));
    await new Answers(this.#cluster, { process, client, roots: () => this.#jobIds }).give(() => this.isDone);
    await client.close();
  }
}
