/** Environments by name, and changed while a run is suspended (C-711, C-1304). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue, TaskRequest } from '@baton/core';
import { type FlowDefinition, type RoutedFlowDefinition, withFlows } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster } from './fixtures/cluster.js';
import { HalfStore } from './fixtures/half-store.js';

const flow = (name: string, atoms: RoutedFlowDefinition['root']['atoms']): RoutedFlowDefinition => ({
  schemaVersion: 1,
  root: {
    ...{ kind: 'routed', name, atoms },
    output: { region: "${get(env, 'region')}", tier: "${get(env, 'tier')}" },
  },
});
const MINUTE = 60_000;
/** More than the board has room for. */
const padding = 'x'.repeat(2_000);

describe('an environment', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const echo = ({ args: { value } }: TaskRequest): InlineValue => value ?? { data: null };
  const set = (env: object) => cluster.drive(cluster.client.environments.set('prod', env));
  const end = async (jobId: string) => {
    const { outcome } = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 30_000 }));
    const { results } = await cluster.drive(cluster.client.job(jobId));
    return [outcome, results];
  };
  const small = flow('f', [{ name: 'a' }]);

  it('that is named is for each job what it was when it was posted, small enough for the board or not', async () => {
    await set({ region: 'eu', padding });
    await cluster.drive(cluster.client.post(small, { key: 'before', env: 'prod' }));
    await set({ region: 'us' });
    await cluster.drive(cluster.client.post(small, { key: 'after', env: 'prod' }));
    await cluster.drive(cluster.client.environments.delete('prod'));
    cluster.conductor('c1');
    expect(await end('before')).toEqual(['SUCCESS', { region: 'eu', tier: null }]);
    expect(await end('after')).toEqual(['SUCCESS', { region: 'us', tier: null }]);
  });

  it('that is named is for the job of each slot what it is by then; one that is gone is waited for', async () => {
    cluster.conductor('c1');
    await set({ region: '${"e" + "u"}' });
    await cluster.drive(
      cluster.client.schedules.put('s', small, { cron: '*/5 * * * *', count: 3, env: 'prod' }),
    );
    await cluster.runtime.clock.advance(6 * MINUTE);
    await set({ region: 'us' });
    await cluster.runtime.clock.advance(5 * MINUTE);
    await cluster.drive(cluster.client.environments.delete('prod'));
    await cluster.runtime.clock.advance(5 * MINUTE);
    const { slots } = await cluster.drive(cluster.client.schedules.get('s'));
    expect(slots.map(({ isDone }) => isDone)).toEqual([false, true, true]);
    await set({ region: 'asia' });
    await cluster.runtime.clock.advance(MINUTE);
    const ids = slots.map(({ jobId = '' }) => jobId).toReversed();
    for (const [index, region] of ['eu', 'us', 'asia'].entries())
      expect(await end(ids[index] ?? '')).toEqual(['SUCCESS', { region, tier: null }]);
  });

  it('that is gone holds up its schedule until that names another one, which then counts for the slot that waits', async () => {
    cluster.conductor('c1');
    await set({ region: 'eu' });
    await cluster.drive(cluster.client.environments.set('other', { region: 'us' }));
    const put = (env: string) =>
      cluster.drive(cluster.client.schedules.put('s', small, { cron: '*/5 * * * *', count: 2, env }));
    await put('prod');
    await cluster.drive(cluster.client.environments.delete('prod'));
    await cluster.runtime.clock.advance(6 * MINUTE);
    await put('other');
    await cluster.runtime.clock.advance(5 * MINUTE);
    const { slots } = await cluster.drive(cluster.client.schedules.get('s'));
    expect(slots).toMatchObject([
      { isDone: true, revision: 2 },
      { isDone: true, revision: 2 },
    ]);
    for (const { jobId = '' } of slots)
      expect(await end(jobId)).toEqual(['SUCCESS', { region: 'us', tier: null }]);
  });

  it('that is gone holds up no job that was half posted for a slot', async () => {
    await set({ region: 'eu', padding });
    /** Stops for ever between the record of a job and its journal. */
    const half = new HalfStore(cluster.runtime, { service: cluster.documents });
    const first = cluster.conductor('c1', {}, { store: half });
    const put = (env: string) =>
      cluster.drive(cluster.client.schedules.put('s', small, { cron: '*/5 * * * *', count: 1, env }));
    await put('prod');
    await cluster.runtime.clock.advance(6 * MINUTE);
    await cluster.drive(cluster.client.environments.delete('prod'));
    await cluster.drive(cluster.client.environments.set('other', { region: 'us' }));
    await put('other');
    cluster.coordination.expire(first.session());
    void first.stop();
    cluster.conductor('c2');
    await cluster.runtime.clock.advance(5 * MINUTE);
    const { slots } = await cluster.drive(cluster.client.schedules.get('s'));
    expect(slots).toMatchObject([{ isDone: true, revision: 1 }]);
    expect(await end(slots[0]?.jobId ?? '')).toEqual(['SUCCESS', { region: 'eu', tier: null }]);
  });

  it('is changed by resume, for what comes later and for child runs, and the journal says by whom', async () => {
    let finish: () => void = () => undefined;
    const slow = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { slow, echo }));
    const next = (name: string) => ({ next: [{ to: name }] });
    const child = flow('child', [
      { name: 's', task: 'slow', onSuccess: next('q') },
      { name: 'q', task: 'echo', input: { value: '${env.region}' } },
    ]);
    const parent = flow('parent', [
      { name: 'c', flow: 'child', onSuccess: next('d') },
      { name: 'd', task: 'echo', input: { value: '${env.region}' } },
    ]);
    const owner = cluster.conductor('c1');
    const env = { region: 'eu', tier: '${"go" + "ld"}' };
    const jobId = await cluster.drive(cluster.client.post(withFlows(parent, [child]), { env }));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(cluster.client.suspend(jobId));
    finish();
    await cluster.runtime.clock.advance(1_000);
    cluster.conductor('c2');
    await cluster.drive(owner.stop());
    await cluster.drive(cluster.client.resume(jobId, { by: 'ann', env: { region: '${us}', more: 1 } }));
    expect(await end(jobId)).toEqual(['SUCCESS', { region: '${us}', tier: 'gold' }]);
    expect(worker.seen.slice(1).map(({ args }) => args['value'])).toEqual([
      { data: '${us}' },
      { data: '${us}' },
    ]);
    const facts = (await cluster.drive(cluster.client.history(jobId))).flatMap((entry) => [...entry.facts]);
    expect(facts).toContainEqual({ fact: 'command', n: 3, command: 'resume', by: 'ann' });
    expect(facts).toContainEqual({
      fact: 'variables',
      env: { region: '${us}', tier: 'gold', more: 1 },
    });
  });

  it('is not changed by the resume of a run that is not suspended, and who asks for it is told', async () => {
    let finish: () => void = () => undefined;
    const slow = () => new Promise<InlineValue>((resolve) => (finish = () => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { slow }));
    cluster.conductor('c1');
    const definition = flow('f', [{ name: 'a', task: 'slow' }]);
    const jobId = await cluster.drive(cluster.client.post(definition, { env: { region: 'eu' } }));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    const resumed = cluster.drive(cluster.client.resume(jobId, { env: { region: 'us' } }));
    await expect(resumed).rejects.toMatchObject({
      code: 'BATON_CONFLICT_NOT_REPAIRABLE',
      message: expect.stringContaining('it is RUNNING, and its environment'),
    });
    await cluster.drive(cluster.client.resume(jobId));
    finish();
    expect(await end(jobId)).toEqual(['SUCCESS', { region: 'eu', tier: null }]);
  });

  it('grows by resume to no more than a post may have; an ordered flow has none', async () => {
    cluster.conductor('c1');
    const much = { region: 'x'.repeat(12_000) };
    const asks = flow('f', [{ name: 'a', delegate: 'ask' }]);
    const ordered: FlowDefinition = {
      schemaVersion: 1,
      root: { kind: 'linear', name: 'o', children: [{ kind: 'task', name: 't', delegate: 'ask' }] },
    };
    await cluster.drive(cluster.client.post(asks, { key: 'j', env: much }));
    await cluster.drive(cluster.client.post(ordered, { key: 'o' }));
    await cluster.runtime.clock.advance(1_000);
    for (const jobId of ['j', 'o']) await cluster.drive(cluster.client.suspend(jobId));
    await cluster.runtime.clock.advance(1_000);
    for (const [jobId, why] of [
      ['j', 'more than 16384 bytes'],
      ['o', 'ordered flow'],
    ] as const) {
      const resumed = cluster.drive(cluster.client.resume(jobId, { env: { more: 'x'.repeat(12_000) } }));
      await expect(resumed).rejects.toMatchObject({
        code: 'BATON_CONFLICT_NOT_REPAIRABLE',
        message: expect.stringContaining(why),
      });
      expect((await cluster.drive(cluster.client.job(jobId))).flowState).toBe('SUSPENDED');
    }
    await cluster.drive(cluster.client.resume('j', { env: { region: 'eu' } }));
    await cluster.runtime.clock.advance(1_000);
    expect((await cluster.drive(cluster.client.job('j'))).flowState).toBe('RUNNING');
  });

  it('that a poster found is that of its job, also when it is another one by the time the post is repeated', async () => {
    await set({ region: 'eu', padding });
    await cluster.drive(cluster.client.post(small, { key: 'j', env: 'prod' }));
    await set({ region: 'us' });
    const again = await cluster.drive(cluster.client.postOrFind(small, { key: 'j', env: 'prod' }));
    expect(again).toEqual({ jobId: 'j', isNew: false });
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    // its poster died before anything but the record was stored
    const [record] = await cluster.drive(store.get('jobs', ['j']));
    await cluster.drive(store.replace('jobs', [{ ...record, _id: 'j', state: 'POSTING' }]));
    await cluster.drive(store.delete('journal', ['j:0']));
    await cluster.drive(cluster.client.post(small, { key: 'j', env: 'prod' }));
    cluster.conductor('c1');
    expect(await end('j')).toEqual(['SUCCESS', { region: 'eu', tier: null }]);
  });
});
