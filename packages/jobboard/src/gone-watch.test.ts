import { expect, it } from '@jest/globals';
import type { CoordinationSession } from '@baton/core';
import { SimulatedCoordination, SimulatedCoordinationService, fakeRuntime } from '@baton/testkit';
import { JobBoard } from './job-board.js';
import type { Posting } from './posting.js';

/** A board, and how many functions its session was given to call at changes. */
async function world() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const service = new SimulatedCoordinationService(runtime);
  const session = await clock.drive(
    new SimulatedCoordination(runtime, { service }).connect({ timeoutMs: 60_000 }),
  );
  const watchers = new Set<unknown>();
  const counted = new Proxy(session, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        if ((name === 'get' || name === 'exists' || name === 'children') && args[1] !== undefined)
          watchers.add(args[1]);
        return Reflect.apply(member, target, args);
      };
    },
  }) satisfies CoordinationSession;
  const board = await clock.drive(JobBoard.open({ session: counted, board: 'b', runtime, memberId: 'm' }));
  const claimed = async (jobId: string) => {
    await board.post(jobId, posting);
    const found = await board.find({ jobId, life: 0 });
    if (found === undefined) throw new Error('it was posted');
    return board.claim(found);
  };
  const endedWait = async (jobId: string) => {
    const stop = new AbortController();
    const waited = expect(board.waitUntilGone(jobId, stop.signal)).rejects.toThrow('enough');
    await clock.advance(1_000);
    stop.abort(new Error('enough'));
    await waited;
  };
  return { clock, service, session, board, watchers, claimed, endedWait };
}

const posting: Posting = {
  ...{
    name: 'n',
    definitionHash: 'h',
    protocolVersion: 1,
    namespace: 'default',
    priority: 'NORMAL' as const,
  },
  ...{ createdAtMs: 0, tags: {} },
};

it('waits that ended leave one watcher behind, however many there were', async () => {
  const { clock, board, watchers, claimed, endedWait } = await world();
  const claim = await clock.drive(claimed('long'));
  for (let wait = 0; wait < 50; wait++) await endedWait('long');
  expect(watchers.size).toBe(1);

  const gone = board.waitUntilGone('long');
  await clock.advance(1_000);
  await clock.drive(board.consume(claim));
  await clock.drive(gone);
  expect(watchers.size).toBe(1);
});

it('waits of several callers are told together, and one that ends does not end the others', async () => {
  const { clock, board, claimed, endedWait } = await world();
  const claim = await clock.drive(claimed('long'));
  const gone = [board.waitUntilGone('long'), board.waitUntilGone('long')];
  await endedWait('long');
  await clock.drive(board.abandon(claim));
  const again = await clock.drive(board.find({ jobId: 'long', life: 0 }));
  if (again === undefined) throw new Error('it was given back');
  await clock.drive(board.consume(await clock.drive(board.claim(again))));
  await clock.drive(Promise.all(gone));
});

it('a wait that ended while the service was away is no hindrance to the next', async () => {
  const { clock, service, session, board, claimed, endedWait } = await world();
  const claim = await clock.drive(claimed('long'));
  service.cut(session, { reconnectAfterMs: 5_000 });
  await endedWait('long');
  const gone = board.waitUntilGone('long');
  await clock.advance(10_000);
  await clock.drive(board.consume(claim));
  await clock.drive(gone);
});

it('a job that was posted before it is awaited is not gone because an earlier look did not see it', async () => {
  const { clock, board, claimed } = await world();
  const absent = board.waitUntilGone('late');
  const claiming = claimed('late');
  let gone = false;
  const waited = claiming.then(() => board.waitUntilGone('late')).then(() => (gone = true));
  await clock.drive(absent);
  const claim = await clock.drive(claiming);
  await clock.advance(1_000);
  expect(gone).toBe(false);
  await clock.drive(board.consume(claim));
  await clock.drive(waited);
});
