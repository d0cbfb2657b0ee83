/** What is next for a schedule: pure. */
import { nextSlot, slotsBetween } from '@baton/persistence';
import type { Schedule, ScheduleSlot } from '@baton/persistence';
import { limits } from './options.js';

/** A slot to decide about, with how many before it were passed over; or when the next one is due, if ever. */
export type SlotPlan =
  | { readonly nominalMs: number; readonly fires: boolean; readonly missed: number; readonly skipped: number }
  | { readonly dueAtMs: number | undefined };

/** Slots of this schedule that have fired: one of the same id that was deleted before does not count. */
export function firedSoFar({ createdAtMs }: Schedule, last: ScheduleSlot | undefined): number {
  return last !== undefined && last.nominalMs > createdAtMs ? last.fired : 0;
}

/** @param last the slot that was decided about last */
export function slotPlan(schedule: Schedule, last: ScheduleSlot | undefined, nowMs: number): SlotPlan {
  const { catchUp, overlap, isPaused, count = Infinity, sinceMs } = schedule;
  if (isPaused || firedSoFar(schedule, last) >= count) return { dueAtMs: undefined };
  const afterMs = Math.max(sinceMs, last?.nominalMs ?? sinceMs);
  const slots = slotsBetween(schedule, { afterMs, throughMs: nowMs, max: limits.slotsMax });
  const newest = slots.at(-1);
  if (newest === undefined) return { dueAtMs: nextSlot(schedule, afterMs) };
  const inTime = slots.filter((slot) => slot >= nowMs - limits.slotGraceMs);
  const caughtUp = { none: inTime, last: inTime.length > 0 ? inTime : [newest], all: slots }[catchUp];
  const [first] = caughtUp;
  if (first === undefined) return { nominalMs: newest, fires: false, missed: slots.length, skipped: 0 };
  const missed = slots.indexOf(first);
  // the job of any but the newest would be cancelled at once
  if (overlap === 'cancel-previous')
    return { nominalMs: newest, fires: true, missed, skipped: caughtUp.length - 1 };
  return { nominalMs: first, fires: true, missed, skipped: 0 };
}
