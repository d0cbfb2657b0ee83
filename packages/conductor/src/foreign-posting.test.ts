import { afterEach, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { JobBoard } from '@baton/jobboard';
import { SimulatedCoordination } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

let cluster: Cluster;
afterEach(() => cluster.dispose());

it('a job of a newer version, or of another namespace, stays on the board for those who understand it (P-507)', async () => {
  cluster = new Cluster();
  const { runtime, coordination } = cluster;
  await cluster.drive(cluster.worker('w1', { a: ok }));
  await cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key: 'own' }));
  const connecting = new SimulatedCoordination(runtime, { service: coordination }).connect({
    timeoutMs: 4_000,
  });
  const session = await cluster.drive(connecting);
  const board = await cluster.drive(
    JobBoard.open({ session, board: 'default', runtime, memberId: 'poster' }),
  );
  const { posting } = await cluster.drive(board.read('own'));
  if (posting === undefined) throw new Error('it was posted');
  await cluster.drive(board.post('newer', { ...posting, protocolVersion: 2, definitionHash: 'unknown' }));
  await cluster.drive(board.post('foreign', { ...posting, namespace: 'other' }));
  cluster.conductor('c1');
  expect((await cluster.drive(cluster.client.wait('own', { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
  await runtime.clock.advance(60_000);
  for (const jobId of ['newer', 'foreign'])
    expect(await cluster.drive(board.read(jobId))).toMatchObject({ state: 'UNCLAIMED', claims: 0 });
  await cluster.drive(board.close());
});
