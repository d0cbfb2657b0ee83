import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnavailableError, rendezvousFirst, rendezvousRank } from '@baton/core';
import type { JobKey } from '@baton/jobboard';
import { fakeRuntime } from '@baton/testkit';
import { SecondLook } from './second-look.js';

const all = ['c1', 'c2', 'c3'];
const names = Array.from({ length: 500 }, (_, n) => `job-${n}`);
/** Of these, c1 is the second or third choice. */
const leftTo = (first: string, rank = 1) =>
  names.filter((id) => rendezvousFirst(id, all) === first && rendezvousRank(id, 'c1', all) === rank);

let runtime = fakeRuntime();
let conductors = all;
let look: SecondLook<{ readonly key: JobKey }>;
let taken: string[] = [];
/** What the copy of the board does not show as free; and what it shows only after a fresh listing. */
let [gone, unseen] = [new Set<string>(), new Set<string>()];
let here = { hasRoom: true, isWindowFull: false, isCutOff: false };
let listed: string[] = [];

beforeEach(() => {
  runtime = fakeRuntime();
  conductors = all;
  [taken, listed] = [[], []];
  [gone, unseen] = [new Set(), new Set()];
  here = { hasRoom: true, isWindowFull: false, isCutOff: false };
  look = new SecondLook({
    memberId: 'c1',
    runtime,
    conductors: () => conductors,
    isFree: ({ jobId }) => !gone.has(jobId),
    relook: (jobIds) => {
      listed.push(...jobIds);
      if (here.isCutOff)
        return Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));
      for (const jobId of unseen) gone.add(jobId);
      return Promise.resolve();
    },
    isWindowFull: () => here.isWindowFull,
    hasRoom: () => here.hasRoom,
    take: (candidates) => taken.push(...candidates.map(({ key }) => key.jobId)),
    after: (delayMs, callback) => runtime.clock.setTimer(delayMs, callback),
  });
});
afterEach(async () => {
  look.clear();
  await runtime.clock.advance(1_000);
  expect(runtime.clock.pendingTimers).toBe(0);
});

const leave = (...jobIds: readonly string[]) => {
  for (const jobId of jobIds) look.leave({ key: { jobId, life: 0 } });
};
/** Somebody takes one of these every so often. */
async function work(jobIds: readonly string[], everyMs: number): Promise<void> {
  for (const jobId of jobIds) {
    await runtime.clock.advance(everyMs);
    gone.add(jobId);
  }
}

/** With more to claim than places, the next place comes after so long. */
async function pauseHere(ms: number): Promise<void> {
  here.isWindowFull = true;
  look.claimBegins();
  await runtime.clock.advance(ms);
  look.claimBegins();
}

describe('what is left to its first choice', () => {
  it('is never taken, nor listed, while that one gets on with it', async () => {
    const jobs = leftTo('c2').slice(0, 50);
    leave(...jobs);
    await work(jobs, 15);
    await runtime.clock.advance(1_000);
    expect([taken, listed]).toEqual([[], []]);
  });

  it('is taken soon when nobody makes progress, behind a fresh listing', async () => {
    const jobs = leftTo('c2').slice(0, 50);
    leave(...jobs);
    await runtime.clock.advance(95);
    expect(taken).toEqual([]);
    await runtime.clock.advance(50);
    expect(taken).toEqual(jobs);
    expect(listed).toEqual(jobs);
  });

  it('is taken when the progress ends', async () => {
    const jobs = leftTo('c2').slice(0, 50);
    leave(...jobs);
    await work(jobs.slice(0, 40), 15);
    await runtime.clock.advance(150);
    expect(taken).toEqual(jobs.slice(40));
  });

  it('is taken though another first choice makes progress', async () => {
    const [idle, busy] = [leftTo('c2').slice(0, 5), leftTo('c3').slice(0, 20)];
    leave(...idle, ...busy);
    await work(busy.slice(0, 10), 15);
    expect(taken).toEqual(idle);
  });

  it('is left where only the fresh listing shows that it was taken, and the rest for as long again', async () => {
    const jobs = leftTo('c2').slice(0, 5);
    unseen = new Set(jobs.slice(0, 1));
    leave(...jobs);
    await runtime.clock.advance(145);
    expect(listed).toEqual(jobs);
    expect(taken).toEqual([]);
    await runtime.clock.advance(150);
    expect(taken).toEqual(jobs.slice(1));
  });

  it('goes to the second in rank before the third', async () => {
    const [second, third] = [leftTo('c2', 1).slice(0, 5), leftTo('c3', 2).slice(0, 5)];
    leave(...third, ...second);
    await runtime.clock.advance(145);
    expect(taken).toEqual(second);
    await runtime.clock.advance(40);
    expect(taken).toEqual([...second, ...third]);
  });

  it('is taken at once when its first choice is gone and this conductor the next, and not when that is another', async () => {
    const [mine, others] = [leftTo('c2', 1).slice(0, 5), leftTo('c2', 2).slice(0, 5)];
    leave(...mine, ...others);
    conductors = ['c1', 'c3'];
    await runtime.clock.advance(35);
    expect(taken).toEqual(mine);
    await work(others, 15);
    expect(taken).toEqual(mine);
  });

  it('does not wait for what came later: new ones are taken all the time, and this one never is', async () => {
    const [stuck = '', ...others] = leftTo('c2');
    leave(stuck);
    here.hasRoom = false; // else it would be taken as it has waited for so long
    for (const jobId of Array.from({ length: 1_000 }, (_, n) => `${others[n % others.length] ?? ''}`)) {
      gone.delete(jobId);
      leave(jobId);
      await work([jobId], 20);
    }
    expect(taken).toContain(stuck);
  });

  it('is taken after a second though its first choice goes on one by one, but for one that is busy itself', async () => {
    const jobs = leftTo('c2').slice(0, 100);
    leave(...jobs);
    here.hasRoom = false;
    await work(jobs.slice(0, 30), 50);
    expect(taken).toEqual([]);
    here.hasRoom = true;
    await work(jobs.slice(30, 45), 60);
    expect(taken).toEqual([]);
    await work(jobs.slice(45, 50), 60);
    expect(taken).toEqual(expect.arrayContaining(jobs.slice(50)));
  });

  it('goes behind the own claims of this conductor, and is then waited for as long as ever', async () => {
    const jobs = leftTo('c2').slice(0, 5);
    leave(...jobs);
    await pauseHere(250);
    await pauseHere(250);
    here.isWindowFull = false;
    await runtime.clock.advance(400);
    expect(taken).toEqual([]);
    await runtime.clock.advance(400);
    expect(taken).toEqual(jobs);
  });

  it('is learned of by one that can claim nothing, when nobody makes progress', async () => {
    const jobs = leftTo('c2').slice(0, 5);
    here.hasRoom = false;
    leave(...jobs);
    await runtime.clock.advance(340);
    expect(taken).toEqual([]);
    await runtime.clock.advance(200);
    expect(taken).toEqual(jobs);
  });

  it.each(['places', 'none'])(
    'waits for pauses as long as those made here, with %s for claims',
    async (how) => {
      const jobs = leftTo('c2').slice(0, 5);
      await pauseHere(1_000);
      here = { ...here, isWindowFull: false, hasRoom: how === 'places' };
      leave(...jobs);
      await work(jobs.slice(0, 1), 1_400);
      await runtime.clock.advance(1_500);
      expect(taken).toEqual([]);
      await runtime.clock.advance(1_100);
      expect(taken).toEqual(jobs.slice(1));
    },
  );

  it('does not wait for pauses of a rush that is over', async () => {
    const [before = '', ...jobs] = leftTo('c2').slice(0, 5);
    leave(before);
    await pauseHere(1_000);
    here.isWindowFull = false;
    gone.add(before);
    await runtime.clock.advance(200);
    leave(...jobs);
    await runtime.clock.advance(145);
    expect(taken).toEqual(jobs);
  });

  it('stays where it is while the board cannot be listed', async () => {
    const jobs = leftTo('c2').slice(0, 5);
    here.isCutOff = true;
    leave(...jobs);
    await runtime.clock.advance(1_000);
    expect(taken).toEqual([]);
    here.isCutOff = false;
    await runtime.clock.advance(50);
    expect(taken).toEqual(jobs);
  });

  it('is waited for as long as ever though others were left to that one before', async () => {
    const [before = '', ...jobs] = leftTo('c2').slice(0, 5);
    leave(before);
    await runtime.clock.advance(1_000);
    leave(...jobs);
    await runtime.clock.advance(95);
    expect(taken).toEqual([before]);
    await runtime.clock.advance(50);
    expect(taken).toEqual([before, ...jobs]);
  });

  it('is looked at in its next life', async () => {
    const [jobId = ''] = leftTo('c2');
    leave(jobId);
    await runtime.clock.advance(50);
    look.leave({ key: { jobId, life: 1 } });
    await runtime.clock.advance(145);
    expect(taken).toEqual([jobId]);
  });
});
