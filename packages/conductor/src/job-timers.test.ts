import { expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { JobTimers } from './job-timers.js';
import { limits } from './options.js';

function timersOf(known: readonly boolean[]) {
  const { clock } = fakeRuntime();
  const asked: boolean[] = [];
  const fired: string[] = [];
  const beforeDue = async (): Promise<boolean> => {
    const isKnown = known[asked.length] ?? true;
    asked.push(isKnown);
    return isKnown;
  };
  return { clock, asked, fired, timers: new JobTimers(clock, { beforeDue, onDue: (id) => fired.push(id) }) };
}

it('a durable timer that is due fires once it is known what came before it', async () => {
  const { clock, asked, fired, timers } = timersOf([false, false, true]);
  timers.set('t', clock.wallMs() + 500);
  await clock.advance(500);
  expect([asked, fired, timers.next?.timer]).toEqual([[false], [], 't']);
  await clock.advance(2 * limits.timerPauseMs);
  expect([asked, fired, timers.next]).toEqual([[false, false, true], ['t'], undefined]);
});

it('one that was cancelled or moved by what came before it does not fire', async () => {
  const { clock } = fakeRuntime();
  const fired: string[] = [];
  const timers: JobTimers = new JobTimers(clock, {
    beforeDue: async () => {
      timers.cancel('cancelled');
      if (fired.length === 0 && clock.wallMs() < started + 600) timers.set('moved', started + 900);
      return true;
    },
    onDue: (id) => fired.push(id),
  });
  const started = clock.wallMs();
  timers.set('cancelled', started + 500);
  timers.set('moved', started + 501);
  await clock.advance(700);
  expect(fired).toEqual([]);
  await clock.advance(300);
  expect(fired).toEqual(['moved']);
});

it('while that is being asked it counts as due, so that nobody puts its job to sleep', async () => {
  const { clock } = fakeRuntime();
  const timers = new JobTimers(clock, {
    beforeDue: () => new Promise(() => undefined),
    onDue: () => undefined,
  });
  timers.set('t', clock.wallMs() + 500);
  await clock.advance(2_000);
  expect([timers.isOverdue, timers.next?.timer]).toEqual([true, 't']);
  timers.stop();
  expect(timers.isOverdue).toBe(false);
});
