/** H14: many jobs lose their owner at once, and several conductors see it. */
import { afterEach, expect, it } from '@jest/globals';
import { ConflictError, rendezvousRank } from '@baton/core';
import type { BoardView, Claim, JobKey } from '@baton/jobboard';
import { fakeRuntime } from '@baton/testkit';
import { ClaimLoop } from './claim-loop.js';
import { posting } from './fixtures/posting.js';

const conductors = ['c1', 'c2'];
const jobs = Array.from({ length: 200 }, (_, index): JobKey => ({ jobId: `job-${index}`, life: 0 }));

const runtime = fakeRuntime();
const loops: ClaimLoop[] = [];
/** Job → who has it. */
const owners = new Map<string, string>();
afterEach(() => {
  for (const loop of loops.splice(0)) loop.stop();
  owners.clear();
});

function seenBy(memberId: string, known = conductors): ClaimLoop {
  const loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: (key) => Promise.resolve({ ...key, posting, version: 0 }),
      claim: ({ jobId }) => {
        if (owners.has(jobId)) return Promise.reject(new ConflictError('BATON_CONFLICT_CLAIMED', 'taken'));
        owners.set(jobId, memberId);
        return Promise.resolve({ jobId } as Claim);
      },
    },
    memberId,
    runtime,
    conductors: { current: () => known, refresh: () => Promise.resolve() },
    room: () => 1_000,
    owns: (jobId) => owners.get(jobId) === memberId,
    onClaimed: () => Promise.resolve(),
  });
  loops.push(loop);
  const isAvailable: BoardView['isAvailable'] = ({ jobId }) => !owners.has(jobId);
  const relook = () => Promise.resolve();
  loop.start({ available: () => [], isAvailable, relook, close: () => undefined });
  return loop;
}

const firstChoices = (memberId: string) =>
  jobs.filter(({ jobId }) => rendezvousRank(jobId, memberId, conductors) === 0).map(({ jobId }) => jobId);
const ownedBy = (memberId: string) =>
  jobs.filter(({ jobId }) => owners.get(jobId) === memberId).map(({ jobId }) => jobId);

it('each takes those whose first choice it is, and nobody loses a claim', async () => {
  const both = conductors.map((id) => seenBy(id));
  for (const key of jobs)
    for (const loop of both) loop.offer(key, { released: true, seenAtMs: runtime.clock.monotonicMs() });
  await runtime.clock.advance(200);
  for (const memberId of conductors) expect(ownedBy(memberId)).toEqual(firstChoices(memberId));
  expect(runtime.logger.messages()).not.toContain('claim.lost-to-another');
});

it('who does not know of the other loses claims to it, and logs each', async () => {
  const both = conductors.map((id) => seenBy(id, [id]));
  for (const key of jobs)
    for (const loop of both) loop.offer(key, { released: true, seenAtMs: runtime.clock.monotonicMs() });
  await runtime.clock.advance(200);
  const lost = runtime.logger.messages().filter((message) => message === 'claim.lost-to-another');
  expect(lost).toHaveLength(jobs.length);
});

it('what its first choice does not take, another takes at a second look', async () => {
  const alone = seenBy('c1');
  for (const key of jobs) alone.offer(key, { released: true, seenAtMs: runtime.clock.monotonicMs() });
  await runtime.clock.advance(10);
  expect(ownedBy('c1')).toEqual(firstChoices('c1'));
  await runtime.clock.advance(2_000);
  expect(ownedBy('c1')).toHaveLength(jobs.length);
});
