import { expect, it } from '@jest/globals';
import { ConflictError } from '@baton/core';
import type { Claim, JobKey, Posting } from '@baton/jobboard';
import { fakeRuntime } from '@baton/testkit';
import { ClaimLoop } from './claim-loop.js';

const common = { name: 'f', definitionHash: 'h', namespace: 'default', tags: {}, protocolVersion: 1 };
const keyOf = (jobId: string, life = 0): JobKey => ({ jobId, life });

/** A full conductor, and a board with a thousand free jobs, named by their age and shown in no order. */
function crowd() {
  const runtime = fakeRuntime();
  const ages = Array.from({ length: 1_000 }, (_, n) => (n * 367) % 1_000);
  const jobs = new Map<string, Posting>();
  const add = (jobId: string, priority: Posting['priority'], createdAtMs: number): void =>
    void jobs.set(jobId, { ...common, priority, createdAtMs });
  for (const age of ages) add(`j${age}`, 'LOW', age);
  /** Of those that are not in their first one. */
  const lives = new Map<string, number>();
  const claimed: string[] = [];
  let [asked, room] = [0, 0];
  const loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: (key) => {
        asked++;
        const posting = jobs.get(key.jobId);
        return Promise.resolve(posting && { ...key, posting, version: 0 });
      },
      claim: ({ jobId }) => {
        claimed.push(jobId);
        jobs.delete(jobId);
        room--;
        return Promise.resolve({ jobId } as Claim);
      },
    },
    memberId: 'c1',
    runtime,
    conductors: { current: () => ['c1'], refresh: () => Promise.resolve() },
    room: () => room,
    owns: () => false,
    onClaimed: () => Promise.resolve(),
  });
  loop.start({
    available: () => Array.from(jobs.keys(), (jobId) => keyOf(jobId, lives.get(jobId))),
    isAvailable: ({ jobId, life }) => jobs.has(jobId) && life === (lives.get(jobId) ?? 0),
    relook: () => Promise.resolve(),
    close: () => undefined,
  });
  const makeRoom = async (): Promise<void> => {
    room = 1;
    loop.refill();
    await runtime.clock.advance(30);
  };
  return { runtime, ages, jobs, add, lives, claimed, loop, makeRoom, asked: () => asked };
}

it('takes the highest priority, then the oldest, of all that wait, however many they are', async () => {
  const { runtime, ages, jobs, add, claimed, loop, makeRoom, asked } = crowd();
  await runtime.clock.advance(30);
  await makeRoom();
  add('urgent', 'VERY_HIGH', 2_000);
  loop.offer(keyOf('urgent'), { released: false, seenAtMs: 0 });
  await runtime.clock.advance(30);
  await makeRoom();
  expect(claimed).toEqual(['j0', 'urgent']);
  // others take some of those that are known here
  for (let age = 300; age < 600; age++) jobs.delete(`j${age}`);
  while (jobs.size > 0) await makeRoom();
  const rest = ages.toSorted((a, b) => a - b).filter((age) => age > 0 && (age < 300 || age >= 600));
  expect(claimed.slice(2)).toEqual(rest.map((age) => `j${age}`));
  expect(asked()).toBeLessThan(2 * 1_001);
  loop.stop();
});

it('knows a job that comes back in another life while its former one waits here', async () => {
  const { runtime, add, lives, claimed, loop, makeRoom } = crowd();
  add('again', 'VERY_HIGH', 2_000);
  for (const life of [0, 1]) {
    lives.set('again', life);
    loop.offer(keyOf('again', life), { released: false, seenAtMs: 0 });
    await runtime.clock.advance(30);
  }
  await makeRoom();
  expect(claimed).toEqual(['again']);
  loop.stop();
});

it('learns what waits while claims take their time, however much room there is', async () => {
  const runtime = fakeRuntime();
  const jobs = new Map<string, Posting>();
  for (let age = 0; age < 1_000; age++)
    jobs.set(`j${age}`, { ...common, priority: age < 990 ? 'NORMAL' : 'HIGH', createdAtMs: age });
  const claimed: string[] = [];
  let finish: (() => void)[] = [];
  let [asked, askedMost] = [0, 0];
  const loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: async (key) => {
        askedMost = Math.max(askedMost, ++asked);
        await new Promise<void>((resolve) => runtime.clock.setTimer(1, resolve));
        asked--;
        const posting = jobs.get(key.jobId);
        return posting && { ...key, posting, version: 0 };
      },
      claim: async ({ jobId }) => {
        claimed.push(jobId);
        jobs.delete(jobId);
        await new Promise<void>((resolve) => finish.push(resolve));
        return { jobId } as Claim;
      },
    },
    memberId: 'c1',
    runtime,
    conductors: { current: () => ['c1'], refresh: () => Promise.resolve() },
    room: () => Infinity,
    owns: () => false,
    onClaimed: () => Promise.resolve(),
  });
  loop.start({
    available: () => [...jobs.keys()].map(keyOf),
    isAvailable: ({ jobId }) => jobs.has(jobId),
    relook: () => Promise.resolve(),
    close: () => undefined,
  });
  await runtime.clock.advance(10);
  expect(claimed).toHaveLength(100);
  askedMost = 0;
  await runtime.clock.advance(1_000);
  expect(askedMost).toBeLessThanOrEqual(20);
  while (claimed.length < 1_000) {
    for (const end of finish.splice(0)) end();
    await runtime.clock.advance(20);
  }
  finish = [];
  // the next ones after those that were under way
  expect(claimed.slice(100, 110)).toEqual(Array.from({ length: 10 }, (_, n) => `j${990 + n}`));
  expect(claimed.slice(110).map((jobId) => Number(jobId.slice(1)))).toEqual(
    claimed
      .slice(110)
      .map((jobId) => Number(jobId.slice(1)))
      .toSorted((a, b) => a - b),
  );
  loop.stop();
});

it('a job that had an owner since its posting was read goes before those of lower priority still', async () => {
  const runtime = fakeRuntime();
  const postings = new Map<string, Posting>([
    ['low', { ...common, priority: 'LOW', createdAtMs: 0 }],
    ['high', { ...common, priority: 'HIGH', createdAtMs: 1 }],
  ]);
  const versions = new Map([...postings.keys()].map((jobId) => [jobId, 0]));
  const claimed: string[] = [];
  let room = 0;
  const loop = new ClaimLoop({
    board: {
      headHint: () => Promise.resolve(undefined),
      find: (key) => {
        const posting = postings.get(key.jobId);
        return Promise.resolve(posting && { ...key, posting, version: versions.get(key.jobId) ?? 0 });
      },
      claim: ({ jobId, version }) => {
        if (version !== versions.get(jobId))
          return Promise.reject(new ConflictError('BATON_CONFLICT_CLAIMED', 'no'));
        claimed.push(jobId);
        postings.delete(jobId);
        room--;
        return Promise.resolve({ jobId } as Claim);
      },
    },
    memberId: 'c1',
    runtime,
    conductors: { current: () => ['c1'], refresh: () => Promise.resolve() },
    room: () => room,
    owns: () => false,
    onClaimed: () => Promise.resolve(),
  });
  loop.start({
    available: () => [...postings.keys()].map(keyOf),
    isAvailable: ({ jobId }) => postings.has(jobId),
    relook: () => Promise.resolve(),
    close: () => undefined,
  });
  await runtime.clock.advance(30);
  versions.set('high', 1); // somebody had it, and died
  loop.offer(keyOf('high'), { released: true, seenAtMs: 0 });
  room = 1;
  loop.refill();
  await runtime.clock.advance(1_000);
  expect(claimed).toEqual(['high']);
  loop.stop();
});
