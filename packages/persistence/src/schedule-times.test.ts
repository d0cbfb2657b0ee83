import { describe, expect, it } from '@jest/globals';
import { checkTimes, nextSlot, slotsBetween, type ScheduleTimes } from './schedule-times.js';

const at = (iso: string): number => new Date(iso).getTime();
const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();
const berlin = (cron: string): ScheduleTimes => ({ cron, timeZone: 'Europe/Berlin' });

function slots(times: ScheduleTimes, from: string, through: string, max = 100): (string | undefined)[] {
  return slotsBetween(times, { afterMs: at(from), throughMs: at(through), max }).map(iso);
}

describe('times of a schedule (C-1401)', () => {
  it('are read in its zone', () => {
    expect(iso(nextSlot(berlin('30 2 * * *'), at('2026-01-10T12:00:00Z')))).toBe('2026-01-11T01:30:00.000Z');
    expect(iso(nextSlot(berlin('30 2 * * *'), at('2026-07-10T12:00:00Z')))).toBe('2026-07-11T00:30:00.000Z');
  });

  it('when the clock leaps forward: one a day is due right after the leap, others are left out', () => {
    expect(slots(berlin('30 2 * * *'), '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
    expect(slots(berlin('15,45 2 * * *'), '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-30T00:15:00.000Z',
      '2026-03-30T00:45:00.000Z',
    ]);
  });

  it('when the clock is put back: one a day is due the first time, others both times', () => {
    expect(slots(berlin('30 2 * * *'), '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
    ]);
    expect(slots(berlin('30 * * * *'), '2026-10-24T23:50:00Z', '2026-10-25T02:00:00Z')).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:30:00.000Z',
    ]);
  });

  it('begin with the first time, which need not be of the pattern, and may be all there is', () => {
    const first = { startAtMs: at('2026-01-01T00:00:30.250Z'), timeZone: 'UTC' };
    expect(slots({ ...first, cron: '* * * * *' }, '2025-12-31T23:00:00Z', '2026-01-01T00:02:00Z')).toEqual([
      '2026-01-01T00:00:30.250Z',
      '2026-01-01T00:01:00.000Z',
      '2026-01-01T00:02:00.000Z',
    ]);
    expect(slots(first, '2025-12-31T23:00:00Z', '2026-01-01T00:02:00Z')).toEqual([
      '2026-01-01T00:00:30.250Z',
    ]);
    expect(nextSlot(first, first.startAtMs)).toBeUndefined();
  });

  it('between two times: after the first, up to and with the second, the last of too many', () => {
    const times = { cron: '* * * * * *', timeZone: 'UTC' };
    const span = (from: string, through: string, max?: number): unknown => slots(times, from, through, max);
    expect(span('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.999Z')).toEqual([]);
    expect(span('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z')).toEqual(['2026-01-01T00:00:01.000Z']);
    expect(span('2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 2)).toEqual([
      '2025-12-31T23:59:59.000Z',
      '2026-01-01T00:00:00.000Z',
    ]);
  });

  it.each([
    [{ cron: '61 * * * *', timeZone: 'UTC' }, 'cron pattern "61 * * * *": Invalid value for minute: 61'],
    [{ cron: '* *', timeZone: 'UTC' }, 'cron pattern "* *": invalid configuration format'],
    [{ cron: '0 0 30 2 *', timeZone: 'UTC' }, 'the cron pattern 0 0 30 2 * is never due'],
    [berlin('* * * * *'), undefined],
    [{ cron: '@daily', timeZone: 'UTC' }, undefined],
    [{ cron: '* * * * *', timeZone: 'Mars/Olympus' }, 'time zone "Mars/Olympus" is not known'],
    [{ timeZone: 'UTC' }, 'a schedule needs a cron pattern, a first time, or both'],
    [{ timeZone: 'UTC', startAtMs: 5 }, 'the first time is over'],
  ])('%j: %s', (times, message) => {
    const check = (): void => checkTimes(times, at('2026-01-01T00:00:00Z'));
    if (message === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
  });
});
