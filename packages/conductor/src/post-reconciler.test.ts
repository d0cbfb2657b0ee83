import { afterEach, describe, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { commandIdOf } from '@baton/persistence';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

describe('posts that were left half done', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  /** A job `j` that has ended; `mark` and `order`: what is stored, in this order or the other, when a person wants it undone. */
  async function ended() {
    cluster = new Cluster();
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const conductor = cluster.conductor('c1');
    await cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key: 'j' }));
    await cluster.drive(cluster.client.wait('j', { timeoutMs: 10_000 }));
    const [record] = await cluster.drive(store.get('jobs', ['j']));
    const mark = () => cluster.drive(store.replace('jobs', [{ _id: 'j', ...record, state: 'REOPENING' }]));
    const body = JSON.stringify({ command: 'revert', arguments: {} });
    const command = { _id: commandIdOf('j', 1), flowId: 'j', n: 1, opId: 'x', at: 0, body };
    const order = () => cluster.drive(store.insert('commands', [command]));
    return { conductor, mark, order };
  }

  it('are finished whatever stands before them: posts nobody was told of, posts that never can be finished', async () => {
    cluster = new Cluster();
    const { runtime, documents } = cluster;
    await cluster.drive(cluster.worker('w1', { a: ok }));
    await cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key: 'whole' }));
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    const [record] = await cluster.drive(store.get('jobs', ['whole']));
    const [entry] = await cluster.drive(store.get('journal', ['whole:0']));
    const posting = JSON.parse(String(record?.['posting'])) as object;
    const tooLarge = JSON.stringify({ ...posting, tags: { note: 'x'.repeat(5_000) } });
    const numbers = Array.from({ length: 250 }, (_, n) => String(n).padStart(3, '0'));
    const half = { ...record, state: 'POSTING' };
    await cluster.drive(
      store.insert('jobs', [
        ...numbers.map((n) => ({ ...half, _id: `b-untold-${n}` })),
        { ...half, _id: 'a-too-large', posting: tooLarge },
        { ...half, _id: 'c-not-json', posting: '{' },
        { ...half, _id: 'z' },
      ]),
    );
    const entryOf = (flowId: string) => ({ ...entry, _id: `${flowId}:0`, flowId });
    await cluster.drive(store.insert('journal', ['a-too-large', 'c-not-json', 'z'].map(entryOf)));
    cluster.conductor('c1');
    await runtime.clock.advance(60_000);
    expect((await cluster.drive(cluster.client.wait('z', { timeoutMs: 1_000 }))).outcome).toBe('SUCCESS');
    const failed = runtime.logger.lines.filter(({ message }) => message === 'job.reconcile-failed');
    expect(failed.map(({ fields }) => fields?.['jobId'])).toContain('a-too-large');
  });

  it('are finished soon after a conductor died, however short the others live', async () => {
    const { conductor, mark, order } = await ended();
    await order();
    await mark();
    let last = conductor;
    for (let n = 2; n < 5; n++) {
      cluster.coordination.expire(last.session());
      void last.stop();
      last = cluster.conductor(`c${n}`);
      await cluster.runtime.clock.advance(6_000);
    }
    expect((await cluster.drive(cluster.client.job('j'))).outcome).toBe('REVERTED');
  });

  it('are not taken for done by who reads too early to see the command', async () => {
    const { mark, order } = await ended();
    await cluster.runtime.clock.advance(25_000);
    // an old read shows the mark, and not yet the command that was stored before it
    await mark();
    await cluster.runtime.clock.advance(8_000);
    await order();
    await cluster.runtime.clock.advance(60_000);
    expect((await cluster.drive(cluster.client.job('j'))).outcome).toBe('REVERTED');
  });

  it('of a job that was claimed already are only marked: it is not posted again', async () => {
    cluster = new Cluster();
    const { runtime, documents } = cluster;
    await cluster.drive(cluster.worker('w1', { a: ok }));
    cluster.conductor('c1');
    await cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key: 'over' }));
    await cluster.drive(cluster.client.wait('over', { timeoutMs: 10_000 }));
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    const record = async () => (await cluster.drive(store.get('jobs', ['over'])))[0];
    const marked = await record();
    await cluster.drive(store.replace('jobs', [{ _id: 'over', ...marked, state: 'POSTING' }]));
    await runtime.clock.advance(60_000);
    expect(marked?.['state']).toBe('POSTED');
    expect((await record())?.['state']).toBe('POSTED');
    expect(runtime.logger.lines.filter(({ message }) => message === 'job.post-finished')).toEqual([]);
  });
});
