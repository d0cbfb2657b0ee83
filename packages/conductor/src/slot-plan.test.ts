import { describe, expect, it } from '@jest/globals';
import type { Schedule, ScheduleSlot } from '@baton/persistence';
import { slotPlan } from './slot-plan.js';

const MINUTE = 60_000;
const start = Date.UTC(2030, 0, 1);
const minute = (n: number): number => start + n * MINUTE;

const schedule: Schedule = {
  ...{ scheduleId: 's', board: 'default', revision: 1, createdAtMs: start, sinceMs: start },
  ...{ cron: '* * * * *', timeZone: 'UTC', catchUp: 'none', overlap: 'allow', isPaused: false },
  post: { posting: '{}', store: {} },
};
const slot = (n: number, fired = n): ScheduleSlot => ({
  ...{ scheduleId: 's', revision: 1, nominalMs: minute(n), decision: 'fired', fired, missed: 0, skipped: 0 },
  ...{ jobId: `s-${n}`, isDone: true, atMs: minute(n) },
});
const fires = (n: number, passed: object = {}) => ({
  ...{ nominalMs: minute(n), fires: true, missed: 0, skipped: 0 },
  ...passed,
});

describe('what is next for a schedule', () => {
  it('before a slot: when it is due', () => {
    expect(slotPlan(schedule, undefined, start + 1)).toEqual({ dueAtMs: minute(1) });
    expect(slotPlan(schedule, slot(1), minute(1))).toEqual({ dueAtMs: minute(2) });
  });

  it('in time: each slot, oldest first, however many conductors came and went', () => {
    const seconds = { ...schedule, cron: '*/10 * * * * *' };
    expect(slotPlan(seconds, undefined, start + 25_000)).toEqual({ ...fires(0), nominalMs: start + 10_000 });
    expect(slotPlan(schedule, slot(1), minute(2) + 30_000)).toEqual(fires(2));
  });

  it.each([
    // from minute 2 to minute 5 nobody was there
    ['none', 40_000, { nominalMs: minute(5), fires: false, missed: 4, skipped: 0 }],
    ['none', 10_000, fires(5, { missed: 3 })],
    ['last', 40_000, fires(5, { missed: 3 })],
    ['last', 10_000, fires(5, { missed: 3 })],
    ['all', 40_000, fires(2)],
  ] as const)('after an outage, catch-up %s, %d ms after the last slot (C-1402)', (catchUp, lateMs, plan) => {
    expect(slotPlan({ ...schedule, catchUp }, slot(1), minute(5) + lateMs)).toEqual(plan);
  });

  it('catches up the last 100 at most', () => {
    expect(slotPlan({ ...schedule, catchUp: 'all' }, slot(1), minute(500))).toEqual(fires(401));
  });

  it('fires only the newest where it would cancel the others (C-1403)', () => {
    const cancelling = { ...schedule, catchUp: 'all', overlap: 'cancel-previous' } as const;
    expect(slotPlan(cancelling, slot(1), minute(5))).toEqual(fires(5, { skipped: 3 }));
  });

  it('nothing when it is paused, or all have fired', () => {
    expect(slotPlan({ ...schedule, isPaused: true }, slot(1), minute(9))).toEqual({ dueAtMs: undefined });
    expect(slotPlan({ ...schedule, count: 3 }, slot(3), minute(4))).toEqual({ dueAtMs: undefined });
    expect(slotPlan({ ...schedule, count: 3 }, slot(2), minute(3))).toEqual(fires(3));
  });

  it('what a schedule of the same id fired that was deleted does not count', () => {
    const anew = { ...schedule, createdAtMs: minute(7), sinceMs: minute(7), count: 3 };
    expect(slotPlan(anew, slot(3), minute(7))).toEqual({ dueAtMs: minute(8) });
  });

  it('nothing of before it was resumed, or its times were changed', () => {
    expect(slotPlan({ ...schedule, catchUp: 'all', sinceMs: minute(7) }, slot(1), minute(8))).toEqual(
      fires(8),
    );
  });
});
