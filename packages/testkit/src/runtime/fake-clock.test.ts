import { describe, expect, it } from '@jest/globals';
import { FakeClock } from './fake-clock.js';

describe('FakeClock', () => {
  it('runs timers by due time, equal ones in the order of setting, each at its own time', async () => {
    const clock = new FakeClock();
    const seen: [string, number][] = [];
    const note = (name: string) => () => void seen.push([name, clock.monotonicMs()]);
    clock.setTimer(20, note('c'));
    clock.setTimer(10, note('a'));
    clock.setTimer(10, note('b'));
    clock.setTimer(31, note('later'));
    await clock.advance(30);
    expect(seen).toEqual([
      ['a', 10],
      ['b', 10],
      ['c', 20],
    ]);
    expect([clock.monotonicMs(), clock.pendingTimers]).toEqual([30, 1]);
  });

  it('lets promise reactions and immediates run between two timers of the same time', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    clock.setTimer(5, () => {
      seen.push('first');
      void Promise.resolve().then(() => seen.push('reaction'));
      clock.setImmediate(() => seen.push('immediate'));
    });
    clock.setTimer(5, () => seen.push('second'));
    await clock.advance(5);
    expect(seen).toEqual(['first', 'reaction', 'immediate', 'second']);
  });

  it('runs timers that are set while time passes, when they are due within it', async () => {
    const clock = new FakeClock();
    const seen: number[] = [];
    const again = (): void => {
      seen.push(clock.monotonicMs());
      if (seen.length < 9) clock.setTimer(10, again);
    };
    clock.setTimer(10, again);
    await clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
  });

  it('does not run what was cancelled', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const cancel = clock.setTimer(5, () => calls++);
    cancel();
    cancel();
    await clock.advance(10);
    expect([calls, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('settle stands still in time; a later turn is not the same turn', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    clock.setImmediate(() => {
      seen.push('1');
      clock.setImmediate(() => seen.push('3'));
    });
    clock.setImmediate(() => seen.push('2'));
    expect(seen).toEqual([]);
    await clock.settle();
    expect(seen).toEqual(['1', '2', '3']);
    expect(clock.monotonicMs()).toBe(0);
  });

  it('drive lets just enough time pass and gives the result or the error', async () => {
    const clock = new FakeClock();
    const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
    const work = async (): Promise<string> => {
      await wait(1_000);
      await wait(500);
      return 'done';
    };
    expect(await clock.drive(work())).toBe('done');
    expect(clock.monotonicMs()).toBe(1_500);
    await expect(clock.drive(Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('drive tells when it takes too long or can never end', async () => {
    const clock = new FakeClock();
    const slow = new Promise<void>((resolve) => clock.setTimer(1_000, resolve));
    await expect(clock.drive(slow, { withinMs: 100 })).rejects.toThrow('not settled within 100 virtual ms');
    await clock.advance(1_000);
    await expect(clock.drive(new Promise(() => undefined))).rejects.toThrow('cannot settle');
  });

  it('advanceUntil stops at the moment it holds', async () => {
    const clock = new FakeClock();
    let ready = false;
    clock.setTimer(70, () => (ready = true));
    clock.setTimer(90, () => undefined);
    await clock.advanceUntil(() => ready);
    expect(clock.monotonicMs()).toBe(70);
    await expect(clock.advanceUntil(() => false, { withinMs: 1_000 })).rejects.toThrow('did not happen');
  });

  it('gives what a callback throws to whoever moves it, and refuses to be moved twice at once', async () => {
    const clock = new FakeClock();
    clock.setTimer(1, () => {
      throw new Error('from a timer');
    });
    await expect(clock.advance(1)).rejects.toThrow('from a timer');
    const first = clock.advance(1);
    await expect(clock.advance(1)).rejects.toThrow('being moved already');
    await first;
  });
});
