/** The store's disk is full in mid-flow, and has room again (H64). The server is real; that it has no room is said by what stands before it. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { eventually } from '@baton/testkit';
import { Cluster } from '../support/cluster/cluster.js';
import { brokenRules } from '../support/cluster/journal-checks.js';
import { realServices } from '../support/services/endpoints.js';
import { FullDiskProxy } from '../support/services/full-disk-proxy.js';
import { gated, step } from '../fixtures/tasks.mjs';

let cluster: Cluster;
let disk: FullDiskProxy;
beforeEach(async () => {
  const { zookeeper, kafka, mongodb } = realServices();
  disk = await FullDiskProxy.start(mongodb);
  cluster = new Cluster(
    { zookeeper, kafka, mongodb: disk.url },
    { env: { BATON_HEALTH_LISTEN: '127.0.0.1:0' } },
  );
});
afterEach(async () => {
  await cluster.dispose();
  await disk.stop();
});

it('while the disk of the store is full nothing is sent, the conductor is not ready, and then all goes on', async () => {
  const { conductors } = await cluster.start({ conductors: 2, workers: 1 });
  const isReady = async (): Promise<readonly boolean[]> =>
    Promise.all(conductors.map(async (conductor) => (await conductor.readiness()).ready));
  const held = await cluster.client.post(linear('held').add(step.as('before'), gated, step.as('after')));
  await cluster.did({ flowId: held, atom: 'gated', phase: 'start' });
  const owner = await cluster.owner(held);
  expect(await isReady()).toEqual([true, true]);

  disk.isFull = true;
  cluster.openGate(held);
  await cluster.did({ flowId: held, atom: 'gated', phase: 'end' });
  await owner.logged('store.waiting');
  expect(await owner.readiness()).toMatchObject({
    ready: false,
    checks: { member: 'ok', jobboard: 'ok', store: expect.stringContaining('disk is full') },
  });
  await expect(cluster.client.post(linear('refused').add(step))).rejects.toMatchObject({
    code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    message: expect.stringContaining('within 30 s'),
  });
  // half a minute and dozens of tries later
  expect(disk.refused).toBeGreaterThan(30);
  expect(cluster.ledger({ flowId: held, atom: 'after' })).toEqual([]);
  expect(cluster.members.flatMap(({ lines }) => lines.filter(({ level }) => level === 'text'))).toEqual([]);

  disk.isFull = false;
  expect((await cluster.ended(held, 60_000)).outcome).toBe('SUCCESS');
  await eventually(async () => (await isReady()).every(Boolean), { withinMs: 10_000, what: 'all are ready' });
  const next = await cluster.client.post(linear('next').add(step));
  expect((await cluster.ended(next)).outcome).toBe('SUCCESS');
  const journals = await cluster.journals([held, next]);
  expect(brokenRules(journals)).toEqual([]);
  for (const atom of ['before', 'gated', 'after'])
    expect(cluster.ledger({ flowId: held, atom, phase: 'start' })).toHaveLength(1);
}, 150_000);
