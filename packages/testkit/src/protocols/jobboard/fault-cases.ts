/** Lost messages: each operation ends in what really happened (P-502, P-512). */
import { expect } from '@jest/globals';
import { codeOf } from '@baton/core';
import type { Claim, JobBoard } from '@baton/jobboard';
import { casesOf, type Case } from '../../contracts/contract.js';
import { eventually } from '../../runtime/eventually.js';
import {
  BoardPlace,
  claimOf,
  found,
  keyOf,
  posted,
  postingOf,
  workerOf,
  type FaultyBoardWorld,
} from './board-world.js';
import { pathOf } from './job-cases.js';
import { follow, followMembers } from './view-cases.js';

type Loss = 'loseReply' | 'loseRequest';

/** How a claim can end, and what is on the board afterwards. */
const endings: Readonly<Record<string, { end: (b: JobBoard, c: Claim) => Promise<void>; state: string }>> = {
  consumes: { end: (board, claim) => board.consume(claim), state: 'ABSENT' },
  abandons: { end: (board, claim) => board.abandon(claim, { pauseMs: 7 }), state: 'UNCLAIMED' },
  trashes: { end: (board, claim) => board.trash(claim, 'r'), state: 'TRASHED' },
};

function lossCases(loss: Loss, what: string): readonly Case<FaultyBoardWorld>[] {
  const run: Record<string, Case<FaultyBoardWorld>['run']> = {
    [`claims although the ${what} was lost`]: async (world, scope) => {
      const board = await new BoardPlace(world, scope).open();
      await board.post('one', postingOf());
      const job = await found(board, 'one');
      world[loss]('multi');
      const claim = await board.claim(job);
      const lock = await board.session.exists(pathOf('locks', 'one'));
      expect(claim).toMatchObject({ version: 1, fresh: true, fence: { zxid: lock?.czxid } });
      expect((await board.read('one')).owner?.nonce).toBe(claim.nonce);
      await board.consume(claim);
    },

    [`posts, registers and leases although the ${what} was lost`]: async (world, scope) => {
      const board = await new BoardPlace(world, scope).open();
      world[loss]('create');
      await board.post('one', postingOf());
      expect((await board.read('one')).state).toBe('UNCLAIMED');
      world[loss]('create');
      const member = await board.register(workerOf('w'));
      expect(await board.members('worker')).toEqual([member]);
      world[loss]('create');
      expect(await board.leaseSlot('replies', 1)).toBe(0);
    },
  };
  for (const [name, { end, state }] of Object.entries(endings))
    run[`${name} a claim although the ${what} was lost`] = async (world, scope) => {
      const board = await new BoardPlace(world, scope).open();
      const claim = await posted(board, 'one');
      world[loss]('multi');
      await end(board, claim);
      expect((await board.read('one')).state).toBe(state);
      expect(await board.session.exists(pathOf('locks', 'one'))).toBeUndefined();
    };
  return casesOf(run);
}

export const faultCases: readonly Case<FaultyBoardWorld>[] = [
  ...lossCases('loseReply', 'answer'),
  ...lossCases('loseRequest', 'request'),
  ...casesOf<FaultyBoardWorld>({
    'gives the job to one when the other loses its connection while claiming': async (world, scope) => {
      const place = new BoardPlace(world, scope);
      const [board, peer] = [await place.open(), await place.peer()];
      await board.post('one', postingOf());
      const [job, theirs] = [await found(board, 'one'), await found(peer, 'one')];
      const mine = board.claim(job).then(
        (claim) => claim.nonce,
        (error: unknown) => codeOf(error),
      );
      let other: unknown;
      await world.offline(async () => {
        other = await peer.claim(theirs).then((claim) => claim.nonce, codeOf);
      });
      const outcomes = [await mine, other];
      const nonce = (await peer.read('one')).owner?.nonce;
      expect(outcomes.sort()).toEqual([nonce, 'BATON_CONFLICT_CLAIMED'].sort());
    },

    'sees after a reconnection what happened meanwhile': async (world, scope) => {
      const place = new BoardPlace(world, scope);
      const [board, peer] = [await place.open(), await place.peer()];
      for (const id of ['settled', 'released', 'kept']) await peer.post(id, postingOf());
      const [settled, released] = [await claimOf(peer, 'settled'), await claimOf(peer, 'released')];
      const { view, events } = await follow(board);
      const { changes } = await followMembers(board);
      await world.offline(async () => {
        await peer.consume(settled);
        await peer.abandon(released);
        await peer.post('new', postingOf());
        await peer.register(workerOf('w'));
      });
      await eventually(() => events.length === 3 && changes.length === 1);
      expect([...events].sort()).toEqual(['available new', 'gone settled', 'released released']);
      expect(changes).toEqual(['w joined']);
      expect(view.isAvailable(keyOf('kept'))).toBe(true);
    },

    'goes on waiting for a job and for nudges after a reconnection': async (world, scope) => {
      const place = new BoardPlace(world, scope);
      const [board, peer] = [await place.open(), await place.peer()];
      const claim = await posted(peer, 'one');
      await board.register(workerOf('w'));
      let nudges = 0;
      board.onNudge(() => nudges++);
      const gone = board.waitUntilGone('one');
      await board.session.barrier();
      await world.offline(async () => {
        await peer.consume(claim);
        await peer.nudge('w');
      });
      await gone;
      await eventually(() => nudges > 0);
    },
  }),
];
