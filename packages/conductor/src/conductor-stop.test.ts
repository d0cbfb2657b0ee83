import { afterEach, describe, expect, it } from '@jest/globals';
import { UnavailableError, type InlineValue } from '@baton/core';
import { linear } from '@baton/flow';
import { SimulatedDocumentStore, SimulatedPartitionLog } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';

describe('a conductor that stops', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  /** A store that does not answer to the entry of a second turn, of this job or of any, until it is released. */
  function hangingStore(jobId = '', released = new Promise<void>(() => undefined)): SimulatedDocumentStore {
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const real = store.insert.bind(store);
    store.insert = (collection, documents) =>
      collection === 'journal' && documents.some(({ _id }) => _id.endsWith(`${jobId}:2`))
        ? released.then(() => real(collection, documents))
        : real(collection, documents);
    return store;
  }

  /** A log that counts the writers that are open. */
  function countedLog(): { log: SimulatedPartitionLog; open: () => number } {
    const log = new SimulatedPartitionLog(cluster.runtime, { service: cluster.logs });
    const openAppender = log.openAppender.bind(log);
    let open = 0;
    log.openAppender = async () => {
      const appender = await openAppender();
      const close = appender.close.bind(appender);
      open++;
      appender.close = () => (open--, close());
      return appender;
    };
    return { log, open: () => open };
  }

  it('leaves what it cannot save in time to others (P-1702)', async () => {
    cluster = new Cluster();
    const { stop } = cluster.conductor('c1', {}, { store: hangingStore() });
    const worker = await cluster.drive(cluster.worker('w1', { a: ok }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.runtime.clock.advance(100);
    const stopped = stop();
    let left: number | undefined;
    void stopped.then((end) => (left = end.left));
    await cluster.runtime.clock.advance(24_900);
    expect(left).toBeUndefined();
    await cluster.runtime.clock.advance(2_000);
    expect(left).toBe(1);
    cluster.conductor('c2');
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('SUCCESS');
  });

  it('decides nothing that it would not send any more', async () => {
    cluster = new Cluster();
    const { clock } = cluster.runtime;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const { stop } = cluster.conductor('c1', {}, { store: hangingStore('slow', released) });
    let finish: (value: InlineValue) => void = () => undefined;
    const a = () => new Promise<InlineValue>((resolve) => (finish = resolve));
    const worker = await cluster.drive(cluster.worker('w1', { a, b: ok, quick: ok }));
    const jobId = await cluster.drive(cluster.client.post(linear('g').add(noop('a'), noop('b')), {}));
    await clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(cluster.client.post(linear('f').add(noop('quick')), { key: 'slow' }));
    await clock.advanceUntil(() => worker.seen.length === 2);
    await clock.advance(100);
    const stopped = stop();
    finish({ data: 'a' });
    await clock.advance(1_000);
    release();
    await cluster.drive(stopped);
    cluster.conductor('c2');
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('SUCCESS');
    expect((await cluster.drive(cluster.client.job(jobId))).redelivered).toBe(0);
  });

  it('leaves nothing for others when it owns nothing', async () => {
    cluster = new Cluster();
    const { stop } = cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    await cluster.drive(cluster.client.wait(jobId));
    await cluster.runtime.clock.advance(1_000);
    const beforeMs = cluster.runtime.clock.monotonicMs();
    expect(await cluster.drive(stop())).toEqual({ left: 0 });
    expect(cluster.runtime.clock.monotonicMs() - beforeMs).toBeLessThan(2_000);
  });

  it('does not wait for services that are away', async () => {
    cluster = new Cluster();
    const { log, open } = countedLog();
    const ensureTopics = log.ensureTopics.bind(log);
    let answer: () => void = () => undefined;
    log.ensureTopics = async (topics) => {
      await new Promise<void>((done) => (answer = done));
      return ensureTopics(topics);
    };
    const { stop } = cluster.conductor('c1', {}, { log });
    await cluster.runtime.clock.advance(5_000);
    const beforeMs = cluster.runtime.clock.monotonicMs();
    expect(await cluster.drive(stop())).toEqual({ left: 0 });
    expect(cluster.runtime.clock.monotonicMs() - beforeMs).toBeLessThan(100);
    answer();
    await cluster.runtime.clock.advance(5_000);
    expect(open()).toBe(0);
    expect(await cluster.drive(cluster.client.cluster())).toMatchObject({ conductors: [] });
  });

  it('closes its writer when it ends because something must not happen', async () => {
    cluster = new Cluster();
    const { log, open } = countedLog();
    log.openReader = () => Promise.reject(new TypeError('must not happen'));
    const { stop } = cluster.conductor('c1', {}, { log });
    await cluster.runtime.clock.advance(5_000);
    await expect(cluster.drive(stop())).rejects.toThrow('must not happen');
    expect(open()).toBe(0);
  });

  it('has one writer, however often its topics were away at first', async () => {
    cluster = new Cluster();
    const { log, open } = countedLog();
    const ensureTopics = log.ensureTopics.bind(log);
    let failures = 3;
    log.ensureTopics = (topics) =>
      failures-- > 0
        ? Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'))
        : ensureTopics(topics);
    const { stop } = cluster.conductor('c1', {}, { log });
    await cluster.runtime.clock.advance(5_000);
    expect(open()).toBe(1);
    await cluster.drive(stop());
    expect(open()).toBe(0);
  });
});
