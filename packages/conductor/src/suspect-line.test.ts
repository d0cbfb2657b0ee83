import { expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { limits } from './options.js';
import { SuspectLine } from './suspect-line.js';

function line() {
  const { clock } = fakeRuntime();
  const suspects = new SuspectLine(clock);
  const inFront: string[] = [];
  for (const jobId of ['a', 'b', 'c']) void suspects.enter(jobId).then(() => inFront.push(jobId));
  return { clock, suspects, inFront };
}

it('lets the next suspect pass when the one in front has moved, wherever those behind it have gone', async () => {
  const { clock, suspects, inFront } = line();
  await clock.advance(0);
  expect(inFront).toEqual(['a']);
  suspects.leave('b');
  suspects.leave('unknown');
  await clock.advance(0);
  expect(inFront).toEqual(['a']);
  suspects.leave('a');
  await clock.advance(0);
  expect(inFront).toEqual(['a', 'c']);
  suspects.close();
});

it('does not wait for a suspect that only hangs', async () => {
  const { clock, suspects, inFront } = line();
  await clock.advance(limits.suspectMs - 1);
  expect(inFront).toEqual(['a']);
  await clock.advance(1);
  expect(inFront).toEqual(['a', 'b']);
  suspects.close();
  await clock.advance(limits.suspectMs);
  expect(inFront).toEqual(['a', 'b']);
});

it('lets nobody pass after its end', async () => {
  const { clock, suspects, inFront } = line();
  suspects.close();
  void suspects.enter('late').then(() => inFront.push('late'));
  await clock.advance(2 * limits.suspectMs);
  expect(inFront).toEqual(['a']);
  expect(clock.pendingTimers).toBe(0);
});
