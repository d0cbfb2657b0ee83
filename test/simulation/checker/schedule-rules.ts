/**
 * C-1401 to C-1403: each slot of a schedule is decided about once, in order, and none is passed over without being counted; what fires posts one job, not before
 * its time, and where jobs must not overlap not before the one before has ended.
 */
import type { StoredEntry, StoredSlot } from '../history.js';
import type { PlannedSchedule } from '../schedules.js';
import type { Violations } from './evidence.js';

export interface ScheduleEvidence {
  readonly schedule: Pick<PlannedSchedule, 'scheduleId' | 'periodMs' | 'count' | 'catchUp' | 'overlap'>;
  readonly slots: readonly StoredSlot[];
  readonly journals: ReadonlyMap<string, readonly StoredEntry[]>;
  /** Wall time at which `atMs` of the history is 0. */
  readonly startMs: number;
  /** By so many ms may a conductor take the clock of the board to be ahead. */
  readonly slackMs: number;
}

export function* scheduleRules({
  schedule,
  slots,
  journals,
  startMs,
  slackMs,
}: ScheduleEvidence): Violations {
  const { scheduleId, periodMs, count, catchUp, overlap } = schedule;
  const named = (slot: StoredSlot): string => `${scheduleId} at ${slot.slot.nominalMs}`;
  const fired = slots.filter(({ slot }) => slot.decision === 'fired');
  if (fired.length > count) yield `C-1401 ${scheduleId} fired ${fired.length} slots, it was to fire ${count}`;
  for (const [index, stored] of slots.entries()) {
    const { slot } = stored;
    const before = slots[index - 1]?.slot;
    if (before === undefined) continue;
    const passedOver = (slot.nominalMs - before.nominalMs) / periodMs - (slot.decision === 'fired' ? 1 : 0);
    if (slot.nominalMs <= before.nominalMs)
      yield `C-1401 ${named(stored)} was decided about after the one at ${before.nominalMs}`;
    else if (passedOver !== slot.missed + slot.skipped)
      yield `C-1402 ${named(stored)} follows the one at ${before.nominalMs}: missed ${slot.missed}, skipped ${slot.skipped}`;
    if (catchUp === 'all' && overlap === 'allow' && slot.missed > 0)
      yield `C-1402 ${named(stored)}: ${slot.missed} were missed, and all are to be caught up`;
  }
  for (const [index, stored] of fired.entries()) {
    const [posted] = journals.get(stored.slot.jobId ?? '') ?? [];
    if (posted === undefined) {
      yield `C-1401 ${named(stored)} fired, and no job was posted`;
      continue;
    }
    if (posted.order < stored.order)
      yield `C-1401 ${named(stored)}: its job was posted before it was decided`;
    const earlyMs = stored.slot.nominalMs - startMs - posted.atMs;
    if (earlyMs > slackMs)
      yield `C-1401 ${named(stored)}: its job was posted ${Math.round(earlyMs)} ms early`;
    const last = journals.get(fired[index - 1]?.slot.jobId ?? '')?.at(-1);
    if (
      overlap !== 'allow' &&
      last !== undefined &&
      (last.entry.kind !== 'terminal' || last.order > posted.order)
    )
      yield `C-1403 ${named(stored)}: its job was posted while the one before ran`;
  }
}
