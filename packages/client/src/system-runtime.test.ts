import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from './system-runtime.js';

const DAY_MS = 86_400_000;

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
afterEach(() => void jest.useRealTimers());

describe('a timer of the system clock', () => {
  it('waits as long as it was told, also longer than Node can wait at once', () => {
    const fired: string[] = [];
    for (const days of [1, 24.8, 30, 100]) systemClock.setTimer(days * DAY_MS, () => fired.push(`${days} d`));
    jest.advanceTimersByTime(DAY_MS - 1);
    expect(fired).toEqual([]);
    jest.advanceTimersByTime(29 * DAY_MS);
    expect(fired).toEqual(['1 d', '24.8 d']);
    jest.advanceTimersByTime(1);
    expect(fired).toEqual(['1 d', '24.8 d', '30 d']);
    jest.advanceTimersByTime(70 * DAY_MS - 1);
    expect(fired).toHaveLength(3);
    jest.advanceTimersByTime(1);
    expect(fired).toHaveLength(4);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('can be cancelled at any time of a long wait', () => {
    let fired = 0;
    for (const afterDays of [0, 40]) {
      const cancel = systemClock.setTimer(90 * DAY_MS, () => fired++);
      jest.advanceTimersByTime(afterDays * DAY_MS);
      cancel();
      expect(jest.getTimerCount()).toBe(0);
    }
    expect(fired).toBe(0);
  });
});
