import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { SimulatedCoordination, SimulatedDocumentStore } from '@baton/testkit';
import { Client } from './client.js';
import { Cluster, noop, ok } from '../../conductor/src/fixtures/cluster.js';

const flow = linear('f').add(noop('t'));

describe('two boards of one cluster', () => {
  let cluster: Cluster;
  let other: Client;
  beforeEach(() => {
    cluster = new Cluster();
    const { runtime, documents } = cluster;
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    other = new Client({
      ...{ runtime, store, board: 'other', clientId: 'other' },
      coordination: new SimulatedCoordination(runtime, { service: cluster.coordination }),
    });
  });
  afterEach(async () => {
    await cluster.drive(other.close());
    await cluster.dispose();
  });

  it('refuse a key that stands for a job of the other one, and say which', async () => {
    await cluster.drive(other.post(flow, { key: 'j' }));
    expect(await cluster.drive(other.post(flow, { key: 'j' }))).toBe('j');
    await expect(cluster.drive(cluster.client.post(flow, { key: 'j' }))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_OTHER_BOARD',
      message: 'job j is on board other, not on default',
    });
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('refuse a command for a job of the other one', async () => {
    await cluster.drive(other.post(flow, { key: 'j' }));
    await expect(cluster.drive(cluster.client.cancel('j'))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_OTHER_BOARD',
    });
    expect((await cluster.drive(other.job('j'))).pending).toEqual([]);
    expect(await cluster.drive(other.cancel('j'))).toBe(1);
  });

  it('tell of a job what its own board says, whichever is asked', async () => {
    await cluster.drive(cluster.client.post(flow, { key: 'j' }));
    cluster.conductor('c1');
    await cluster.runtime.clock.advance(1_000);
    for (const client of [cluster.client, other])
      expect(await cluster.drive(client.job('j'))).toMatchObject({
        ...{ board: 'default', jobState: 'CLAIMED', owner: 'c1' },
      });
  });

  it('show the ended jobs of their own', async () => {
    await cluster.drive(cluster.worker('w1', { t: ok }));
    cluster.conductor('c1');
    for (const key of ['a', 'b', 'c']) {
      await cluster.drive(cluster.client.post(flow, { key }));
      await cluster.drive(cluster.client.wait(key, { timeoutMs: 60_000 }));
    }
    const endedOf = async (client: Pick<Client, 'ended'>, limit: number) =>
      (await cluster.drive(client.ended({ limit }))).map(({ flowId }) => flowId);
    expect(await endedOf(other, 2)).toEqual([]);
    expect(await endedOf(cluster.client, 2)).toEqual(['c', 'b']);
  });

  it('each finish the posts that were left half done on them, and no others', async () => {
    const { runtime, documents } = cluster;
    await cluster.drive(other.post(flow, { key: 'j' }));
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    const [record] = await cluster.drive(store.get('jobs', ['j']));
    await cluster.drive(store.replace('jobs', [{ _id: 'j', ...record, state: 'POSTING' }]));
    await cluster.drive(cluster.worker('w1', { t: ok }));
    cluster.conductor('c1');
    await runtime.clock.advance(60_000);
    expect(await cluster.drive(other.job('j'))).toMatchObject({ jobState: 'UNCLAIMED', owners: [] });
  });
});
