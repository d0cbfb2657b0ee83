/** What a member sees of the board and of the others. */
import { expect } from '@jest/globals';
import type { Member } from '@baton/core';
import { headHintWords, type BoardEvent, type JobBoard, type MemberChange } from '@baton/jobboard';
import { casesOf } from '../../contracts/contract.js';
import { eventually } from '../../runtime/eventually.js';
import { BoardPlace, claimOf, keyOf, posted, postingOf, workerOf, type BoardWorld } from './board-world.js';

const codeIs = (code: string) => expect.objectContaining({ code });

/** Short names of events: `available J`, `released J`, `claimed J`, `gone J`. */
export async function follow(board: JobBoard) {
  const events: string[] = [];
  const view = await board.watch((event: BoardEvent) => {
    if (event.type !== 'available') events.push(`${event.type} ${event.jobId}`);
    else events.push(`${event.released ? 'released' : 'available'} ${event.key.jobId}`);
  });
  return { view, events };
}

export async function followMembers(board: JobBoard) {
  const changes: string[] = [];
  const note = (word: string, members: readonly Member[]) =>
    changes.push(...members.map((member) => `${member.id} ${word}`));
  const watch = await board.watchMembers('worker', (_, { joined, left }: MemberChange) => {
    note('left', left);
    note('joined', joined);
    if (joined.length + left.length === 0) changes.push('changed');
  });
  return { watch, changes };
}

export const viewCases = casesOf<BoardWorld>({
  'shows what is free, and tells a job from its post to its end': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    await board.post('before', postingOf());
    const { view, events } = await follow(peer);
    expect([[...view.available()], view.isAvailable(keyOf('before'))]).toEqual([[keyOf('before')], true]);
    expect(events).toEqual([]);
    await board.post('one', postingOf());
    await eventually(() => events.length === 1);
    const claim = await claimOf(board, 'one');
    await eventually(() => events.length === 2);
    expect(view.isAvailable(keyOf('one'))).toBe(false);
    await board.abandon(claim);
    await eventually(() => events.length === 3);
    const again = await claimOf(board, 'one');
    await eventually(() => events.length === 4);
    await board.consume(again);
    await eventually(() => events.length === 5);
    expect(events).toEqual(['available one', 'claimed one', 'released one', 'claimed one', 'gone one']);
    expect([...view.available()]).toEqual([keyOf('before')]);
  },

  'tells the jobs of a member that is gone as released': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const { events } = await follow(peer);
    const ids = Array.from({ length: 20 }, (_, n) => `job-${n}`);
    await Promise.all(ids.map((id) => posted(board, id)));
    await eventually(() => events.filter((event) => event.startsWith('claimed')).length === 20);
    events.length = 0;
    const { token } = board.session;
    await (await world.peer()).endSession(token, { timeoutMs: 2_000 });
    await eventually(() => events.length === 20);
    expect([...events].sort()).toEqual(ids.map((id) => `released ${id}`).sort());
  },

  'hints tell how far the jobs of a dead member were, as its guard said with the end of its session': async (
    world,
    scope,
  ) => {
    const place = new BoardPlace(world, scope);
    const [board, first, second] = await Promise.all([place.open(), place.peer(), place.peer()]);
    for (const [index, dead] of [first, second].entries()) {
      const ids = ['a', 'b', 'c'].map((name) => `${name}${index}`);
      for (const id of ids) {
        await posted(dead, id);
        expect(await board.headHint(id)).toBeUndefined();
      }
      const { view } = await follow(board);
      const [a = '', , c = ''] = ids;
      const lastWords = headHintWords('default', [
        [a, 17 + index],
        [c, 0],
        ['somebody-elses', 3],
      ]);
      const { token } = dead.session;
      await (await world.peer()).endSession(token, { timeoutMs: 2_000, ...(lastWords && { lastWords }) });
      await eventually(() => ids.every((id) => view.isAvailable(keyOf(id))));
      expect(await Promise.all(ids.map((id) => board.headHint(id)))).toEqual([17 + index, undefined, 0]);
    }
  },

  'gives no hints when there are none that can be used': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    const path = '/boards/default/heads';
    const useless = [
      'not JSON',
      'null',
      '7',
      '[1]',
      '{"one":"1"}',
      '{"one":-1}',
      '{"one":0.5}',
      '{"one":1e300}',
      `{"one":1,"${'x'.repeat(512 * 1024)}":1}`,
    ];
    for (const text of useless) {
      await board.session.set(path, new TextEncoder().encode(text));
      expect([text.slice(0, 20), await board.headHint('one')]).toEqual([text.slice(0, 20), undefined]);
    }
    await board.session.set(path, new TextEncoder().encode('{"one":4}'));
    expect(await board.headHint('one')).toBe(4);
    await board.session.delete(path);
    expect(await board.headHint('one')).toBeUndefined();
  },

  'does not take settled jobs for released ones': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const { events } = await follow(peer);
    const claims = await Promise.all(Array.from({ length: 50 }, (_, n) => posted(board, `job-${n}`)));
    await eventually(() => events.filter((event) => event.startsWith('claimed')).length === 50);
    await Promise.all(claims.map((claim) => board.consume(claim)));
    await eventually(() => events.filter((event) => event.startsWith('gone')).length === 50);
    expect(events.filter((event) => event.startsWith('released'))).toEqual([]);
  },

  'looks again on demand': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const { view } = await follow(peer);
    await board.post('one', postingOf());
    await peer.session.barrier();
    await view.relook(['one', 'two']);
    expect(view.isAvailable(keyOf('one'))).toBe(true);
    await claimOf(board, 'one');
    await peer.session.barrier();
    await view.relook(['one']);
    expect(view.isAvailable(keyOf('one'))).toBe(false);
  },

  'is silent once it is closed': async (world, scope) => {
    const board = await new BoardPlace(world, scope).open();
    const { view, events } = await follow(board);
    const members = await followMembers(board);
    view.close();
    members.watch.close();
    await board.post('one', postingOf());
    await board.register(workerOf('w'));
    await board.session.barrier();
    expect([events, members.changes]).toEqual([[], []]);
  },

  'follows members: who joined, who left, who came again under the same name': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    const first = await board.register(workerOf('w1'));
    const { watch, changes } = await followMembers(peer);
    expect([...watch.current.values()]).toEqual([first]);
    expect(await peer.members('worker')).toEqual([first]);
    expect(await peer.members('conductor')).toEqual([]);
    const second = await board.register(workerOf('w2'));
    await eventually(() => changes.length === 1);
    await board.session.delete('/members/workers/w1');
    await eventually(() => changes.length === 2);
    expect(changes).toEqual(['w2 joined', 'w1 left']);
    await board.session.set(
      '/members/workers/w2',
      Buffer.from(JSON.stringify(workerOf('w2', { concurrency: 9 }))),
    );
    await eventually(() => changes.length === 3);
    expect(watch.current.get('w2')).toEqual({ ...second, concurrency: 9 });
    await board.session.delete('/members/workers/w2');
    const third = await board.register(workerOf('w2'));
    await eventually(() => watch.current.get('w2')?.epoch === third.epoch);
    expect(third.epoch).not.toBe(second.epoch);
    expect(changes.slice(3)).toEqual(['w2 left', 'w2 joined']);
  },

  'shows a fresh list of members behind a lock that vanished': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer()]);
    await board.register(workerOf('w'));
    await posted(board, 'one');
    const { watch } = await followMembers(peer);
    let shown: string[] | undefined;
    await peer.watch((event) => {
      if (event.type === 'available') void watch.refresh().then(() => (shown = [...watch.current.keys()]));
    });
    await board.close();
    expect(await eventually(() => shown)).toEqual([]);
  },

  'waits for the node of a dead session of the same name, not for that of a living one': async (
    world,
    scope,
  ) => {
    const place = new BoardPlace(world, scope);
    const [board, peer] = await Promise.all([place.open(), place.peer({ timeoutMs: 500 })]);
    const first = await board.register(workerOf('w'));
    await expect(peer.register(workerOf('w'))).rejects.toEqual(codeIs('BATON_CONFLICT_MEMBER_ID_TAKEN'));
    const second = peer.register(workerOf('w'));
    await board.close();
    expect((await second).epoch).not.toBe(first.epoch);
  },

  'leases each slot to one, and again when its session has ended': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const boards = [await place.open(), await place.open(), await place.peer()];
    const slots = await Promise.all(boards.map((each) => each.leaseSlot('requests', 3)));
    expect([...slots].sort()).toEqual([0, 1, 2]);
    expect(await boards[0]!.leaseSlot('replies', 1)).toBe(0);
    const late = await place.open();
    await expect(late.leaseSlot('requests', 3)).rejects.toEqual(codeIs('BATON_UNAVAILABLE_NO_SLOT'));
    await boards[1]!.close();
    await late.session.barrier();
    expect(await late.leaseSlot('requests', 3)).toBe(slots[1]);
  },

  'brings nudges to the member they are for': async (world, scope) => {
    const place = new BoardPlace(world, scope);
    const [board, other, client] = [await place.open(), await place.open(), await place.peer()];
    let nudges = 0;
    let others = 0;
    board.onNudge(() => nudges++);
    other.onNudge(() => others++);
    const members = [await board.register(workerOf('w1')), await other.register(workerOf('w2'))];
    await eventually(async () => {
      await client.nudge('w1'); // the watch is set a moment after the registration
      return nudges > 0;
    });
    const before = nudges;
    await client.nudge('w1');
    await eventually(() => nudges > before);
    expect(others).toBe(0);
    expect((await client.members('worker')).map(({ epoch }) => epoch).sort()).toEqual(
      members.map(({ epoch }) => epoch).sort(),
    );
    await expect(client.nudge('nobody')).rejects.toEqual(codeIs('BATON_NOT_FOUND_NODE'));
  },
});
