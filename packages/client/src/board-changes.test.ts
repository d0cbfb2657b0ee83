import { expect, it } from '@jest/globals';
import type { CoordinationSession } from '@baton/core';
import { linear, task } from '@baton/flow';
import { JobBoard } from '@baton/jobboard';
import {
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  fakeRuntime,
} from '@baton/testkit';
import type { BoardChange } from './board-changes.js';
import { Client } from './client.js';

const flow = linear('f').add(task('a', { execute: () => undefined }));

it('tells what happens on the board, begins anew after a lost session, and ends with its signal', async () => {
  const runtime = fakeRuntime();
  const store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
  const service = new SimulatedCoordinationService(runtime);
  const sessions: CoordinationSession[] = [];
  const coordination = new (class extends SimulatedCoordination {
    override async connect(...args: Parameters<SimulatedCoordination['connect']>) {
      const session = await super.connect(...args);
      sessions.push(session);
      return session;
    }
  })(runtime, { service });
  const deps = { runtime, store, coordination, board: 'default' };
  const watcher = new Client({ ...deps, clientId: 'watcher' });
  const poster = new Client({ ...deps, clientId: 'poster' });
  const drive = <T>(promise: Promise<T>): Promise<T> => runtime.clock.drive(promise);
  const stop = new AbortController();
  const heard: BoardChange[] = [];
  const hearing = (async () => {
    for await (const change of watcher.changes({ signal: stop.signal })) heard.push(change);
  })().catch((error: unknown) => error);
  const told = (n: number): Promise<void> => runtime.clock.advanceUntil(() => heard.length >= n);

  await told(1);
  const [watched] = sessions as [CoordinationSession];
  await drive(poster.post(flow, { key: 'j' }));
  await told(2);
  const session = await drive(coordination.connect({ timeoutMs: 60_000 }));
  const board = await drive(JobBoard.open({ session, board: 'default', runtime, memberId: 'm' }));
  const found = await drive(board.find({ jobId: 'j', life: 0 }));
  if (found === undefined) throw new Error('the job is not on the board');
  const claim = await drive(board.claim(found));
  await told(3);
  await drive(board.abandon(claim));
  await told(4);
  service.expire(watched);
  await told(5);
  const again = await drive(board.claim({ ...found, version: found.version + 2 }));
  await drive(board.consume(again));
  await runtime.clock.advanceUntil(() => heard.at(-1)?.change === 'gone');
  expect(heard.slice(0, 5)).toEqual([
    { change: 'reset' },
    { change: 'posted', jobId: 'j' },
    { change: 'claimed', jobId: 'j' },
    { change: 'released', jobId: 'j' },
    { change: 'reset' },
  ]);
  stop.abort(new Error('enough'));
  expect(await drive(hearing)).toEqual(new Error('enough'));
  for (const each of [watcher, poster, board]) await drive(each.close());
  expect(service.openSessions).toBe(0);
  expect(runtime.clock.pendingTimers).toBe(0);
});
