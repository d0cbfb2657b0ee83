import { describe, expect, it } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import { fakeRuntime } from '@baton/testkit';
import { BoardRoom, jobsPerBucketMax } from './board-room.js';
import { BoardPaths } from './layout.js';

function boardWith(jobs: number) {
  const { clock } = fakeRuntime();
  const board = { jobs, dormant: 0, listings: 0, isAway: false };
  const children = async (path: string): Promise<string[]> => {
    if (path.includes('/dormant/')) return new Array<string>(board.dormant).fill('name');
    board.listings++;
    if (board.isAway) throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away');
    return new Array<string>(board.jobs).fill('name');
  };
  return { board, clock, room: new BoardRoom({ session: { children }, paths: new BoardPaths('b'), clock }) };
}

describe('a board', () => {
  it('takes jobs until it is full, its own new ones counted, and says so', async () => {
    const { board, room } = boardWith(jobsPerBucketMax - 2);
    await room.admit('a');
    await room.admit('a');
    await expect(room.admit('a')).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_BOARD_FULL',
      message: 'the board is full: about 512000 jobs on it have not ended; job a was not posted',
    });
    expect(board.listings).toBe(1);
  });

  it('counts those that sleep, and takes child runs twice as long', async () => {
    const { board, room } = boardWith(jobsPerBucketMax - 1_000);
    board.dormant = 1_000;
    const full = { code: 'BATON_UNAVAILABLE_BOARD_FULL' };
    await expect(room.admit('a')).rejects.toMatchObject(full);
    await room.admit('a', { isChild: true });
    board.dormant = jobsPerBucketMax + 1_000;
    await expect(room.admit('b', { isChild: true })).rejects.toMatchObject(full);
  });

  it('is looked at again after a second, for each bucket apart', async () => {
    const { board, clock, room } = boardWith(jobsPerBucketMax);
    await expect(room.admit('a')).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_BOARD_FULL' });
    board.jobs = 5;
    await clock.advance(999);
    await expect(room.admit('a')).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_BOARD_FULL' });
    await room.admit('b');
    await clock.advance(1);
    await room.admit('a');
    expect(board.listings).toBe(3);
  });

  it('that cannot be seen is looked at again at once', async () => {
    const { board, room } = boardWith(5);
    board.isAway = true;
    await expect(room.admit('a')).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_DISCONNECTED' });
    board.isAway = false;
    await room.admit('a');
  });
});
