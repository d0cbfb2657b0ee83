/** Delegates, sleeps and waits for events of ordered flows in a cluster (C-104, section 11): what routed ones do, `delegates.test.ts` says. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue } from '@baton/core';
import type { PatternDefinition, TaskDefinition } from '@baton/flow';
import { Cluster, ok } from './fixtures/cluster.js';
import { mortalConductor } from './fixtures/mortal-conductor.js';

const linkTo = (requestId: string) => ({ token: `t/${requestId}`, url: `u/${requestId}` });
type Child = Omit<TaskDefinition, 'kind'>;
const approve: Child = { name: 'a', delegate: 'approve', provides: { x: null } };
const use: Child = { name: 'b', task: 'work', requires: ['x'] };

const flowOf = (children: readonly Child[], more: Partial<PatternDefinition> = {}) => {
  const tasks = children.map((child) => ({ kind: 'task', ...child }) as const);
  return { schemaVersion: 1, root: { kind: 'linear', name: 'f', children: tasks, ...more } } as const;
};

describe('a delegate of an ordered flow', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const pass = (ms: number) => cluster.runtime.clock.advance(ms);
  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));
  const outcomeOf = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }))).outcome;
  const post = (children: readonly Child[], more?: Partial<PatternDefinition>) =>
    cluster.drive(cluster.client.post(flowOf(children, more)));
  const listed = async () => (await cluster.drive(cluster.client.delegates({ limit: 10 }))).delegates;
  type Answer = { value: unknown } | { failure: { message: string } } | { cancelled: true };
  const answer = (jobId: string, given: Answer = { value: 7 }, which: object = {}) =>
    cluster.drive(cluster.client.answerDelegate(jobId, { atom: 'a', ...which, ...given }));

  it('is asked for once, with its link, and waits while nobody holds the job', async () => {
    cluster.conductor('c1', {}, { linkTo });
    let finish = (): void => undefined;
    const ask = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { ask, work: ok }));
    const given = {
      ...approve,
      open: 'ask',
      requires: ['site'],
      inject: { site: 'x' },
      expects: { by: 'string' },
    } as const;
    const jobId = await post([given, use]);
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    expect(worker.seen[0]).toMatchObject({ task: 'ask', link: linkTo(`${jobId}/a/execute/0.1`) });
    expect((await report(jobId)).atoms[0]).toMatchObject({
      state: 'RUNNING',
      delegate: 'approve',
      worker: 'w1',
    });
    finish();
    await pass(20_000);
    const waiting = await report(jobId);
    expect(waiting.jobState).toBe('DORMANT');
    expect(waiting.atoms[0]).toMatchObject({
      ...{ state: 'RUNNING', delegate: 'approve', args: { site: 'x' }, expects: { by: 'string' } },
      ...{ attempt: 1, round: 0, dueAtMs: expect.any(Number) as unknown },
    });
    for (const absent of ['worker', 'waitingForWorker']) expect(waiting.atoms[0]).not.toHaveProperty(absent);
    expect(await listed()).toMatchObject([{ jobId, atom: 'a', round: 0, attempt: 1, delegate: 'approve' }]);
    await expect(answer(jobId)).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
    await answer(jobId, { value: { by: 'me' } });
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect((await report(jobId)).results).toEqual({ x: { by: 'me' } });
    expect(worker.seen.map(({ task }) => task)).toEqual(['ask', 'work']);
    expect(await listed()).toEqual([]);
    // an identical one is acknowledged again, another one is not (C-1109)
    expect(await answer(jobId, { value: { by: 'me' } }, { attempt: 1, round: 0 })).toBe(1);
    await expect(answer(jobId, { value: { by: 'you' } })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
  });

  it('is answered while nobody owns the job, whose owner was killed while it was open', async () => {
    const owner = cluster.conductor('c1', {}, { linkTo });
    const worker = await cluster.drive(cluster.worker('w1', { work: ok }));
    const jobId = await post([approve, use]);
    await pass(2_000);
    cluster.coordination.expire(owner.session());
    void owner.stop();
    await answer(jobId);
    await pass(2_000);
    expect((await report(jobId)).atoms[0]).toMatchObject({ state: 'RUNNING' });
    cluster.conductor('c2', {}, { linkTo });
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect(worker.seen.map(({ args }) => args)).toEqual([{ x: { data: 7 } }]);
  });

  it('is answered while its job is suspended; the rest follows when it goes on (C-1302)', async () => {
    cluster.conductor('c1', {}, { linkTo });
    await cluster.drive(cluster.worker('w1', { work: ok }));
    const jobId = await post([approve, use]);
    await pass(1_000);
    await cluster.drive(cluster.client.suspend(jobId));
    await pass(20_000);
    expect(await report(jobId)).toMatchObject({
      flowState: 'SUSPENDED',
      atoms: [{ delegate: 'approve' }, {}],
    });
    expect(await listed()).toHaveLength(1);
    await answer(jobId);
    await pass(20_000);
    expect(await report(jobId)).toMatchObject({
      ...{ flowState: 'SUSPENDED', atoms: [{ state: 'SUCCESS' }, { state: 'PENDING' }] },
    });
    await cluster.drive(cluster.client.resume(jobId));
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });

  it('is another one with each attempt and each round; what answers one of them answers no other (C-1112)', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const a = { ...approve, attempts: { max: 2, delayMs: 5_000 } };
    const jobId = await post([a], { retry: { kind: 'times', attempts: 2 } });
    await pass(1_000);
    const no = { failure: { message: 'no' } };
    await answer(jobId, no, { attempt: 1, round: 1 });
    await pass(1_000);
    expect(await listed()).toEqual([]);
    await expect(answer(jobId)).rejects.toMatchObject({ code: 'BATON_CONFLICT_NOT_WAITING' });
    await pass(20_000);
    expect(await listed()).toMatchObject([{ round: 1, attempt: 2 }]);
    await answer(jobId, no);
    await pass(2_000);
    expect(await listed()).toMatchObject([{ round: 2, attempt: 1 }]);
    for (const [value, code] of [
      [1, 'KEY_REUSED'],
      [no, 'NOT_WAITING'],
    ] as const)
      await expect(
        answer(jobId, { value }, { attempt: value === 1 ? 1 : 3, round: 1 }),
      ).rejects.toMatchObject({ code: `BATON_CONFLICT_${code}` });
    // a repeated answer to the first attempt of the round before is none to this one
    await expect(answer(jobId, no, { attempt: 1 })).rejects.toMatchObject({
      ...{ code: 'BATON_INPUT_INVALID', message: expect.stringContaining('name the round') as unknown },
    });
    expect(await answer(jobId, no, { attempt: 1, round: 1 })).toBe(1);
    await answer(jobId, { value: 7 }, { attempt: 1, round: 2 });
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect((await report(jobId)).results).toEqual({ x: 7 });
  });

  it('is not answered in time, and what ran before is undone', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const worker = await cluster.drive(cluster.worker('w1', { work: ok }));
    const jobId = await post([
      { name: 'u', task: 'work' },
      { ...approve, timeout: { waitMs: 3_600_000 } },
    ]);
    await pass(30_000);
    expect((await report(jobId)).jobState).toBe('DORMANT');
    await pass(3_600_000);
    expect(await outcomeOf(jobId)).toBe('REVERTED');
    expect((await report(jobId)).atoms[1]).toMatchObject({ failure: { code: 'TIMEOUT_WAIT' } });
    expect(worker.seen.map(({ action }) => action)).toEqual(['execute', 'revert']);
  });

  it.each([true, false])('is closed when its job is cancelled (revert: %s)', async (revert) => {
    cluster.conductor('c1', {}, { linkTo });
    const jobId = await post([approve]);
    await pass(20_000);
    await cluster.drive(cluster.client.cancel(jobId, { revert }));
    expect(await outcomeOf(jobId)).toBe(revert ? 'REVERTED' : 'CANCELLED');
    await expect(answer(jobId)).rejects.toMatchObject({ code: 'BATON_CONFLICT_ENDED' });
    expect(await listed()).toEqual([]);
  });

  it('that nobody will answer has failed', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const jobId = await post([approve]);
    await pass(1_000);
    await answer(jobId, { cancelled: true });
    expect(await outcomeOf(jobId)).toBe('REVERTED');
    expect((await report(jobId)).atoms).toMatchObject([{ failure: { code: 'DELEGATE_CANCELLED' } }]);
  });

  it('is paused, goes on, is waited for longer, and tells how far it is', async () => {
    cluster.conductor('c1', {}, { linkTo });
    const jobId = await post([{ ...approve, timeout: { waitMs: 60_000 } }]);
    await pass(20_000);
    const update = (given: { paused: boolean } | { progress: { fraction: number } }) =>
      cluster.drive(cluster.client.updateDelegate(jobId, { atom: 'a', ...given }));
    await update({ progress: { fraction: 0.5 } });
    await update({ paused: true });
    await pass(2_000);
    expect(await report(jobId)).toMatchObject({
      ...{ flowState: 'SUSPENDED', atoms: [{ state: 'SUSPENDED', progress: { fraction: 0.5 } }] },
    });
    await update({ paused: false });
    await cluster.drive(
      cluster.client.extendDelegate(jobId, { atom: 'a', byMs: 600_000, mostMs: 3_600_000 }),
    );
    await pass(300_000);
    expect(await report(jobId)).toMatchObject({ flowState: 'RUNNING', atoms: [{ state: 'RUNNING' }] });
    await update({ paused: true });
    await pass(20_000);
    await answer(jobId);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });
});

describe('an ordered flow that waits', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());
  const outcomeOf = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }))).outcome;

  it('for a time sleeps, held by nobody, and is woken for it', async () => {
    cluster.conductor('c1');
    const sleep: Child = { name: 'a', task: 'std.sleep', requires: ['duration'], inject: { duration: '1h' } };
    const jobId = await cluster.drive(cluster.client.post(flowOf([sleep, { name: 'b', task: 'std.noop' }])));
    await cluster.runtime.clock.advance(30_000);
    const { jobState, atoms } = await cluster.drive(cluster.client.job(jobId));
    expect([jobState, atoms[0]?.state, atoms[0]?.waitingForWorker]).toEqual([
      'DORMANT',
      'RUNNING',
      undefined,
    ]);
    await cluster.runtime.clock.advance(3_540_000);
    expect((await cluster.drive(cluster.client.job(jobId))).jobState).toBe('DORMANT');
    await cluster.runtime.clock.advance(60_000);
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
  });

  it.each(['awake', 'asleep', 'before'])('for an event has it, sent while it is %s', async (when) => {
    cluster.conductor('c1');
    const wait: Child = {
      ...{ name: 'a', task: 'std.wait-event', requires: ['name', 'key'], provides: { x: null } },
      inject: { name: 'paid', key: 7 },
    };
    const send = () =>
      cluster.drive(cluster.client.sendEvent('paid', { key: '7', data: { sum: 1 }, keepMs: 60_000 }));
    if (when === 'before') await send();
    const jobId = await cluster.drive(cluster.client.post(flowOf([wait])));
    await cluster.runtime.clock.advance(when === 'asleep' ? 30_000 : 1_000);
    if (when !== 'before') await send();
    expect(await outcomeOf(jobId)).toBe('SUCCESS');
    expect((await cluster.drive(cluster.client.job(jobId))).results).toEqual({ x: { sum: 1 } });
  });
});

it.each([false, true])(
  'a delegate is answered once, and asked for once, whichever write its owner is killed at (landed: %s)',
  async (isLanded) => {
    for (let write = 0; ; write++) {
      const cluster = new Cluster();
      const worker = await cluster.drive(cluster.worker('w1', { ask: ok, work: ok }));
      const mortal = mortalConductor(cluster, { isLanded, linkTo });
      await cluster.runtime.clock.advance(1_000);
      mortal.writesLeft = write;
      const jobId = await cluster.drive(cluster.client.post(flowOf([{ ...approve, open: 'ask' }, use])));
      await cluster.runtime.clock.advance(1_000);
      cluster.conductor('c2', {}, { linkTo });
      await cluster.runtime.clock.advance(15_000);
      await cluster.drive(cluster.client.answerDelegate(jobId, { atom: 'a', value: write }));
      const { outcome } = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 120_000 }));
      const seen = worker.seen.map(({ task }) => task);
      expect([write, outcome, seen]).toEqual([write, 'SUCCESS', ['ask', 'work']]);
      await cluster.dispose();
      if (!mortal.isStruck) return;
    }
  },
);
