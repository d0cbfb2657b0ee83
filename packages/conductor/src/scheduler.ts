/**
 * Purpose: the schedules of a board, divided among its conductors by rendezvous rank; the duty of each is in `schedule-duty.ts`.
 * States: looking, idle; stopped with the session.
 * What is authoritative: the store. Two that both think a schedule theirs for a moment are told apart by the store, slot by slot, so there is no lock.
 * On failure: what cannot be read is read at the next look: after a nudge, or within 10 s.
 */
import { rendezvousRank } from '@baton/core';
import type { Schedule } from '@baton/persistence';
import { ScheduleDuty, type ScheduleDutyDeps } from './schedule-duty.js';

export interface SchedulerDeps extends ScheduleDutyDeps {
  readonly memberId: string;
  /** The conductors that live, this one included. */
  readonly members: () => ReadonlyMap<string, unknown>;
}

export class Scheduler {
  readonly #deps: SchedulerDeps;
  #schedules: readonly Schedule[] = [];
  readonly #duties = new Map<string, ScheduleDuty>();
  /** True: asked for again since the look that is under way began. */
  #looking: boolean | undefined;
  #isStopped = false;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
  }

  /** Reads what there is now. Never rejects. */
  async look(): Promise<void> {
    const isLooking = this.#looking !== undefined;
    this.#looking = isLooking;
    if (isLooking || this.#isStopped) return;
    const { board, persistence, runtime } = this.#deps;
    try {
      do {
        this.#looking = false;
        this.#schedules = await persistence.schedules.list(board.name);
        this.divide();
      } while (this.#looking as boolean);
    } catch (error) {
      runtime.logger.warn('schedules.unknown', { error });
    } finally {
      this.#looking = undefined;
    }
  }

  /** Takes on what is this conductor's by now, and leaves what is no longer. */
  divide(): void {
    if (this.#isStopped) return;
    const conductors = [...this.#deps.members().keys()];
    const mine = this.#schedules.filter(
      ({ scheduleId }) => rendezvousRank(scheduleId, this.#deps.memberId, conductors) === 0,
    );
    const ids = new Set(mine.map(({ scheduleId }) => scheduleId));
    for (const [scheduleId, duty] of this.#duties)
      if (!ids.has(scheduleId)) {
        this.#duties.delete(scheduleId);
        duty.stop();
      }
    for (const schedule of mine) {
      const duty = this.#duties.get(schedule.scheduleId) ?? new ScheduleDuty(this.#deps, schedule);
      this.#duties.set(schedule.scheduleId, duty);
      duty.attend(schedule);
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const duty of this.#duties.values()) duty.stop();
    this.#duties.clear();
  }
}
