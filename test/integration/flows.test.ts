/** Flows from end to end in real processes, on the real services. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expr, graph, linear, retry, unordered } from '@baton/flow';
import { eventually } from '@baton/testkit';
import { Cluster } from '../support/cluster/cluster.js';
import { realServices } from '../support/services/endpoints.js';
import { bulk, double, fails, flaky, step, sum } from '../fixtures/tasks.mjs';

describe('a flow', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = new Cluster(realServices());
    await cluster.start({ conductors: 1, workers: 2 });
  });
  afterAll(() => cluster.dispose());

  const callsOf = (jobId: string): string[] =>
    cluster.ledger({ flowId: jobId, phase: 'start' }).map(({ atom, action }) => `${atom}.${action}`);

  it('that is linear runs in order', async () => {
    const jobId = await cluster.client.post(linear('f').add(step.as('a'), step.as('b'), step.as('c')));
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect(callsOf(jobId)).toEqual(['a.execute', 'b.execute', 'c.execute']);
    expect((await cluster.client.job(jobId)).results).toEqual({ last: 'c' });
  });

  it('that is unordered runs everything once, on all workers', async () => {
    const atoms = Array.from({ length: 50 }, (_, index) => step.as(`s${index}`));
    const jobId = await cluster.client.post(unordered('fan').addAll(atoms));
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect(callsOf(jobId).sort()).toEqual(atoms.map(({ name }) => `${name}.execute`).sort());
    expect(new Set(cluster.ledger({ flowId: jobId }).map(({ pid }) => pid)).size).toBe(2);
  });

  it('that is a graph runs in the order of its symbols', async () => {
    const jobId = await cluster.client.post(graph('g').add(sum, double), { store: { number: 7 } });
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect(callsOf(jobId)).toEqual(['double.execute', 'sum.execute']);
    expect((await cluster.client.job(jobId)).results).toEqual({ doubled: 14, total: 21 });
  });

  it('whose round fails is undone and run again', async () => {
    const flow = linear('again', { retry: retry.times(3) }).add(step, flaky);
    const jobId = await cluster.client.post(flow);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const round = ['step.execute', 'flaky.execute'];
    expect(callsOf(jobId)).toEqual([...round, 'flaky.revert', 'step.revert', ...round]);
    const keys = cluster.ledger({ flowId: jobId, phase: 'start', atom: 'step', action: 'execute' });
    expect(new Set(keys.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
  });

  it('whose rounds all fail is undone in reverse order, round by round', async () => {
    const flow = linear('undone', { retry: retry.times(2) }).add(step.as('a'), step.as('b'), fails);
    const jobId = await cluster.client.post(flow);
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    const round = ['a.execute', 'b.execute', 'fails.execute', 'fails.revert', 'b.revert', 'a.revert'];
    expect(callsOf(jobId)).toEqual([...round, ...round]);
    const report = await cluster.client.job(jobId);
    expect(report.atoms.find(({ name }) => name === 'fails')?.failure).toMatchObject({
      types: expect.arrayContaining(['TypeError']),
      message: 'always',
    });
  });

  it('that decides by expressions leaves a branch out, and tries again as its expression says', async () => {
    const [a, left, right] = [step.as('a'), step.as('left'), step.as('right')];
    const flow = graph('decided', {
      retry: retry.custom(expr('attempt < 2 && failure.atom == "flaky" ? "RETRY" : "REVERT_ALL"')),
    })
      .add(a, left, right, flaky)
      .link(a, left, { decider: expr('history.a == "b"'), depth: 'atom' })
      .link(a, right, { decider: expr('a == "a"') })
      .link(right, flaky);
    const jobId = await cluster.client.post(flow);
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    const round = ['a.execute', 'right.execute', 'flaky.execute'];
    expect(callsOf(jobId)).toEqual([...round, 'flaky.revert', 'right.revert', 'a.revert', ...round]);
    const { atoms } = await cluster.client.job(jobId);
    expect(atoms.find(({ name }) => name === 'left')?.state).toBe('IGNORE');
  });

  it('whose expression has no answer fails the atom it decides about, and is undone', async () => {
    const [a, b] = [step.as('a'), step.as('b')];
    const flow = graph('unanswered')
      .add(a, b)
      .link(a, b, { decider: expr('a.ok') });
    const jobId = await cluster.client.post(flow);
    expect((await cluster.ended(jobId)).outcome).toBe('REVERTED');
    expect(callsOf(jobId)).toEqual(['a.execute', 'a.revert']);
    const { atoms } = await cluster.client.job(jobId);
    expect(atoms.find(({ name }) => name === 'b')?.failure).toMatchObject({
      code: 'EXPRESSION',
      phase: 'decider',
    });
  });

  it('of ten thousand atoms runs each once', async () => {
    const atoms = Array.from({ length: 10_000 }, (_, index) => step.as(`s${index}`));
    const jobId = await cluster.client.post(unordered('wide').addAll(atoms));
    expect((await cluster.ended(jobId, 90_000)).outcome).toBe('SUCCESS');
    const runs = cluster.ledger({ flowId: jobId, phase: 'start' });
    expect([runs.length, new Set(runs.map(({ atom }) => atom)).size]).toEqual([10_000, 10_000]);
  }, 100_000);

  it('with megabytes of results keeps all of them', async () => {
    const atoms = Array.from({ length: 12 }, (_, index) => bulk.as(`b${index}`));
    const jobId = await cluster.client.post(unordered('heavy').addAll(atoms));
    expect((await cluster.ended(jobId)).outcome).toBe('SUCCESS');
    expect((await cluster.client.job(jobId)).results['bulk']).toHaveLength(256 * 1024);
  });

  it('that is posted a thousand times ends a thousand times', async () => {
    const flow = linear('one').add(step);
    const posted = await Promise.all(Array.from({ length: 1_000 }, () => cluster.client.post(flow)));
    const ends = await Promise.all(posted.map((jobId) => cluster.ended(jobId, 60_000)));
    expect(new Set(ends.map(({ outcome }) => outcome))).toEqual(new Set(['SUCCESS']));
    const jobs = new Set(posted);
    const runs = cluster.ledger({ phase: 'end' }).filter(({ flowId }) => jobs.has(flowId));
    expect(runs).toHaveLength(1_000);
    expect(new Set(runs.map(({ flowId }) => flowId))).toEqual(jobs);
    // a run has ended before its job is off the board
    await eventually(async () => (await cluster.client.jobs()).length === 0, {
      withinMs: 30_000,
      what: 'the board is empty',
    });
  }, 90_000);
});
