import { describe, expect, it } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import type { BoardView, Claim, FoundJob, JobKey } from '@baton/jobboard';
import { fakeRuntime } from '@baton/testkit';
import { ClaimLoop } from './claim-loop.js';
import { posting } from './fixtures/posting.js';

const key: JobKey = { jobId: 'job', life: 0 };
const found: FoundJob = { ...key, posting, version: 0 };

/** A board with one free job; `find` answers as the test says. Listed: it is there from the start. */
function loopOver(find: () => Promise<FoundJob | undefined>, { isListed = true, refreshMs = 0 } = {}) {
  const runtime = fakeRuntime();
  const claimed: string[] = [];
  const asked: number[] = [];
  let isFree = true;
  const loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: () => {
        asked.push(runtime.clock.monotonicMs());
        return find();
      },
      claim: ({ jobId }) => {
        claimed.push(jobId);
        isFree = false;
        return Promise.resolve({ jobId } as Claim);
      },
    },
    memberId: 'c1',
    runtime,
    conductors: {
      current: () => ['c1'],
      refresh: () => new Promise((resolve) => runtime.clock.setTimer(refreshMs, resolve)),
    },
    room: () => 10,
    owns: (jobId) => claimed.includes(jobId),
    onClaimed: () => Promise.resolve(),
  });
  const view: BoardView = {
    available: () => (isFree && isListed ? [key] : []),
    isAvailable: () => isFree,
    relook: () => Promise.resolve(),
    close: () => undefined,
  };
  loop.start(view);
  return { loop, runtime, claimed, asked };
}

const away = () => Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));

describe('the claim loop', () => {
  it.each(['fresh', 'released'])('claims a %s job whose posting could not be read at first', async (how) => {
    let failures = 3;
    const find = () => (failures-- > 0 ? away() : Promise.resolve(found));
    const { loop, runtime, claimed } = loopOver(find, { isListed: how === 'fresh' });
    if (how === 'released') loop.offer(key, { released: true, seenAtMs: 0 });
    await runtime.clock.advance(2_000);
    expect(claimed).toEqual(['job']);
    loop.stop();
  });

  it('claims a released job whose posting could not be read while the conductors were still being listed', async () => {
    let failures = 1;
    const find = () => (failures-- > 0 ? away() : Promise.resolve(found));
    const { loop, runtime, claimed } = loopOver(find, { isListed: false, refreshMs: 1_000 });
    loop.offer(key, { released: true, seenAtMs: 0 });
    await runtime.clock.advance(10_000);
    expect(claimed).toEqual(['job']);
    loop.stop();
  });

  it('asks less and less often for a posting that cannot be read', async () => {
    const { loop, runtime, asked } = loopOver(away);
    await runtime.clock.advance(60_000);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(25);
    loop.stop();
  });

  it('waits no longer for a job that was given back than it was given back for, whatever the clock of its former owner said', async () => {
    const pause = { notBeforeMs: fakeRuntime().clock.wallMs() + 600_000, pauseMs: 1_000 };
    const { loop, runtime, claimed } = loopOver(() =>
      Promise.resolve({ ...found, posting: { ...posting, ...pause } }),
    );
    await runtime.clock.advance(950);
    expect(claimed).toEqual([]);
    await runtime.clock.advance(100);
    expect(claimed).toEqual(['job']);
    loop.stop();
  });

  it('waits no longer for a job that was given back than a pause may last, whatever the clock of its former owner said', async () => {
    const notBeforeMs = fakeRuntime().clock.wallMs() + 3_600_000;
    const { loop, runtime, claimed } = loopOver(() =>
      Promise.resolve({ ...found, posting: { ...posting, notBeforeMs } }),
    );
    await runtime.clock.advance(290_000);
    expect(claimed).toEqual([]);
    await runtime.clock.advance(20_000);
    expect(claimed).toEqual(['job']);
    loop.stop();
  });

  it('does not wait on for a job that had an owner meanwhile and lost it', async () => {
    const notBeforeMs = fakeRuntime().clock.wallMs() + 3_600_000;
    let answer: FoundJob = { ...found, posting: { ...posting, notBeforeMs } };
    const { loop, runtime, claimed } = loopOver(() => Promise.resolve(answer));
    await runtime.clock.advance(10_000);
    answer = { ...found, version: 2 };
    loop.offer(key, { released: true, seenAtMs: runtime.clock.monotonicMs() });
    await runtime.clock.advance(50);
    expect(claimed).toEqual(['job']);
    loop.stop();
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  it.each([{ protocolVersion: 2 }, { namespace: 'other' }])(
    'leaves a posting with %j to others, and does not read it again for each job that ends',
    async (foreign) => {
      const job = { ...found, posting: { ...posting, ...foreign } };
      const { loop, runtime, claimed, asked } = loopOver(() => Promise.resolve(job));
      await runtime.clock.advance(1_000);
      loop.refill();
      await runtime.clock.advance(1_000);
      expect(asked).toHaveLength(1);
      expect(claimed).toEqual([]);
      loop.stop();
    },
  );

  it('claims a posting that was foreign when the board offers it anew', async () => {
    let answer: FoundJob = { ...found, posting: { ...posting, protocolVersion: 2 } };
    const { loop, runtime, claimed } = loopOver(() => Promise.resolve(answer));
    await runtime.clock.advance(1_000);
    answer = found;
    loop.offer(key, { released: false, seenAtMs: runtime.clock.monotonicMs() });
    await runtime.clock.advance(1_000);
    expect(claimed).toEqual(['job']);
    loop.stop();
  });

  it('remembers no more foreign postings than the board shows, though no job of its own ever ends', async () => {
    const runtime = fakeRuntime();
    let looks = 0;
    const loop = new ClaimLoop({
      board: {
        headHint: () => Promise.resolve(undefined),
        find: (job) => Promise.resolve({ ...job, posting: { ...posting, namespace: 'other' }, version: 0 }),
        claim: () => Promise.reject(new Error('not ours')),
      },
      memberId: 'c1',
      runtime,
      conductors: { current: () => ['c1'], refresh: () => Promise.resolve() },
      room: () => 10,
      owns: () => false,
      onClaimed: () => Promise.resolve(),
    });
    const isAvailable = (): boolean => looks++ < 0; // somebody else has taken it
    const relook = () => Promise.resolve();
    loop.start({ available: () => [], isAvailable, relook, close: () => undefined });
    for (let job = 0; job < 5_000; job++) {
      loop.offer({ jobId: `job-${job}`, life: 0 }, { released: false, seenAtMs: 0 });
      if (job % 100 === 0) await runtime.clock.advance(1);
    }
    await runtime.clock.advance(100);
    looks = 0;
    loop.refill();
    await runtime.clock.advance(100);
    expect(looks).toBeLessThan(1_000);
    loop.stop();
  });

  it('forgets a job that is gone', async () => {
    const { loop, runtime, asked } = loopOver(() => Promise.resolve(undefined));
    await runtime.clock.advance(60_000);
    expect(asked).toHaveLength(1);
    loop.stop();
  });
});
