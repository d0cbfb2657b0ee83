/** Real processes are killed in mid-flow; the ledger, written by the tasks themselves, says what was really done. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { linear, unordered } from '@baton/flow';
import { Cluster } from '../support/cluster/cluster.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { realServices } from '../support/services/endpoints.js';
import { gated, step } from '../fixtures/tasks.mjs';

const SESSION_MS = 1_000;
const flow = linear('survives').add(step.as('before'), gated, step.as('after'));

describe('with two conductors and two workers', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  /** A job whose task `gated` runs now, who owns it, and who runs it. */
  async function inMidFlow(): Promise<{
    jobId: string;
    owner: MemberProcess;
    heir: MemberProcess;
    worker: MemberProcess;
    other: MemberProcess;
  }> {
    cluster = new Cluster(realServices(), { sessionTimeout: `${SESSION_MS}ms` });
    const { conductors, workers } = await cluster.start({ conductors: 2, workers: 2 });
    const jobId = await cluster.client.post(flow);
    const running = await cluster.did({ flowId: jobId, atom: 'gated', phase: 'start' });
    const owner = await cluster.owner(jobId);
    const worker = cluster.member(running.worker);
    return {
      jobId,
      owner,
      heir: conductors.find((member) => member !== owner) as MemberProcess,
      worker,
      other: workers.find((member) => member !== worker) as MemberProcess,
    };
  }

  const startsOf = (jobId: string, atom: string) =>
    cluster
      .ledger({ flowId: jobId, atom, phase: 'start' })
      .map(({ worker, delivery, requestId }) => ({ worker, delivery, requestId }));

  const isTakenOver = (heir: MemberProcess, jobId: string, withinMs: number) =>
    heir.logged('job.taken-over', (line) => line['jobId'] === jobId, { withinMs });

  async function expectSuccess(jobId: string): Promise<void> {
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect(startsOf(jobId, 'before')).toHaveLength(1);
    expect(startsOf(jobId, 'after')).toHaveLength(1);
  }

  it('a killed conductor is replaced at once; the task that runs is adopted, not run again', async () => {
    const { jobId, owner, heir, worker } = await inMidFlow();
    owner.killChild();
    // the guard ends the session: nobody waits for its timeout
    await isTakenOver(heir, jobId, SESSION_MS - 200);
    await heir.logged('job.adopted', (line) => line['jobId'] === jobId);
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toMatchObject([{ worker: worker.id, delivery: 1 }]);
    const report = await cluster.client.job(jobId);
    expect(report.owners.map(({ member }) => member)).toEqual([owner.id, heir.id]);
    expect(report.redelivered).toBe(0);
    expect(await owner.exited).toBe(137);
  });

  it('a result that comes while nobody owns the job is used', async () => {
    const { jobId, owner, heir } = await inMidFlow();
    heir.pause();
    owner.killBoth();
    cluster.openGate(jobId);
    await cluster.did({ flowId: jobId, atom: 'gated', phase: 'end' });
    heir.resume();
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toHaveLength(1);
  });

  it('the request of a killed worker goes to the other one, under the same key', async () => {
    const { jobId, worker, other } = await inMidFlow();
    worker.killChild();
    await cluster.did({ flowId: jobId, atom: 'gated', worker: other.id }, SESSION_MS - 200);
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    const [first, second] = cluster.ledger({ flowId: jobId, atom: 'gated', phase: 'start' });
    expect([first?.delivery, second?.delivery]).toEqual([1, 2]);
    expect(second?.requestId).toBe(first?.requestId);
    expect(second?.idempotencyKey).toBe(first?.idempotencyKey);
    expect((await cluster.client.job(jobId)).redelivered).toBe(1);
  });

  it('conductor and worker killed together: the heir sends the request to the other worker', async () => {
    const { jobId, owner, heir, worker, other } = await inMidFlow();
    owner.killChild();
    worker.killChild();
    await isTakenOver(heir, jobId, 5_000);
    await cluster.did({ flowId: jobId, atom: 'gated', worker: other.id });
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toMatchObject([
      { worker: worker.id, delivery: 1 },
      { worker: other.id, delivery: 2 },
    ]);
  });

  it('a lost host (conductor and guard) costs the session timeout, no more', async () => {
    const { jobId, owner, heir, worker } = await inMidFlow();
    owner.killBoth();
    await isTakenOver(heir, jobId, SESSION_MS + 3_000);
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toMatchObject([{ worker: worker.id, delivery: 1 }]);
  });

  it('a conductor whose guard is killed hands over and ends', async () => {
    const { jobId, owner, heir, worker } = await inMidFlow();
    owner.killGuard();
    await owner.gone;
    expect(owner.count('guard.gone')).toBe(1);
    await isTakenOver(heir, jobId, SESSION_MS - 200);
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toMatchObject([{ worker: worker.id, delivery: 1 }]);
  });

  it('a conductor that is told to stop hands over at once, and says that work was left', async () => {
    const { jobId, owner, heir } = await inMidFlow();
    owner.terminate();
    await isTakenOver(heir, jobId, SESSION_MS - 200);
    expect(await owner.exited).toBe(8);
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toHaveLength(1);
    heir.terminate();
    expect(await heir.exited).toBe(0);
  });

  it('a worker that is told to stop finishes its task; told twice, it stops at once', async () => {
    const { jobId, worker, other } = await inMidFlow();
    worker.terminate();
    await worker.logged('member.stopping');
    // whatever comes now goes to the other one
    const next = await cluster.client.post(
      unordered('fan').addAll(Array.from({ length: 20 }, (_, index) => step.as(`s${index}`))),
    );
    expect((await cluster.ended(next)).outcome).toBe('SUCCESS');
    cluster.openGate(jobId);
    await expectSuccess(jobId);
    expect(startsOf(jobId, 'gated')).toMatchObject([{ worker: worker.id, delivery: 1 }]);
    expect(await worker.exited).toBe(0);

    const held = await cluster.client.post(linear('held').add(gated));
    await cluster.did({ flowId: held, worker: other.id, phase: 'start' });
    other.terminate();
    await other.logged('member.stopping');
    other.terminate();
    await other.gone;
    const substitute = await cluster.worker();
    await cluster.did({ flowId: held, worker: substitute.id, phase: 'start' });
    cluster.openGate(held);
    expect((await cluster.ended(held)).outcome).toBe('SUCCESS');
  });
});
