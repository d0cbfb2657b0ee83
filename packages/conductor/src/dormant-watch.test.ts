import { expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { DormantWatch } from './dormant-watch.js';
import { SessionTimers } from './session-timers.js';

/** A survivor that listed its share of 256 buckets first claimed the jobs of the dead one 23 ms later (`npm run bench -- takeover`). */
it('lets the jobs of a conductor that died go before its share of the dormant ones, and lists that little by little', async () => {
  const runtime = fakeRuntime();
  const timers = new SessionTimers(runtime.clock);
  let conductors = ['c1', 'c2'];
  const listed = new Set<number>();
  let underWay = 0;
  let most = 0;
  const list = async (bucket: number) => {
    listed.add(bucket);
    most = Math.max(most, ++underWay);
    await new Promise<void>((resolve) => runtime.clock.setTimer(1, resolve));
    underWay--;
    return [];
  };
  const watch = new DormantWatch({
    ...{ runtime, timers, memberId: 'c1', conductors: () => conductors },
    ...{ board: { dormant: { list } } as never, commands: {} as never },
  });
  watch.start();
  await runtime.clock.advance(1_000);
  const before = listed.size;
  expect(before).toBeGreaterThan(64);
  expect(before).toBeLessThan(192);

  listed.clear();
  conductors = ['c1'];
  watch.share();
  await runtime.clock.advance(90);
  expect(listed.size).toBe(0);
  // not until the sweep, which lists some of its own
  await runtime.clock.advance(500);
  expect(listed.size).toBe(256 - before);
  expect(most).toBeLessThanOrEqual(16);
  timers.stop();
});
