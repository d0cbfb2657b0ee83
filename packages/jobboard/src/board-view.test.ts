import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CoordinationSession } from '@baton/core';
import { SimulatedCoordination, fakeRuntime } from '@baton/testkit';
import { BoardPaths } from './layout.js';
import { JobBoard, type BoardEvent, type BoardView, type Posting } from './index.js';

const posting: Posting = {
  name: 'n',
  priority: 'NORMAL',
  definitionHash: 'ab',
  namespace: 'd',
  tags: [],
  protocolVersion: 1,
  createdAtMs: 1,
};

const paths = new BoardPaths('default');

/** A session that counts its listings, can do something before one, and can lose its watches. */
function observed(session: CoordinationSession) {
  const listings: string[] = [];
  const state = { loseWatches: false, beforeListing: (_: string): Promise<unknown> => Promise.resolve() };
  const children: CoordinationSession['children'] = async (path, watcher) => {
    listings.push(path);
    await state.beforeListing(path);
    return session.children(path, watcher && (() => (state.loseWatches ? undefined : watcher())));
  };
  const proxy = new Proxy(session, {
    get: (target, name) => {
      if (name === 'children') return children;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { session: proxy, listings, state };
}

describe('the view of the board', () => {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  let coordination: SimulatedCoordination;
  let writer: JobBoard;
  let board: JobBoard;
  let view: BoardView;
  let events: BoardEvent[];
  let seen: ReturnType<typeof observed>;

  const openBoard = async (session: CoordinationSession, memberId: string) =>
    JobBoard.open({ session, board: 'default', runtime, memberId });

  beforeEach(async () => {
    coordination = new SimulatedCoordination(runtime);
    writer = await clock.drive(openBoard(await clock.drive(coordination.connect({ timeoutMs: 4_000 })), 'w'));
    seen = observed(await clock.drive(coordination.connect({ timeoutMs: 4_000 })));
    board = await clock.drive(openBoard(seen.session, 'r'));
    events = [];
    view = await clock.drive(board.watch((event) => events.push(event)));
    seen.listings.length = 0;
    await clock.advance(20);
  });

  afterEach(async () => {
    await clock.drive(Promise.all([board.close(), writer.close()]));
    expect(clock.pendingTimers).toBe(0);
  });

  it('lists an idle bucket at once, and only the tree that changed', async () => {
    await clock.drive(writer.post('one', posting));
    await clock.settle();
    expect(seen.listings).toHaveLength(1);
    expect(events).toEqual([
      { type: 'available', key: { jobId: 'one', life: 0 }, released: false, seenAtMs: clock.monotonicMs() },
    ]);
  });

  it('lists a busy bucket once in 15 ms, however much happens in it', async () => {
    const path = paths.bucketOf('jobs', 'one');
    for (let n = 0; n < 60; n++) {
      await clock.drive(writer.session.create(`${path}/job-${n}.0`, new Uint8Array(0)));
      await clock.advance(1);
    }
    await clock.advance(30);
    expect(events).toHaveLength(60);
    expect(seen.listings.length).toBeLessThanOrEqual(7);
  });

  it('finds within 30 s what no watch told', async () => {
    seen.state.loseWatches = true;
    await clock.drive(writer.post('one', posting));
    await clock.advance(1_000);
    expect(events).toEqual([]);
    await clock.advance(30_000);
    expect(events.map(({ type }) => type)).toEqual(['available']);
  });

  it('asks for nothing while suspended, and for everything once when connected again', async () => {
    coordination.service.cut(board.session, { reconnectAfterMs: 1_000 });
    await clock.advance(900);
    expect(seen.listings).toEqual([]);
    await clock.advance(200);
    expect(seen.listings.length).toBe(512);
  });

  it.each(['jobs', 'locks'] as const)(
    'does not take a job that settles before the listing of %s for a released one',
    async (tree) => {
      await clock.drive(writer.post('one', posting));
      await clock.advance(50);
      const job = await clock.drive(writer.find({ jobId: 'one', life: 0 }));
      if (job === undefined) throw new Error('not found');
      const claim = await clock.drive(writer.claim(job));
      await clock.advance(50);
      const listed = paths.bucketOf(tree, 'one');
      let settled: Promise<void> | undefined;
      seen.state.beforeListing = async (path) => {
        if (path === listed) await (settled ??= writer.consume(claim));
      };
      await clock.drive(writer.session.create(`${listed}/two.0`, new Uint8Array(0)));
      await clock.advance(100);
      await settled;
      expect(events).not.toContainEqual(expect.objectContaining({ released: true }));
      expect(events).toContainEqual({ type: 'gone', jobId: 'one' });
    },
  );

  it('shows the highest life of a job that has two nodes', async () => {
    await clock.drive(writer.post('one', posting));
    const path = paths.bucketOf('jobs', 'one');
    await clock.drive(writer.session.create(`${path}/one.1`, new Uint8Array(0)));
    await clock.advance(50);
    expect([...view.available()]).toEqual([{ jobId: 'one', life: 1 }]);
    await clock.drive(writer.session.delete(`${path}/one.1`));
    await clock.advance(50);
    expect([...view.available()]).toEqual([{ jobId: 'one', life: 0 }]);
  });

  it('ends with its session', async () => {
    coordination.service.expire(board.session);
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBeLessThanOrEqual(1); // the writer's session may keep one
  });
});
