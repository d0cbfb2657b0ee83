/** H14: many jobs lose their owner at once, and several conductors see it. */
import { afterEach, expect, it } from '@jest/globals';
import { ConflictError, rendezvousRank } from '@baton/core';
import type { BoardView, Claim, JobKey } from '@baton/jobboard';
import { fakeRuntime } from '@baton/testkit';
import { ClaimLoop } from './claim-loop.js';
import { posting } from './fixtures/posting.js';
import { limits } from './options.js';

const conductors = ['c1', 'c2', 'c3'];
const jobs = Array.from({ length: 1_200 }, (_, index): JobKey => ({ jobId: `job-${index}`, life: 0 }));

let runtime = fakeRuntime();
const loops: ClaimLoop[] = [];
/** Job → who has it. */
const owners = new Map<string, string>();
/** Postings that were read, by member. */
const finds = new Map<string, number>();
/** What the others have heard of. */
const seen = new Set<string>();
afterEach(() => {
  for (const loop of loops.splice(0)) loop.stop();
  owners.clear();
  finds.clear();
  seen.clear();
  runtime = fakeRuntime();
});

const later = (ms: number) => new Promise<void>((resolve) => runtime.clock.setTimer(ms, resolve));

interface Seen {
  readonly known?: readonly string[];
  readonly room?: () => number;
  /** Until a claimed job is owned, by the number of those that were claimed before. */
  readonly installMs?: (claimed: number) => number;
  readonly notBeforeMs?: number;
}

function seenBy(
  memberId: string,
  { known = conductors, room = () => 2_000, installMs = () => 0, notBeforeMs = 0 }: Seen = {},
) {
  let claimed = 0;
  const loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: (key) => {
        finds.set(memberId, (finds.get(memberId) ?? 0) + 1);
        return Promise.resolve({ ...key, posting: { ...posting, notBeforeMs }, version: 0 });
      },
      claim: ({ jobId }) => {
        if (owners.has(jobId)) return Promise.reject(new ConflictError('BATON_CONFLICT_CLAIMED', 'taken'));
        owners.set(jobId, memberId);
        runtime.clock.setTimer(20, () => seen.add(jobId));
        return Promise.resolve({ jobId } as Claim);
      },
    },
    memberId,
    runtime,
    conductors: { current: () => known, refresh: () => Promise.resolve() },
    room: () => room() - ownedBy(memberId).length,
    owns: (jobId) => owners.get(jobId) === memberId,
    onClaimed: () => later(installMs(claimed++)),
  });
  loops.push(loop);
  const isAvailable: BoardView['isAvailable'] = ({ jobId }) => !seen.has(jobId);
  const relook = () => Promise.resolve();
  loop.start({ available: () => [], isAvailable, relook, close: () => undefined });
  return loop;
}

const firstChoices = (memberId: string) =>
  jobs.filter(({ jobId }) => rendezvousRank(jobId, memberId, conductors) === 0).map(({ jobId }) => jobId);
const ownedBy = (memberId: string) =>
  jobs.filter(({ jobId }) => owners.get(jobId) === memberId).map(({ jobId }) => jobId);
const lostClaims = () =>
  runtime.logger.messages().filter((message) => message === 'claim.lost-to-another').length;

function offerAll(to: readonly ClaimLoop[]): void {
  for (const key of jobs)
    for (const loop of to) loop.offer(key, { released: true, seenAtMs: runtime.clock.monotonicMs() });
}

it('each takes those whose first choice it is, and nobody loses a claim', async () => {
  offerAll(conductors.map((id) => seenBy(id)));
  await runtime.clock.advance(200);
  for (const memberId of conductors) expect(ownedBy(memberId)).toEqual(firstChoices(memberId));
  expect(lostClaims()).toBe(0);
});

it('each reads the postings of its share, and of what was freed first', async () => {
  offerAll(conductors.map((id) => seenBy(id)));
  await runtime.clock.advance(200);
  for (const memberId of conductors)
    expect(finds.get(memberId)).toBeLessThan(firstChoices(memberId).length + 2 * limits.inspectWindow);
});

it('nor where the share of each takes seconds, a hundred at a time, and one is done before the others', async () => {
  const paces = [1_000, 1_010, 1_400];
  offerAll(
    conductors.map((id, n) => seenBy(id, { installMs: (claimed) => (paces[n] ?? 0) + (claimed % 100) })),
  );
  await runtime.clock.advance(10_000);
  expect(owners.size).toBe(jobs.length);
  expect(lostClaims()).toBe(0);
});

it('what somebody else took while it waited for room is not claimed', async () => {
  let room = 0;
  const loop = seenBy('c1', { known: ['c1'], room: () => room });
  offerAll([loop]);
  await runtime.clock.advance(1_000);
  for (const { jobId } of jobs) {
    owners.set(jobId, 'c2');
    seen.add(jobId);
  }
  room = 2_000;
  loop.refill();
  await runtime.clock.advance(1_000);
  expect(lostClaims()).toBe(0);
});

it('with room again, those whose first choice it is go before what others are at', async () => {
  const known = ['c1', 'c2'];
  let room = 0;
  const loop = seenBy('c1', { known, room: () => room });
  offerAll([loop]);
  const atWork = async (isFirst: (jobId: string) => boolean, times: number): Promise<void> => {
    for (const { jobId } of jobs
      .filter((job) => !seen.has(job.jobId) && isFirst(job.jobId))
      .slice(0, times)) {
      await runtime.clock.advance(60);
      owners.set(jobId, 'c2');
      seen.add(jobId);
    }
  };
  const isOfOther = (jobId: string): boolean => rendezvousRank(jobId, 'c2', known) === 0;
  await atWork(isOfOther, 40);
  room = 2_000;
  loop.refill();
  await atWork(isOfOther, 10);
  expect(ownedBy('c1').length).toBeGreaterThan(500);
  expect(ownedBy('c1').filter(isOfOther)).toEqual([]);
});

it('who does not know of the others loses claims to them, and logs each', async () => {
  offerAll(conductors.map((id) => seenBy(id, { known: [id] })));
  await runtime.clock.advance(10);
  expect(lostClaims()).toBeGreaterThan(100);
});

it('what its first choice does not take, another takes at a second look', async () => {
  const alone = seenBy('c1');
  offerAll([alone]);
  await runtime.clock.advance(10);
  expect(ownedBy('c1')).toEqual(firstChoices('c1'));
  await runtime.clock.advance(490);
  expect(ownedBy('c1')).toHaveLength(jobs.length);
});

it('what its first choice has no room for is shared by the others, without a claim in vain', async () => {
  offerAll([seenBy('c1', { room: () => 10 }), seenBy('c2'), seenBy('c3')]);
  await runtime.clock.advance(500);
  expect(owners.size).toBe(jobs.length);
  expect(ownedBy('c1')).toHaveLength(10);
  expect(lostClaims()).toBe(0);
});

it('what was given back with a pause is claimed by its first choice when that ends, and by another if that one is gone', async () => {
  const notBeforeMs = runtime.clock.wallMs() + 5_000;
  const [gone, ...others] = conductors.map((id) => seenBy(id, { notBeforeMs }));
  offerAll([...others, gone as ClaimLoop]);
  await runtime.clock.advance(4_000);
  gone?.stop();
  await runtime.clock.advance(1_050);
  expect(owners.size).toBe(jobs.length - firstChoices('c1').length);
  await runtime.clock.advance(400);
  expect(owners.size).toBe(jobs.length);
  expect(lostClaims()).toBe(0);
});
