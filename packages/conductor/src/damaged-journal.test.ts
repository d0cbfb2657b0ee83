import type { StoredDocument } from '@baton/core';
import { linear, type RoutedFlowDefinition, withFlows } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import { limits } from './options.js';

/** What a store has lost or mixed up must cost the job it belongs to, and nothing else. */
describe('a conductor', () => {
  let cluster: Cluster;
  let store: SimulatedDocumentStore;
  beforeEach(() => {
    cluster = new Cluster();
    store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
  });
  afterEach(() => cluster.dispose());

  const post = (key: string) => cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key }));

  /** Changes the entries of a job that the test picks. */
  async function rewrite(
    pick: (seq: number, last: number) => boolean,
    change: (document: StoredDocument) => StoredDocument,
  ) {
    const entries = cluster.documents.documentsOf('journal');
    const picked = entries.filter((_, index) => pick(index, entries.length - 1));
    expect(picked).toHaveLength(1);
    await cluster.drive(store.replace('journal', picked.map(change)));
  }

  /** c1 begins the job and is lost while its first task runs. */
  async function begun(key: string): Promise<void> {
    const first = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w0', { a: () => new Promise(() => undefined) }));
    await post(key);
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(first.stop());
    await cluster.drive(worker.die());
  }

  const unreadable = (document: StoredDocument) => ({ ...document, body: '{"facts":' });
  const foreign = ({ body, ...rest }: StoredDocument): StoredDocument => ({
    ...rest,
    body: String(body).replaceAll('"a"', '"nosuch"'),
  });

  it.each([
    ['the newest entry cannot be read', (seq: number, last: number) => seq === last, unreadable],
    ['an entry below it cannot be read', (seq: number) => seq === 1, unreadable],
    ['an entry names an atom that the flow has not', (seq: number) => seq === 1, foreign],
  ] as const)('puts a job aside of which %s, and runs the others', async (_what, pick, change) => {
    await begun('bad');
    await rewrite(pick, change);
    const { conductor } = cluster.conductor('c2');
    await cluster.drive(cluster.worker('w1', { a: ok }));
    await post('good');
    expect((await cluster.drive(cluster.client.wait('good'))).outcome).toBe('SUCCESS');
    const quarantined = { code: 'BATON_CONFLICT_QUARANTINED' };
    await expect(cluster.drive(cluster.client.wait('bad'))).rejects.toMatchObject(quarantined);
    await expect(cluster.drive(cluster.client.job('bad'))).rejects.toMatchObject(quarantined);
    const refused = cluster.runtime.logger.lines.filter(({ message }) => message === 'claim.install-failed');
    expect(refused).toHaveLength(1);
    expect(conductor.counters.settled).toBe(1);
  });

  it.each(['is missing', 'cannot be read'])(
    'tells the parent of a child run whose record %s, and puts that aside',
    async (what) => {
      const first = cluster.conductor('c1');
      const worker = await cluster.drive(cluster.worker('w0', { a: () => new Promise(() => undefined) }));
      const root = (name: string, atom: object) =>
        ({
          ...{ schemaVersion: 1, root: { kind: 'routed', name, atoms: [{ name: 'x', ...atom }] } },
        }) as RoutedFlowDefinition;
      const parent = withFlows(root('parent', { flow: 'child' }), [root('child', { task: 'a' })]);
      await cluster.drive(cluster.client.post(parent, { key: 'p' }));
      await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
      await cluster.drive(first.stop());
      await cluster.drive(worker.die());
      const own = cluster.documents.documentsOf('journal').filter(({ _id }) => !_id.startsWith('p:'));
      await cluster.drive(
        what === 'is missing'
          ? store.delete(
              'journal',
              own.map(({ _id }) => _id),
            )
          : store.replace('journal', own.slice(-1).map(unreadable)),
      );
      cluster.conductor('c2');
      expect((await cluster.drive(cluster.client.wait('p', { timeoutMs: 60_000 }))).outcome).toBe('FAILURE');
      const { atoms } = await cluster.drive(cluster.client.job('p'));
      expect(atoms[0]?.failure).toMatchObject({
        code: 'CHILD_FAILED',
        causes: [{ code: 'QUARANTINE' }],
      });
      const childId = own[0]?._id.replace(/:0$/, '') ?? '';
      await expect(cluster.drive(cluster.client.wait(childId))).rejects.toMatchObject({
        code: 'BATON_CONFLICT_QUARANTINED',
      });
    },
  );

  it('does not keep others waiting while it looks for jobs whose record is missing', async () => {
    const first = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w0', { a: () => new Promise(() => undefined) }));
    const count = limits.claimWindow + 10;
    for (let index = 0; index < count; index++) await post(`lost-${index}`);
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 100);
    await cluster.drive(first.stop());
    await cluster.drive(worker.die());
    await cluster.drive(
      store.delete(
        'journal',
        cluster.documents.documentsOf('journal').map(({ _id }) => _id),
      ),
    );
    cluster.conductor('c2');
    await cluster.drive(cluster.worker('w1', { a: ok }));
    await cluster.runtime.clock.advance(200);
    await post('good');
    const sinceMs = cluster.runtime.clock.monotonicMs();
    expect((await cluster.drive(cluster.client.wait('good'))).outcome).toBe('SUCCESS');
    expect(cluster.runtime.clock.monotonicMs() - sinceMs).toBeLessThan(2_000);
    await expect(cluster.drive(cluster.client.wait('lost-0'))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_QUARANTINED',
    });
  });

  it('leaves a job that a newer version has written to that version', async () => {
    await begun('newer');
    await rewrite(
      (seq, last) => seq === last,
      (document) => ({ ...document, schemaVersion: 99 }),
    );
    cluster.conductor('c2');
    await cluster.drive(cluster.worker('w1', { a: ok }));
    await post('good');
    expect((await cluster.drive(cluster.client.wait('good'))).outcome).toBe('SUCCESS');
    expect((await cluster.drive(cluster.client.jobs())).map(({ jobId }) => jobId)).toEqual(['newer']);
  });
});
