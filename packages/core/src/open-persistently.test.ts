import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fakeRuntime } from '@baton/testkit';
import { describe, expect, it } from '@jest/globals';
import { InputError, UnavailableError } from './errors.js';
import { openPersistently } from './open-persistently.js';
import { OutageLog } from './outage-log.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const away = new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away');

/** `attempts` are what opening comes to, one after the other; the last of them for ever. */
function world(...attempts: (() => Promise<object>)[]) {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const closedLate: object[] = [];
  const atMs: number[] = [];
  let stop: () => void = () => undefined;
  const opening = openPersistently({
    open: () => {
      const attempt = attempts[Math.min(atMs.length, attempts.length - 1)] ?? (() => Promise.reject(away));
      atMs.push(clock.monotonicMs());
      return attempt();
    },
    stopped: new Promise<void>((resolve) => (stop = resolve)),
    closeLate: async (late) => closedLate.push(late),
    clock,
    outage: new OutageLog({ ...runtime, messages: { waiting: 'waiting', back: 'back' } }),
  });
  return { runtime, clock, opening, atMs, closedLate, stop: () => stop() };
}

describe('openPersistently', () => {
  it('tries again after 100 ms, doubling to 2 s, and says when the services are back', async () => {
    const service = {};
    const fail = () => Promise.reject(away);
    const { runtime, clock, opening, atMs } = world(...Array<typeof fail>(7).fill(fail), async () => service);
    expect(await clock.drive(opening)).toBe(service);
    expect(atMs).toEqual([0, 100, 300, 700, 1_500, 3_100, 5_100, 7_100]);
    expect(runtime.logger.messages()).toContain('back');
  });

  it('ends a pause when it is stopped, and leaves no timer behind', async () => {
    const { clock, opening, stop, atMs } = world(() => Promise.reject(away));
    await clock.advance(5_000);
    const tries = atMs.length;
    stop();
    expect(await opening).toBeUndefined();
    await clock.settle();
    expect([atMs.length, clock.pendingTimers]).toEqual([tries, 0]);
  });

  it.each([1, 2, 3, 4, 5, 6])('ends when it is stopped %i steps behind a failure', async (steps) => {
    let stop: () => void = () => undefined;
    const attempt = async (): Promise<never> => {
      void (async () => {
        for (let step = 0; step < steps; step++) await Promise.resolve();
        stop();
      })();
      throw away;
    };
    const opened = world(attempt);
    ({ stop } = opened);
    await opened.clock.settle();
    expect(opened.clock.pendingTimers).toBe(0);
    expect(await opened.opening).toBeUndefined();
  });

  it('closes what comes too late, for which nobody waits', async () => {
    let come: (service: object) => void = () => undefined;
    const { clock, opening, stop, closedLate } = world(() => new Promise((resolve) => (come = resolve)));
    await clock.settle();
    stop();
    expect(await opening).toBeUndefined();
    const late = {};
    come(late);
    await clock.settle();
    expect(closedLate).toEqual([late]);
  });

  it('rejects with whatever waiting does not mend', async () => {
    const wrong = new InputError('BATON_INPUT_INVALID', 'wrong');
    await expect(world(() => Promise.reject(wrong)).opening).rejects.toBe(wrong);
  });

  it('leaves nothing with a stop that is long in coming, neither what it opened nor why it could not', async () => {
    const { clock } = fakeRuntime();
    const silent = () => undefined; // lines hold the errors
    const logger = { debug: silent, info: silent, warn: silent, error: silent };
    const stopped = new Promise<void>(() => undefined);
    const made: WeakRef<object>[] = [];
    const noted = <M extends object>(one: M): M => {
      made.push(new WeakRef(one));
      return one;
    };
    for (let sessions = 0; sessions < 10; sessions++) {
      let failures = 10;
      await clock.drive(
        openPersistently({
          open: () =>
            failures-- > 0
              ? Promise.reject(noted(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away')))
              : Promise.resolve(noted({})),
          stopped,
          closeLate: () => Promise.resolve(),
          clock,
          outage: new OutageLog({ clock, logger, messages: { waiting: 'waiting', back: 'back' } }),
        }),
      );
    }
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(made).toHaveLength(110);
    expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThan(5);
    expect(stopped).toBeInstanceOf(Promise); // so it is not collected itself
  });
});
