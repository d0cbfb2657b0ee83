import { expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { BackOff } from './back-off.js';

it('pauses grow to 2 s and end anywhere in their second half, so that after an outage not everybody comes at once (H61)', async () => {
  const ends = new Set<number>();
  const longest = [50, 100, 200, 400, 800, 1_600, 2_000, 2_000];
  for (let seed = 1; seed <= 20; seed++) {
    const runtime = fakeRuntime({ seed });
    const { clock } = runtime;
    const backOff = new BackOff(runtime);
    for (const mostMs of longest) {
      const startedMs = clock.monotonicMs();
      await clock.drive(backOff.pause());
      const tookMs = clock.monotonicMs() - startedMs;
      expect(tookMs).toBeGreaterThanOrEqual(mostMs / 2);
      expect(tookMs).toBeLessThanOrEqual(mostMs);
      ends.add(tookMs / mostMs);
    }
  }
  expect(ends.size).toBeGreaterThan(100);
});
