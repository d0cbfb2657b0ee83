/** H53: what a former owner wrote down while the clock of the board went ten minutes ahead: another server leads now, or somebody set it. */
import { UnavailableError } from '@baton/core';
import { compile } from '@baton/engine';
import { backoff, linear, retry, task, type FlowDefinition } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { afterEach, expect, it, jest } from '@jest/globals';
import { claimEntry, postEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import { OwnedState } from './owned-state.js';

const aheadMs = 600_000;
let cluster: Cluster;
afterEach(() => cluster.dispose());

async function takenOver(flow: { toJSON(): FlowDefinition }, afterMs: number): Promise<string> {
  cluster.boardAheadMs = aheadMs;
  const former = cluster.conductor('c1');
  const jobId = await cluster.drive(cluster.client.post(flow, {}));
  await cluster.runtime.clock.advance(afterMs);
  cluster.boardAheadMs = 0;
  cluster.conductor('c2');
  await cluster.runtime.clock.advance(500);
  await cluster.drive(former.stop());
  return jobId;
}

it('a timer is waited for no longer than it was set for', async () => {
  cluster = new Cluster();
  const fails = () => Promise.reject(new Error('no'));
  const worker = await cluster.drive(
    cluster.worker('w1', { t: (request) => (request.action === 'revert' ? { data: null } : fails()) }),
  );
  const flow = linear('f', { retry: retry.times(2, { backoff: backoff.constant({ initial: '10s' }) }) });
  const jobId = await takenOver(flow.add(noop('t')), 1_000);
  const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 15_000 }));
  expect(end.outcome).toBe('REVERTED');
  expect(worker.seen.filter(({ action }) => action === 'execute')).toHaveLength(2);
});

it('a request waits for a worker no longer than its limit', async () => {
  cluster = new Cluster();
  const impatient = task('t', { provides: 't', timeout: { queue: '20s' }, execute: () => 't' });
  const jobId = await takenOver(linear('f').add(impatient), 1_000);
  const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 25_000 }));
  expect(end.failures).toMatchObject([{ code: 'QUEUE_TIMEOUT' }]);
});

it('a job that was given back is left alone no longer than for its pause', async () => {
  cluster = new Cluster();
  await cluster.drive(cluster.worker('w1', { t: ok }));
  const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
  cluster.boardAheadMs = aheadMs;
  const former = cluster.conductor('c1', {}, { store });
  await cluster.runtime.clock.advanceUntil(() => former.conductor.readiness.ready);
  const cause = new UnavailableError('BATON_UNAVAILABLE_REFUSED', 'no room');
  const insert = jest.spyOn(store, 'insert');
  insert.mockImplementation((_, documents) =>
    Promise.resolve(documents.map(() => ({ verdict: 'refused', cause }))),
  );
  const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
  await cluster.runtime.clock.advance(500);
  expect(insert).toHaveBeenCalled();
  await cluster.drive(former.stop());
  cluster.boardAheadMs = 0;
  cluster.conductor('c2');
  const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 5_000 }));
  expect(end.outcome).toBe('SUCCESS');
});

it('a timer that only a snapshot holds is not waited for longer either', () => {
  const compiled = compile(linear('f').add(noop('t')).toJSON());
  const nowMs = 1_800_000_000_000;
  const fence = { generation: 0, zxid: 1n };
  const timer = { fact: 'timer', id: 't/1', state: 'set', atom: 't', delayMs: 200 } as const;
  const facts = [{ ...timer, dueAtMs: nowMs + aheadMs }];
  const entries = [postEntry('job'), claimEntry({ flowId: 'job', seq: 1, fence, facts })];
  const first = OwnedState.ofJournal({ entries }, compiled);
  const snapshot = { seq: 1, fence, state: first?.snapshot() ?? '' };
  const next = OwnedState.ofJournal({ snapshot, entries: [] }, compiled);
  next?.boundTimers(nowMs);
  expect([...(next?.timers ?? [])]).toEqual([['t/1', nowMs + 200]]);
});
