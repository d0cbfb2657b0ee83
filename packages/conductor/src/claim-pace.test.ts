import { expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { ClaimPace } from './claim-pace.js';

function paced() {
  const { clock } = fakeRuntime();
  return { clock, pace: new ClaimPace(clock) };
}

it('with a place whenever one is wanted, nobody is waited for', async () => {
  const { clock, pace } = paced();
  for (let claim = 0; claim < 5; claim++) {
    await clock.advance(400);
    pace.begins(false);
  }
  expect(pace.patienceMs(false)).toBe(0);
});

it('a full window makes patient while it lasts, for a while after it, and no longer than the rush', async () => {
  const { clock, pace } = paced();
  pace.begins(true);
  await clock.advance(300);
  expect(pace.patienceMs(true)).toBe(600);
  await clock.advance(300);
  pace.begins(true);
  pace.begins(false);
  await clock.advance(9_000);
  expect(pace.patienceMs(false)).toBe(1_200);
  await clock.advance(2_000);
  expect(pace.patienceMs(false)).toBe(0);
  pace.begins(true);
  expect(pace.patienceMs(false)).toBeGreaterThan(0);
  pace.forget();
  expect(pace.patienceMs(false)).toBe(0);
});

it('the longest of the last pauses counts', async () => {
  const { clock, pace } = paced();
  for (const pauseMs of [500, 1, 30, 1]) {
    await clock.advance(pauseMs);
    pace.begins(true);
  }
  expect(pace.patienceMs(true)).toBe(1_000);
});

it('claims that hang are no reason to wait for ever', async () => {
  const { clock, pace } = paced();
  pace.begins(true);
  await clock.advance(60_000);
  expect(pace.patienceMs(true)).toBe(5_000);
});
