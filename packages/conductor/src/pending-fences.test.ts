import { fakeRuntime } from '@baton/testkit';
import { expect, it } from '@jest/globals';
import { limits } from './options.js';
import { PendingFences } from './pending-fences.js';

it('a fence that hangs is waited for no longer than the limit, and not at all by those that come later', async () => {
  const { clock } = fakeRuntime();
  const fences = new PendingFences(clock);
  fences.begin();
  const waited: string[] = [];
  void fences
    .begin()
    .others()
    .then(() => waited.push('first'));
  await clock.advance(limits.fencesFirstMs - 1);
  expect(waited).toEqual([]);
  await clock.advance(1);
  expect(waited).toEqual(['first']);
  const late = fences.begin();
  late.settled();
  void late.others().then(() => waited.push('late'));
  await clock.settle();
  expect(waited).toEqual(['first', 'late']);
});
