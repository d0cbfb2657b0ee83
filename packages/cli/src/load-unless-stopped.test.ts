import { describe, expect, it } from '@jest/globals';
import { CapturingLogger, FakeClock } from '@baton/testkit';
import { loadUnlessStopped } from './load-unless-stopped.js';

describe('loadUnlessStopped', () => {
  function loading<T>(module: Promise<T>) {
    const runtime = { clock: new FakeClock(), logger: new CapturingLogger() };
    const stop = new AbortController();
    return {
      ...{ runtime, stop },
      loaded: loadUnlessStopped(module, { module: 'hang.mjs', signal: stop.signal, runtime }),
    };
  }
  const never = new Promise<string>(() => undefined);

  it('gives what was loaded, or why it was not', async () => {
    const { loaded, runtime } = loading(Promise.resolve('tasks'));
    await expect(loaded).resolves.toBe('tasks');
    expect(runtime.clock.pendingTimers).toBe(0);
    await expect(loading(Promise.reject(new Error('boom'))).loaded).rejects.toThrow('boom');
  });

  it('says after five seconds that it still waits', async () => {
    const { runtime } = loading(never);
    await runtime.clock.advance(4_999);
    expect(runtime.logger.messages()).toEqual([]);
    await runtime.clock.advance(1);
    expect(runtime.logger.lines).toEqual([
      { level: 'warn', message: 'worker.module.loading', fields: { module: 'hang.mjs', sinceMs: 5_000 } },
    ]);
  });

  it('gives up when a stop is asked for', async () => {
    const { loaded, stop, runtime } = loading(never);
    stop.abort();
    await expect(loaded).resolves.toBeUndefined();
    expect(runtime.clock.pendingTimers).toBe(0);
  });
});
