import { afterEach, expect, it } from '@jest/globals';
import type { Claim, JobKey } from '@baton/jobboard';
import { fakeRuntime } from '@baton/testkit';
import { ClaimLoop } from './claim-loop.js';
import type { ClaimCourse } from './claim-loop.js';
import { posting } from './fixtures/posting.js';

const maxJobs = 3;
const jobs = Array.from({ length: 10 }, (_, index): JobKey => ({ jobId: `job-${index}`, life: 0 }));
const runtime = fakeRuntime();
const claimed = new Set<string>();
const ends: (() => void)[] = [];
let loop: ClaimLoop;
afterEach(() => loop.stop());

it('claims that take long make room in the window, and for no more jobs than may be owned (P-507)', async () => {
  loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: (key) => Promise.resolve({ ...key, posting, version: 1 }),
      claim: ({ jobId }) => Promise.resolve({ jobId } as Claim),
    },
    memberId: 'c1',
    runtime,
    conductors: { current: () => ['c1'], refresh: () => Promise.resolve() },
    room: () => maxJobs,
    owns: () => false,
    onClaimed: ({ jobId }: Claim, course: ClaimCourse) => {
      claimed.add(jobId);
      course.stepAside();
      course.stepAside();
      return new Promise((resolve) => ends.push(resolve));
    },
  });
  loop.start({
    available: () => jobs,
    isAvailable: ({ jobId }) => !claimed.has(jobId),
    relook: () => Promise.resolve(),
    close: () => undefined,
  });
  await runtime.clock.advance(100);
  expect(claimed.size).toBe(maxJobs);
  ends.shift()?.();
  await runtime.clock.advance(100);
  expect(claimed.size).toBe(maxJobs + 1);
});
