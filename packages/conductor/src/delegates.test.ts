/** Delegates of a cluster: asking for the answer, waiting while nobody holds the job, and answers that come when they like (section 11). */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue, TaskRequest } from '@baton/core';
import type { RoutedAtomDefinition } from '@baton/flow';
import { openPersistence } from '@baton/persistence';
import { JobBoard } from '@baton/jobboard';
import { SimulatedCoordination, SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, ok } from './fixtures/cluster.js';

describe('a delegate', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const linkTo = (requestId: string) => ({ token: `t/${requestId}`, url: `u/${requestId}` });
  const pass = (ms: number) => cluster.runtime.clock.advance(ms);
  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));
  const outcomeOf = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome;
  const answer = (jobId: string, given: { value: unknown } | { cancelled: true } = { value: 7 }) =>
    cluster.drive(cluster.client.answerDelegate(jobId, { atom: 'a', ...given }));

  function post(more: Omit<RoutedAtomDefinition, 'name'> = {}): Promise<string> {
    const a = {
      name: 'a',
      delegate: 'approve',
      open: 'ask',
      publish: { branch: { x: '${self.result}' } },
      ...more,
    };
    const root = { kind: 'routed', name: 'f', atoms: [a], output: { x: '${x}' } } as const;
    return cluster.drive(cluster.client.post({ schemaVersion: 1, root }));
  }

  /** A worker whose task `ask` ends when it is told. */
  async function asking() {
    let finish: () => void = () => undefined;
    const ask = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { ask }));
    return { worker, finish: () => finish() };
  }
  const links = ({ seen }: { readonly seen: readonly TaskRequest[] }) => seen.map(({ link }) => link);

  it('is asked for once, with its link, and waits while nobody holds the job', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const { worker, finish } = await asking();
    const jobId = await post();
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    expect(links(worker)).toEqual([linkTo(`${jobId}/a/execute/0.1`)]);
    expect((await report(jobId)).atoms).toMatchObject([
      { state: 'RUNNING', delegate: 'approve', worker: 'w1' },
    ]);
    finish();
    await pass(20_000);
    const waiting = await report(jobId);
    expect(waiting.jobState).toBe('DORMANT');
    expect(waiting.atoms).toMatchObject([{ state: 'RUNNING', delegate: 'approve' }]);
    expect(waiting.atoms[0]).not.toHaveProperty('worker');
    const listed = await cluster.drive(cluster.client.delegates({ limit: 10 }));
    expect(listed.delegates).toMatchObject([{ jobId, atom: 'a', attempt: 1, delegate: 'approve' }]);
    await answer(jobId);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect((await report(jobId)).results).toEqual({ x: 7 });
    expect(worker.seen).toHaveLength(1);
    expect(inspect(await cluster.drive(cluster.client.history(jobId)), { depth: null })).not.toContain(
      `t/${jobId}`,
    );
    expect((await cluster.drive(cluster.client.delegates({ limit: 10 }))).delegates).toEqual([]);
  });

  it('is waited for by the clock of the board, whatever those of its owner and of who answers say (P-1106)', async () => {
    cluster.conductor('c1', {}, { linkTo, aheadMs: -600_000 });
    const { worker, finish } = await asking();
    const jobId = await post({ timeout: { waitMs: 300_000 } });
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    finish();
    await pass(200_000);
    await answer(jobId);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });

  it('is answered before the task that asks has returned, whose end is of no account', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const { worker, finish } = await asking();
    const jobId = await post();
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await answer(jobId);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    finish();
    await pass(1_000);
    expect((await report(jobId)).outcome).toBe('SUCCESS');
  });

  it('keeps no place at a worker, and nobody awake, when it is answered before the task that asks has returned', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const ask = () => new Promise<InlineValue>(() => undefined);
    const worker = await cluster.drive(cluster.worker('w1', { ask, next: ok }, { concurrency: 1 }));
    const then = (name: string) => ({ onSuccess: { next: [{ to: name }] } });
    const atoms = [
      { name: 'a', delegate: 'approve', open: 'ask', ...then('b') },
      { name: 'b', task: 'next', ...then('c') },
      { name: 'c', delegate: 'approve' },
    ];
    const root = { kind: 'routed', name: 'f', atoms } as const;
    const jobId = await cluster.drive(cluster.client.post({ schemaVersion: 1, root }));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await answer(jobId);
    await pass(20_000);
    expect(worker.seen.map(({ task }) => task)).toEqual(['ask', 'next']);
    expect((await report(jobId)).jobState).toBe('DORMANT');
  });

  it('is not asked for again by who takes over while the task asks', async () => {
    const owner = cluster.conductor('c1', {}, { linkTo });
    const { worker, finish } = await asking();
    const jobId = await post();
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    cluster.conductor('c2', {}, { linkTo });
    await pass(500);
    await cluster.drive(owner.stop());
    await pass(500);
    finish();
    await pass(500);
    await answer(jobId);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
    expect((await report(jobId)).owners.length).toBeGreaterThan(1);
  });

  it('fails where no link can be made, and says why', async () => {
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { ask: ok }));
    const jobId = await post();
    expect(await outcomeOf(jobId)).toBe('FAILURE');
    expect((await report(jobId)).atoms).toMatchObject([{ failure: { code: 'NO_DELEGATE_KEYS' } }]);
    expect(worker.seen).toEqual([]);
  });

  it('is paused and goes on, though nobody holds its job, and tells how far it is (C-1106, C-1107)', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const { finish } = await asking();
    const jobId = await post();
    await pass(1_000);
    finish();
    await pass(20_000);
    const update = (given: { paused: boolean } | { progress: { fraction?: number; note?: string } }) =>
      cluster.drive(cluster.client.updateDelegate(jobId, { atom: 'a', ...given }));
    await update({ progress: { fraction: 0.5, note: 'half' } });
    await pass(2_000);
    expect((await report(jobId)).atoms).toMatchObject([
      { state: 'RUNNING', progress: { fraction: 0.5, note: 'half', atMs: expect.any(Number) as unknown } },
    ]);
    await update({ paused: true });
    await pass(2_000);
    expect(await report(jobId)).toMatchObject({ flowState: 'SUSPENDED', atoms: [{ state: 'SUSPENDED' }] });
    await pass(20_000);
    const listed = await cluster.drive(cluster.client.delegates({ limit: 10 }));
    expect(listed.delegates).toMatchObject([{ jobId, atom: 'a' }]);
    await update({ paused: false });
    await pass(2_000);
    expect(await report(jobId)).toMatchObject({ flowState: 'RUNNING', atoms: [{ state: 'RUNNING' }] });
    await update({ paused: true });
    await pass(2_000);
    await answer(jobId);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    await expect(update({ paused: true })).rejects.toMatchObject({ code: 'BATON_CONFLICT_ENDED' });
    for (const wrong of [{}, { paused: true, progress: {} }, { progress: { fraction: 2 } }, { progress: {} }])
      await expect(update(wrong as { paused: boolean })).rejects.toMatchObject({
        code: 'BATON_INPUT_INVALID',
      });
  });

  it('is waited for longer when somebody wants that (C-1106)', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const { finish } = await asking();
    const jobId = await post({ timeout: { waitMs: 60_000 } });
    await pass(5_000);
    finish();
    await pass(20_000);
    const { dueAtMs = 0 } = await cluster.drive(cluster.client.delegate(jobId, { atom: 'a' }));
    const extend = (byMs: number) =>
      cluster.drive(cluster.client.extendDelegate(jobId, { atom: 'a', byMs, mostMs: 600_000 }));
    expect(await extend(120_000)).toEqual({ commandId: 1, dueAtMs: dueAtMs + 120_000 });
    await pass(100_000);
    expect((await report(jobId)).atoms).toMatchObject([{ state: 'RUNNING', dueAtMs: dueAtMs + 120_000 }]);
    await expect(extend(600_000)).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
      message: 'a would be waited for longer than 10m from now on, which is the most (delegate.wait_max)',
    });
    await pass(100_000);
    expect((await report(jobId)).atoms).toMatchObject([{ failure: { code: 'TIMEOUT_WAIT' } }]);
    await expect(extend(1_000)).rejects.toMatchObject({ code: 'BATON_CONFLICT_NOT_WAITING' });
  });

  it.each([
    ['awake', 2_000],
    ['asleep', 60_000],
  ])('has been answered in time when the answer is stored, though nobody was told: %s', async (_, waitMs) => {
    cluster.conductor('c1', {}, { linkTo });
    await cluster.drive(cluster.worker('w1', { ask: () => ({ data: null }) }));
    const jobId = await post({ timeout: { waitMs } });
    await pass(waitMs - 100);
    expect((await report(jobId)).jobState).toBe(waitMs < 10_000 ? 'CLAIMED' : 'DORMANT');
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const persistence = await cluster.drive(openPersistence({ store, runtime: cluster.runtime }));
    const requestId = `${jobId}/a/execute/0.1`;
    const told = { command: 'answer-delegate', arguments: { requestId, value: { data: 7 } } };
    await cluster.drive(persistence.commands.append(jobId, told, `answer ${requestId}`));
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect((await report(jobId)).results).toEqual({ x: 7 });
    persistence.close();
  });

  it('has its time though its conductor is told of commands for other jobs all the while', async () => {
    const { clock } = cluster.runtime;
    cluster.conductor('c1', {}, { linkTo });
    await cluster.drive(cluster.worker('w1', { ask: () => ({ data: null }) }));
    const jobId = await post({ timeout: { waitMs: 2_000 } });
    const coordination = new SimulatedCoordination(cluster.runtime, { service: cluster.coordination });
    const session = await cluster.drive(coordination.connect({ timeoutMs: 4_000 }));
    const { runtime } = cluster;
    const other = await cluster.drive(JobBoard.open({ session, board: 'default', runtime, memberId: 'o' }));
    await pass(500);
    cluster.documents.faults.slowMs = 10;
    let isOver = false;
    const nudge = (): void => {
      if (isOver) return;
      void other.nudge('c1').catch(() => undefined);
      clock.setTimer(10, nudge);
    };
    nudge();
    await pass(10_000);
    isOver = true;
    expect((await report(jobId)).atoms).toMatchObject([{ failure: { code: 'TIMEOUT_WAIT' } }]);
  });

  it('is waited for longer though its owner saves something else when its time is over', async () => {
    cluster.conductor('c1', {}, { linkTo });
    let finish: () => void = () => undefined;
    const t = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: null })));
    await cluster.drive(cluster.worker('w1', { ask: () => ({ data: null }), t }));
    const a = { name: 'a', delegate: 'approve', open: 'ask', timeout: { waitMs: 2_000 } };
    const root = { kind: 'routed', name: 'f', atoms: [a, { name: 'b', task: 't' }] } as const;
    const jobId = await cluster.drive(cluster.client.post({ schemaVersion: 1, root }));
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const persistence = await cluster.drive(openPersistence({ store, runtime: cluster.runtime }));
    await pass(1_000);
    const { dueAtMs = 0 } = await cluster.drive(cluster.client.delegate(jobId, { atom: 'a' }));
    const extension = { requestId: `${jobId}/a/execute/0.1`, dueAtMs: dueAtMs + 60_000 };
    const command = { command: 'extend-delegate', arguments: extension };
    await cluster.drive(persistence.commands.append(jobId, command, 'x'));
    await pass(dueAtMs - cluster.runtime.clock.wallMs() - 10);
    cluster.documents.faults.slowMs = 40;
    await pass(110);
    finish();
    await pass(2_000);
    cluster.documents.faults.slowMs = 0;
    expect((await report(jobId)).atoms[0]).toMatchObject({ state: 'RUNNING' });
    persistence.close();
  });

  it('that nobody will answer ends its flow', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const jobId = await post({ open: 'nobody.offers.it' });
    await pass(5_000);
    await answer(jobId, { cancelled: true });
    expect(await outcomeOf(jobId)).toBe('CANCELLED');
    expect((await report(jobId)).atoms).toMatchObject([
      { state: 'CANCELLED', failure: { code: 'DELEGATE_CANCELLED' } },
    ]);
  });
});
