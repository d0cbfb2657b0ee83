import { linear, retry, task } from '@baton/flow';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Cluster, noop, ok } from '../../conductor/src/fixtures/cluster.js';

describe('the report of a job', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  it.each([
    { failures: 0, round: 1 },
    { failures: 4, round: 3 },
    { failures: 100, round: 3 },
  ])('tells the last round of a retry controller ($failures failures)', async ({ failures, round }) => {
    cluster = new Cluster();
    cluster.conductor('c1');
    let left = failures;
    const flaky = task('t', { attempts: { max: 2 }, execute: () => undefined });
    await cluster.drive(
      cluster.worker('w1', {
        t: (request) =>
          request.action === 'execute' && left-- > 0 ? Promise.reject(new Error('no')) : ok(request),
      }),
    );
    const flow = linear('f', { retry: retry.times(3) }).add(flaky);
    const jobId = await cluster.drive(cluster.client.post(flow));
    await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }));
    const { atoms } = await cluster.drive(cluster.client.job(jobId));
    expect(atoms.map((atom) => [atom.name, atom.round])).toEqual([
      ['f_retry', round],
      ['t', round],
    ]);
    expect(atoms[0]).not.toHaveProperty('attempt');
  });

  it('tells who gave the commands that were applied, and why', async () => {
    cluster = new Cluster();
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t'))));
    await cluster.drive(cluster.client.cancel(jobId, { by: 'me', reason: 'enough' }));
    expect((await cluster.drive(cluster.client.job(jobId))).commands).toEqual([]);
    cluster.conductor('c1');
    await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }));
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report).toMatchObject({
      pending: [],
      commands: [{ n: 1, command: 'cancel', by: 'me', reason: 'enough', atMs: expect.any(Number) }],
    });
  });
});
