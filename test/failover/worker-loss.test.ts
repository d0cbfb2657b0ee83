/** What becomes of a task whose worker is lost, as the task says (P-932), and of the answer of a worker that was only asleep (H36). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { linear, task, type OnWorkerLoss } from '@baton/flow';
import { eventually } from '@baton/testkit';
import { Cluster } from '../support/cluster/cluster.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { realServices } from '../support/services/endpoints.js';
import { gated, step, stubborn } from '../fixtures/tasks.mjs';

let cluster: Cluster;
afterEach(() => cluster.dispose());

/** Only the flow says what a loss means: the worker runs its own `gated`. */
const gatedThat = (onWorkerLoss: OnWorkerLoss) => task('gated', { onWorkerLoss, execute: () => undefined });
const startsOf = (jobId: string, atom: string) => cluster.ledger({ flowId: jobId, atom, phase: 'start' });

describe('a worker is killed in the middle of a task', () => {
  async function lost(onWorkerLoss: OnWorkerLoss): Promise<string> {
    cluster = new Cluster(realServices());
    await cluster.start({ conductors: 1, workers: 2 });
    const flow = linear('loses').add(step.as('before'), gatedThat(onWorkerLoss), step.as('after'));
    const jobId = await cluster.client.post(flow);
    const { worker } = await cluster.did({ flowId: jobId, atom: 'gated', phase: 'start' });
    cluster.member(worker).killChild();
    return jobId;
  }
  const gatedOf = async (jobId: string) =>
    (await cluster.client.job(jobId)).atoms.find(({ name }) => name === 'gated');
  const isParked = (jobId: string) =>
    eventually(async () => (await gatedOf(jobId))?.parked === true, {
      withinMs: 10_000,
      what: 'it is parked',
    });

  it('`fail`: it fails, and the flow is undone', async () => {
    const jobId = await lost('fail');
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    expect((await gatedOf(jobId))?.failure).toMatchObject({ code: 'WORKER_LOST' });
    expect(cluster.ledger({ flowId: jobId, atom: 'gated', action: 'execute', phase: 'start' })).toHaveLength(
      1,
    );
    // it may have done a part of its work
    expect(cluster.ledger({ flowId: jobId, action: 'revert', phase: 'end' }).map(({ atom }) => atom)).toEqual(
      ['gated', 'before'],
    );
  });

  it('`park`: nobody runs it until a person says so, then another worker does, under the same key', async () => {
    const jobId = await lost('park');
    await isParked(jobId);
    expect(startsOf(jobId, 'gated')).toHaveLength(1);
    expect((await cluster.baton('task', 'rerun', jobId, 'gated')).code).toBe(0);
    cluster.openGate(jobId);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const [first, second] = startsOf(jobId, 'gated');
    expect([first?.delivery, second?.delivery]).toEqual([1, 2]);
    expect(second?.idempotencyKey).toBe(first?.idempotencyKey);
    expect(second?.worker).not.toBe(first?.worker);
  });

  it('`park`: a person lets it fail', async () => {
    const jobId = await lost('park');
    await isParked(jobId);
    expect((await cluster.baton('task', 'fail', jobId, 'gated')).code).toBe(0);
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    expect(cluster.ledger({ flowId: jobId, atom: 'gated', action: 'execute', phase: 'start' })).toHaveLength(
      1,
    );
  });
});

it('a worker that slept past its session wakes up and answers: the answer changes nothing (H36)', async () => {
  // no guard: it would kill the sleeper
  cluster = new Cluster(realServices(), { env: { BATON_GUARD_ENABLED: 'false', BATON_LOG_LEVEL: 'debug' } });
  const { conductors, workers } = await cluster.start({ conductors: 1, workers: 2 });
  const [conductor] = conductors as [MemberProcess];
  const jobId = await cluster.client.post(linear('woken').add(stubborn, gated));
  const { worker: sleeperId } = await cluster.did({ flowId: jobId, atom: 'stubborn', phase: 'start' });
  const sleeper = cluster.member(sleeperId);
  const other = workers.find((worker) => worker !== sleeper) as MemberProcess;
  sleeper.pause();
  await cluster.did({ flowId: jobId, atom: 'stubborn', worker: other.id, phase: 'start' });
  cluster.openGate(jobId, 'stubborn');
  await cluster.did({ flowId: jobId, atom: 'gated', phase: 'start' });

  sleeper.resume();
  // it does not react to being told to stop, so it ends as if nothing had been
  await cluster.did({ flowId: jobId, atom: 'stubborn', worker: sleeper.id, phase: 'end' });
  const late = await conductor.logged('result.superseded');
  expect(late).toMatchObject({ worker: sleeper.id, delivery: 1 });
  // and it is a worker again, as somebody new
  await sleeper.logged('worker.ready', () => true, { from: sleeper.lines.findIndex(isReady) + 1 });
  cluster.openGate(jobId);
  expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');

  const [entries = []] = await cluster.journals([jobId]);
  const ends = entries
    .flatMap(({ facts }) => facts)
    .filter((fact) => fact.fact === 'atom' && fact.atom === 'stubborn' && fact.to !== 'RUNNING');
  expect(ends).toMatchObject([{ to: 'SUCCESS', value: { data: other.id } }]);
  expect(startsOf(jobId, 'gated')).toHaveLength(1);
});

function isReady({ message }: { readonly message: string }): boolean {
  return message === 'worker.ready';
}
