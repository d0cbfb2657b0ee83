/** When a schedule is due: arithmetic over croner, which says what daylight saving does to a pattern. Asks no clock. */
import { InputError, codeOf } from '@baton/core';
import { Cron } from 'croner';

export interface ScheduleTimes {
  /**
   * Five fields, or six with seconds first, as croner reads them. A pattern with one second, minute and hour means one slot a day: where the
   * clock leaps over it, it is due right after the leap; where it comes twice, the first time. Any other pattern is due as the clock on the wall
   * shows it: times that are leapt over are left out, times that come twice are due twice.
   */
  readonly cron?: string;
  /** IANA name. */
  readonly timeZone: string;
  /** The first slot, ms since 1970, whether or not it is one of the pattern; without a pattern the only one. */
  readonly startAtMs?: number;
}

/** @throws InputError `BATON_INPUT_INVALID` for a pattern or zone that is none, or that is never due after `nowMs` */
export function checkTimes(times: ScheduleTimes, nowMs: number): void {
  const { cron, timeZone, startAtMs } = times;
  if (cron === undefined && startAtMs === undefined)
    throw invalid('a schedule needs a cron pattern, a first time, or both');
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    throw invalid(`time zone ${JSON.stringify(timeZone)} is not known: give a name such as Europe/Berlin`);
  }
  try {
    if (nextSlot(times, nowMs) === undefined)
      throw invalid(cron === undefined ? 'the first time is over' : `the cron pattern ${cron} is never due`);
  } catch (error) {
    if (codeOf(error) !== undefined) throw error;
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    throw invalid(`cron pattern ${JSON.stringify(cron)}: ${reason}`);
  }
}

/** The first slot after `afterMs`; undefined: there is none. */
export function nextSlot(times: ScheduleTimes, afterMs: number): number | undefined {
  const { startAtMs } = times;
  if (startAtMs !== undefined && startAtMs > afterMs) return startAtMs;
  return patternOf(times)?.nextRun(dateOf(afterMs))?.getTime();
}

/** The last `max` slots after `afterMs`, up to and with `throughMs`, ascending. */
export function slotsBetween(
  times: ScheduleTimes,
  { afterMs, throughMs, max }: { readonly afterMs: number; readonly throughMs: number; readonly max: number },
): readonly number[] {
  const next = nextSlot(times, afterMs);
  if (next === undefined || next > throughMs) return [];
  const first = Math.max(afterMs, times.startAtMs ?? afterMs);
  const ofPattern = patternOf(times)
    ?.previousRuns(max, dateOf(throughMs + 1))
    .map((date) => date.getTime())
    .filter((slot) => slot > first);
  return [...(next === times.startAtMs ? [next] : []), ...(ofPattern ?? []).reverse()].slice(-max);
}

/** `2027-01-31T02:00:00.000Z` */
export function isoTime(ms: number): string {
  return dateOf(ms).toISOString();
}

function dateOf(ms: number): Date {
  // eslint-disable-next-line no-restricted-globals -- croner takes dates; asks no clock
  return new Date(ms);
}

/** It starts no timer: it is given no function. */
function patternOf({ cron, timeZone }: ScheduleTimes): Cron | undefined {
  return cron === undefined ? undefined : new Cron(cron, { timezone: timeZone, mode: '5-or-6-parts' });
}

function invalid(message: string): InputError {
  return new InputError('BATON_INPUT_INVALID', message);
}
