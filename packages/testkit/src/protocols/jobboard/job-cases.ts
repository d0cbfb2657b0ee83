/** Jobs and claims. */
import { expect } from '@jest/globals';
import { compareFences } from '@baton/core';
import { bucketIndexOf } from '@baton/jobboard';
import { casesOf } from '../../contracts/contract.js';
import { BoardPlace, claimOf, found, keyOf, posted, postingOf, type BoardWorld } from './board-world.js';

const nothing = new Uint8Array(0);
const codeIs = (code: string) => expect.objectContaining({ code });
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

export function pathOf(tree: string, jobId: string, name = jobId): string {
  const bucket = bucketIndexOf(jobId).toString(16).padStart(2, '0');
  return `/boards/default/${tree}/${bucket}/${name}`;
}

export const jobCases = casesOf<BoardWorld>({
  'makes its layout once, however many open it at the same time': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const boards = await Promise.all([
      place.open(),
      place.peer(),
      place.open({ board: 'other' }),
      place.open(),
    ]);
    expect(new Set(boards.map((board) => board.clusterId)).size).toBe(1);
    for (const [index, board] of boards.entries()) {
      expect(await board.post(`job-${index}`, postingOf())).toBe('posted');
      expect(await board.list()).not.toHaveLength(0);
    }
    expect((await boards[0]!.list()).map(({ jobId }) => jobId).sort()).toEqual(['job-0', 'job-1', 'job-3']);
  },

  'refuses a layout that a newer version made': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const board = await place.open();
    await board.session.set('/meta', bytes({ clusterId: 'c', storeGeneration: 0, layoutVersion: 2 }));
    await expect(place.open()).rejects.toEqual(codeIs('BATON_CONFLICT_SCHEMA_NEWER'));
  },

  'posts once, whoever repeats it, and refuses bad ids and large postings': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const answers = await Promise.all([board, peer, board].map((each) => each.post('one', postingOf())));
    expect(answers.sort()).toEqual(['exists', 'exists', 'posted']);
    await expect(board.post('a/b', postingOf())).rejects.toEqual(codeIs('BATON_INPUT_INVALID'));
    await expect(board.post('big', postingOf({ name: 'x'.repeat(4_096) }))).rejects.toEqual(
      codeIs('BATON_INPUT_TOO_LARGE'),
    );
  },

  'finds a posting as it was written, unknown fields included': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    const posting = { ...postingOf({ tags: { a: 'ü' } }), later: 1 };
    await board.post('one', posting);
    expect(await board.find(keyOf('one'))).toEqual({ jobId: 'one', life: 0, posting, version: 0 });
    expect(await board.find(keyOf('two'))).toBeUndefined();
  },

  'lists the highest priority first, then the oldest, and leaves out what it cannot read': async (
    world,
    scope,
  ) => {
    const place = new BoardPlace(world, scope);
    const board = await place.open();
    await board.post('late', postingOf({ createdAtMs: 3 }));
    await board.post('early', postingOf({ createdAtMs: 2 }));
    await board.post('urgent', postingOf({ priority: 'VERY_HIGH', createdAtMs: 4 }));
    await board.post('idle', postingOf({ priority: 'VERY_LOW', createdAtMs: 1 }));
    await board.session.create(pathOf('jobs', 'bad', 'bad.0'), bytes('not a posting'));
    const claim = await claimOf(board, 'early');
    const listed = await board.list();
    expect(listed.map(({ jobId, state }) => [jobId, state])).toEqual([
      ['urgent', 'UNCLAIMED'],
      ['early', 'CLAIMED'],
      ['late', 'UNCLAIMED'],
      ['idle', 'UNCLAIMED'],
    ]);
    expect(listed[1]?.owner).toMatchObject({ sessionId: board.session.id, nonce: claim.nonce });
    expect(place.runtime.logger.messages('warn')).toContain('board.job-unreadable');
  },

  'gives a claim to one, with the fence of its lock': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    await board.post('one', postingOf());
    const [mine, theirs] = await Promise.all([found(board, 'one'), found(peer, 'one')]);
    const claims = await Promise.allSettled([board.claim(mine), peer.claim(theirs)]);
    const lost = claims.find((each) => each.status === 'rejected');
    expect(lost?.reason).toEqual(codeIs('BATON_CONFLICT_CLAIMED'));
    const won = claims.find((each) => each.status === 'fulfilled')?.value;
    const lock = await board.session.exists(pathOf('locks', 'one'));
    expect(won).toMatchObject({ jobId: 'one', life: 0, version: 1, fresh: true, posting: postingOf() });
    expect(won?.fence).toEqual({ generation: board.generation, zxid: lock?.czxid });
    await expect(board.claim(await found(board, 'one'))).rejects.toEqual(codeIs('BATON_CONFLICT_CLAIMED'));
    await expect(board.claim({ ...mine, ...keyOf('none') })).rejects.toEqual(codeIs('BATON_NOT_FOUND_JOB'));
  },

  'divides many jobs between two that claim them all': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const boards = await Promise.all([place.open(), place.peer()]);
    const ids = Array.from({ length: 100 }, (_, n) => `job-${n}`);
    await Promise.all(ids.map((id) => boards[0]!.post(id, postingOf())));
    const claims = await Promise.allSettled(boards.flatMap((each) => ids.map((id) => claimOf(each, id))));
    const won = claims.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(won.map(({ jobId }) => jobId).sort()).toEqual([...ids].sort());
    expect(new Set(won.map(({ fence }) => fence.zxid)).size).toBe(100);
  },

  'raises the fence with each claim': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    const first = await posted(board, 'one');
    await board.abandon(first);
    const second = await claimOf(board, 'one');
    expect(compareFences(second.fence, first.fence)).toBeGreaterThan(0);
    expect(second).toMatchObject({ version: 3, fresh: false });
  },

  'consumes a job once': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    const claim = await posted(board, 'one');
    await board.consume(claim);
    expect(await board.read('one')).toEqual({ state: 'ABSENT', claims: 0, life: 0 });
    expect(await board.session.exists(pathOf('locks', 'one'))).toBeUndefined();
    await expect(board.consume(claim)).rejects.toEqual(codeIs('BATON_NOT_FOUND_JOB'));
  },

  'abandons with a pause before which nobody should claim, or without': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const { clock } = place.runtime;
    const board = await place.open();
    const mine = await posted(board, 'one');
    const earliestMs = clock.wallMs() + 5_000;
    await board.abandon(mine, { pauseMs: 5_000 });
    const latestMs = clock.wallMs() + 5_000;
    const { posting } = await found(board, 'one');
    const { notBeforeMs = 0 } = posting;
    // its length as well: who reads it goes by another clock
    expect(posting).toEqual(postingOf({ notBeforeMs, pauseMs: 5_000 }));
    expect(notBeforeMs).toBeGreaterThanOrEqual(earliestMs);
    expect(notBeforeMs).toBeLessThanOrEqual(latestMs);
    const claim = await claimOf(board, 'one');
    // it is over with the next claim: whoever takes over from there goes by another clock
    expect((await board.read('one')).posting).toEqual(postingOf());
    await board.abandon(claim);
    expect((await found(board, 'one')).posting).toEqual(postingOf());
    expect((await board.read('one')).state).toBe('UNCLAIMED');
  },

  'keeps posting and reason of what is trashed, the last time too': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    for (const reason of ['POISON', 'QUARANTINE']) {
      await board.trash(await posted(board, 'one'), reason);
      const trashed = { state: 'TRASHED', posting: postingOf(), claims: 0, life: 0, reason };
      expect(await board.read('one')).toEqual(trashed);
    }
  },

  'does nothing for a claim that is over': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const stale = await posted(board, 'one');
    await board.session.delete(pathOf('locks', 'one')); // an operator's doing
    const present = await claimOf(peer, 'one');
    for (const late of [
      () => board.consume(stale),
      () => board.abandon(stale, { pauseMs: 1 }),
      () => board.trash(stale, 'r'),
      () => board.sleep(stale, { lastCommand: 0 }),
    ])
      await expect(late()).rejects.toEqual(codeIs('BATON_CONFLICT_CLAIM_LOST'));
    expect((await board.read('one')).owner?.nonce).toBe(present.nonce);
    await peer.consume(present);
  },

  'reads a job in each state': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open({ memberId: 'me' });
    expect(await board.read('one')).toEqual({ state: 'ABSENT', claims: 0, life: 0 });
    await board.post('one', postingOf());
    expect(await board.read('one')).toEqual({ state: 'UNCLAIMED', posting: postingOf(), claims: 0, life: 0 });
    const { nonce } = await claimOf(board, 'one');
    const owner = expect.objectContaining({ member: 'me', sessionId: board.session.id, nonce });
    expect(await board.read('one')).toMatchObject({ state: 'CLAIMED', claims: 1, owner });
    await board.session.create(pathOf('dormant', 'two', 'two.3'), bytes(postingOf()));
    expect(await board.read('two')).toMatchObject({ state: 'DORMANT', life: 3 });
  },

  'puts a job to sleep, and wakes it in its next life, once': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const claim = await posted(board, 'one');
    await board.sleep(claim, { lastCommand: 3, due: { timer: 't/1', inMs: 9_000 } });
    expect(await peer.read('one')).toEqual({ state: 'DORMANT', posting: postingOf(), claims: 0, life: 0 });
    expect(await peer.list()).toMatchObject([{ jobId: 'one', state: 'DORMANT', life: 0 }]);
    const key = { jobId: 'one', life: 0 };
    expect(await peer.dormant.list(bucketIndexOf('one'))).toEqual([key]);
    expect(await peer.dormant.find(key)).toMatchObject({
      lastCommand: 3,
      due: { timer: 't/1', inMs: 9_000 },
    });
    await Promise.all([board.dormant.wake(key, { isDue: true }), peer.dormant.wake(key, { isDue: true })]);
    expect(await board.read('one')).toMatchObject({
      state: 'UNCLAIMED',
      life: 1,
      posting: { dueTimer: 't/1' },
    });

    const again = await peer.claim(await found(peer, 'one', 1));
    expect(again).toMatchObject({ life: 1, fresh: false });
    await peer.sleep(again, { lastCommand: 3 });
    await board.dormant.wake(key); // a waker that paused: that life is over
    expect(await board.read('one')).toEqual({ state: 'DORMANT', posting: postingOf(), claims: 0, life: 1 });
    await board.dormant.wakeAny('one');
    await board.dormant.wakeAny('one');
    expect(await board.read('one')).toMatchObject({ state: 'UNCLAIMED', life: 2 });
  },

  'puts a leftover to sleep in the place of the job that sleeps already': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    await board.sleep(await posted(board, 'one'), { lastCommand: 0 });
    await board.sleep(await posted(board, 'one'), { lastCommand: 1 });
    expect(await board.dormant.find({ jobId: 'one', life: 0 })).toMatchObject({ lastCommand: 1 });
    expect(await board.list()).toHaveLength(1);
  },

  'tells the time of its service to all alike': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const told = [await board.timeMs(), await peer.timeMs(), await board.timeMs()];
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  },

  'recognises the leftover of a repeated post': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    const [alone, asleep, risen] = [
      await posted(board, 'a'),
      await posted(board, 'b'),
      await posted(board, 'c'),
    ];
    await board.session.create(pathOf('dormant', 'b', 'b.0'), nothing);
    await board.session.create(pathOf('jobs', 'c', 'c.1'), bytes(postingOf()));
    expect(await board.isLeftover(alone)).toBe(false);
    expect(await board.isLeftover(asleep)).toBe(true);
    expect(await board.isLeftover(risen)).toBe(true);
    await board.consume(risen);
    expect(await board.read('c')).toMatchObject({ state: 'UNCLAIMED', life: 1 });
  },

  'waits until a job is gone, through a claim and an abandon': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    await board.waitUntilGone('never-posted');
    const claim = await posted(board, 'one');
    let gone = false;
    const waited = peer.waitUntilGone('one').then(() => (gone = true));
    await board.abandon(claim);
    const again = await claimOf(board, 'one');
    await peer.session.barrier();
    expect(gone).toBe(false);
    await board.consume(again);
    await waited;
  },

  'stops waiting when told to, and when the session ends': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    await board.post('one', postingOf());
    const stop = new AbortController();
    const waits = [board.waitUntilGone('one', stop.signal), board.waitUntilGone('one')];
    const [aborted, ended] = waits.map((wait) => wait.catch((error: unknown) => error));
    stop.abort(new Error('enough'));
    expect(await aborted).toEqual(new Error('enough'));
    await expect(board.waitUntilGone('one', stop.signal)).rejects.toThrow('enough');
    await board.close();
    expect(await ended).toEqual(codeIs('BATON_UNAVAILABLE_SESSION_LOST'));
  },
});
