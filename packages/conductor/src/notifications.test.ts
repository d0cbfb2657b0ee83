/** Who is told of a job: in order, at least once, whoever owns it (C-1404, C-1405). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DocumentStore, type Notification, type NotifyTarget, rendezvousFirst } from '@baton/core';
import type { PostOptions } from '@baton/client';
import { linear } from '@baton/flow';
import { openPersistence } from '@baton/persistence';
import { SimulatedDocumentStore } from '@baton/testkit';
import { type Behaviour, Cluster, noop, ok } from './fixtures/cluster.js';

const hook: NotifyTarget = { url: 'https://hooks.example.com/secret-path', events: ['*'] };
const flow = linear('f').add(noop('a'), noop('b'));

describe('notifications', () => {
  let cluster: Cluster;
  let told: { readonly by: string; readonly url: string; readonly notification: Notification }[];
  let refuse: (url: string, notification: Notification) => boolean;
  beforeEach(() => {
    cluster = new Cluster();
    told = [];
    refuse = () => false;
  });
  afterEach(() => cluster.dispose());

  const start = (id: string, targets: readonly NotifyTarget[] = [], store?: DocumentStore) =>
    cluster.conductor(
      id,
      {},
      {
        ...(store && { store }),
        notifications: {
          targets,
          send: ({ url }, { body }) => {
            const notification = JSON.parse(body) as Notification;
            if (refuse(url, notification)) return Promise.reject(new Error('answered 500'));
            told.push({ by: id, url, notification });
            return Promise.resolve();
          },
        },
      },
    );
  const post = (options: PostOptions = { notify: [hook] }) =>
    cluster.drive(cluster.client.post(flow, { key: 'j', ...options }));
  const wait = () => cluster.drive(cluster.client.wait('j', { timeoutMs: 600_000 }));
  const report = async () => (await cluster.drive(cluster.client.job('j'))).notifications;
  const types = () =>
    told.flatMap(({ notification }) =>
      notification.events.map(({ type, atom }) => [type, atom].join(' ').trim()),
    );
  const whole = [
    ...[
      'run.started',
      'atom.started a',
      'atom.succeeded a',
      'atom.started b',
      'atom.succeeded b',
      'run.succeeded',
    ],
  ];

  it('tell of a linear flow in its order', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
    start('c1');
    await post();
    await wait();
    await cluster.runtime.clock.advance(1_000);
    expect(types()).toEqual(whole);
    const numbers = told.map(({ notification }) => notification.seq);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(await report()).toMatchObject([{ target: 'https://hooks.example.com', dead: 0 }]);
  });

  it('tell of what was asked for: by default of the run; beside it those of the configuration, of every job', async () => {
    await cluster.drive(
      cluster.worker('w1', {
        a: ok,
        b: ({ action }) => (action === 'execute' ? Promise.reject(new Error('no')) : { data: 1 }),
      }),
    );
    start('c1', [{ url: 'https://every.example.com/', events: ['atom.failed', 'run.reverted'] }]);
    await post({ notify: [{ url: 'https://mine.example.com/' }] });
    await wait();
    await cluster.runtime.clock.advance(1_000);
    const of = (url: string) =>
      told
        .filter((each) => each.url === url)
        .flatMap(({ notification }) => notification.events.map(({ type }) => type));
    expect(of('https://mine.example.com/')).toEqual(['run.started', 'run.reverted']);
    expect(of('https://every.example.com/')).toEqual(['atom.failed', 'run.reverted']);
    const [failed] = told.flatMap(({ notification }) => notification.events).filter(({ failure }) => failure);
    expect(failed?.failure).toEqual({ message: 'no', types: ['Error'] });
  });

  it('are sent again until they are taken, in order, and hold up nobody else', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
    start('c1');
    let refusals = 4;
    refuse = (url) => url.startsWith('https://slow') && refusals-- > 0;
    await post({ notify: [{ url: 'https://slow.example.com/', events: ['*'] }, hook] });
    await wait();
    await cluster.runtime.clock.advance(500);
    expect(types()).toEqual(whole);
    expect(await report()).toMatchObject([{ problem: 'answered 500', seq: -1 }, { dead: 0 }]);
    told = [];
    await cluster.runtime.clock.advance(60_000);
    expect(types()).toEqual(whole);
    expect(await report()).toEqual([
      expect.not.objectContaining({ problem: expect.anything() }),
      expect.anything(),
    ]);
  });

  it('that nobody takes are given up after a quarter of an hour, which can be seen; the next ones follow', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
    start('c1');
    refuse = (_, { events }) => events.some(({ type }) => type === 'run.started');
    await post({ notify: [{ ...hook, headers: { authorization: 'Bearer secret' } }] });
    await wait();
    await cluster.runtime.clock.advance(14 * 60_000);
    expect(types()).toEqual([]);
    await cluster.runtime.clock.advance(2 * 60_000);
    expect(types()).toEqual(whole.slice(2));
    const [progress] = await report();
    expect(progress).toMatchObject({ dead: 1, lastDead: { reason: 'answered 500' } });
    const lines = cluster.runtime.logger.lines.filter(({ message }) => message === 'notification.dead');
    expect(lines).toHaveLength(1);
    expect(JSON.stringify([await report(), cluster.runtime.logger.lines])).not.toMatch(/secret/);
  });

  it('are gone on with by the next owner: nothing is left out, and what was taken is not told again', async () => {
    let finish = (): void => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', {
        a: ok,
        b: () => new Promise((resolve) => (finish = () => resolve({ data: 1 }))),
      }),
    );
    const first = start('c1');
    await post();
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 2);
    await cluster.runtime.clock.advance(1_000);
    cluster.coordination.expire(first.session());
    await cluster.drive(first.stop());
    start('c2');
    await cluster.runtime.clock.advance(10_000);
    finish();
    await wait();
    await cluster.runtime.clock.advance(1_000);
    expect(types()).toEqual(whole);
    expect(new Set(told.map(({ by }) => by))).toEqual(new Set(['c1', 'c2']));
  });

  it('of a job that has ended are gone on with when its owner dies', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
    const first = start('c1');
    refuse = (_, { events }) => events.some(({ type }) => type === 'run.succeeded');
    await post();
    await wait();
    await cluster.runtime.clock.advance(2_000);
    cluster.coordination.expire(first.session());
    await cluster.drive(first.stop());
    refuse = () => false;
    start('c2');
    start('c3');
    await cluster.runtime.clock.advance(120_000);
    expect(types()).toEqual(whole);
  });

  const slow: NotifyTarget = { url: 'https://slow.example.com/' };
  const runsOf = ({ url }: NotifyTarget) =>
    told
      .filter((each) => each.url === url)
      .flatMap(({ notification }) => notification.events.map(({ type }) => type))
      .filter((type) => type.startsWith('run.'));
  const records = () => cluster.documents.documentsOf('notifications').map(({ state }) => state);
  /** Of a job that is undone at first, and succeeds when it is run again; nobody at `slow` takes anything. */
  const undoneAtFirst = async () => {
    let isFirst = true;
    const b: Behaviour = ({ action }) => {
      if (action !== 'execute' || !isFirst) return { data: 1 };
      isFirst = false;
      throw new Error('not yet');
    };
    await cluster.drive(cluster.worker('w1', { a: ok, b: async (request) => b(request) }));
    refuse = (url) => url === slow.url;
    await post({ notify: [slow, { url: hook.url }] });
    await wait();
    await cluster.runtime.clock.advance(1_000);
    expect(runsOf(hook)).toEqual(['run.started', 'run.reverted']);
  };
  const bothLives = ['run.started', 'run.reverted', 'run.started', 'run.succeeded'];

  it('of a job that is run again go to those too who were told of its end while others were not yet', async () => {
    start('c1');
    await undoneAtFirst();
    await cluster.drive(cluster.client.rerun('j'));
    await wait();
    await cluster.runtime.clock.advance(1_000);
    expect(runsOf(hook)).toEqual(bothLives);
    expect(records()).toEqual(['OPEN']);
    refuse = () => false;
    await cluster.runtime.clock.advance(120_000);
    expect([runsOf(hook), runsOf(slow)]).toEqual([bothLives, bothLives]);
    expect(records()).toEqual(['DONE']);
  });

  it('of a job that is run again elsewhere are told by its new owner alone', async () => {
    start('c2');
    await undoneAtFirst();
    const other = start(rendezvousFirst('j', ['c1', 'c2']) ?? '');
    await cluster.runtime.clock.advance(1_000);
    await cluster.drive(cluster.client.rerun('j'));
    await wait();
    expect(other.conductor.counters.settled).toBe(1);
    await cluster.runtime.clock.advance(1_000);
    refuse = () => false;
    await cluster.runtime.clock.advance(120_000);
    expect([runsOf(hook), runsOf(slow)]).toEqual([bothLives, bothLives]);
    expect(new Set(told.filter(({ url }) => url === slow.url).map(({ by }) => by))).toEqual(new Set(['c1']));
    expect(records()).toEqual(['DONE']);
  });

  it('of a job that has ended are gone on with after an old read, as if somebody else told of it', async () => {
    let isOld = false;
    const store = new (class extends SimulatedDocumentStore {
      override async get(...args: Parameters<DocumentStore['get']>): ReturnType<DocumentStore['get']> {
        const found = await super.get(...args);
        return isOld && args[0] === 'notifications' ? found.map(() => undefined) : found;
      }
    })(cluster.runtime, { service: cluster.documents });
    start('c1', [], store);
    await undoneAtFirst();
    isOld = true;
    await cluster.runtime.clock.advance(2_000);
    isOld = false;
    refuse = () => false;
    await cluster.runtime.clock.advance(120_000);
    expect(runsOf(slow)).toEqual(bothLives.slice(0, 2));
    expect(records()).toEqual(['DONE']);
  });

  it('of a job that has ended are over when its owner dies after some were told of the end', async () => {
    const first = start('c1');
    await undoneAtFirst();
    cluster.coordination.expire(first.session());
    await cluster.drive(first.stop());
    refuse = () => false;
    start('c2');
    await cluster.runtime.clock.advance(120_000);
    expect([runsOf(hook), runsOf(slow)]).toEqual([bothLives.slice(0, 2), bothLives.slice(0, 2)]);
    expect(records()).toEqual(['DONE']);
  });

  it('of a job that has ended are over when nobody is told any more', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
    const first = start('c1', [hook]);
    refuse = () => true;
    await post({});
    await wait();
    await cluster.drive(first.stop());
    start('c2');
    await cluster.runtime.clock.advance(120_000);
    expect(cluster.documents.documentsOf('notifications')).toMatchObject([{ _id: 'j', state: 'DONE' }]);
  });

  it('of a job that is purged are forgotten, and those of one that is being posted are not', async () => {
    const { runtime, documents } = cluster;
    const { clock } = runtime;
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    const { jobs, notifications } = await clock.drive(openPersistence({ store, runtime }));
    const given = { name: 'n', board: 'default', targets: [hook] };
    for (const flowId of ['purged', 'posting']) await clock.drive(notifications.insert({ flowId, ...given }));
    const post = { jobId: 'posting', definitionHash: 'd', contentHash: 'c', posting: '{}', postedAtMs: 0 };
    await clock.drive(jobs.insert(post));
    start('c1');
    await clock.advance(120_000);
    expect(documents.documentsOf('notifications').map(({ _id }) => _id)).toEqual(['posting']);
  });

  it('of a job that has fallen asleep are sent until they are taken', async () => {
    start('c1');
    refuse = (_, { events }) => events.some(({ type }) => type === 'run.suspended');
    await post();
    await cluster.drive(cluster.client.suspend('j', { by: 'mo' }));
    await cluster.runtime.clock.advance(20_000);
    expect((await cluster.drive(cluster.client.job('j'))).jobState).toBe('DORMANT');
    expect(types()).not.toContain('run.suspended');
    refuse = () => false;
    await cluster.runtime.clock.advance(120_000);
    expect(types().slice(-2)).toEqual(['command.suspend', 'run.suspended']);
    await cluster.drive(cluster.client.resume('j'));
    await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
    await wait();
    await cluster.runtime.clock.advance(1_000);
    expect(types().filter((type) => type.startsWith('run.'))).toEqual([
      ...['run.started', 'run.suspending', 'run.suspended', 'run.resumed', 'run.succeeded'],
    ]);
  });

  it('of a job that sleeps are gone on with when who put it to sleep dies', async () => {
    const first = start('c1');
    refuse = (_, { events }) => events.some(({ type }) => type === 'run.suspended');
    await post();
    await cluster.drive(cluster.client.suspend('j'));
    await cluster.runtime.clock.advance(20_000);
    cluster.coordination.expire(first.session());
    await cluster.drive(first.stop());
    refuse = () => false;
    start('c2');
    await cluster.runtime.clock.advance(120_000);
    expect((await cluster.drive(cluster.client.job('j'))).jobState).toBe('DORMANT');
    expect(types().at(-1)).toBe('run.suspended');
  });

  it.each([0, 20_000])(
    'of a job that wakes elsewhere are told by its new owner alone (%d ms after it was suspended)',
    async (delayMs) => {
      start('c2');
      refuse = (_, { events }) => events.some(({ type }) => type === 'run.suspended');
      await post();
      await cluster.drive(cluster.client.suspend('j'));
      await cluster.runtime.clock.advance(20_000);
      const other = rendezvousFirst('j', ['c1', 'c2']) ?? '';
      expect(other).toBe('c1');
      const { conductor } = start(other);
      await cluster.runtime.clock.advance(delayMs);
      await cluster.drive(cluster.client.resume('j'));
      await cluster.runtime.clock.advance(2_000);
      expect(conductor.counters.takenOver).toBe(1);
      refuse = () => false;
      await cluster.drive(cluster.worker('w1', { a: ok, b: ok }));
      await wait();
      await cluster.runtime.clock.advance(120_000);
      const woken = told.slice(told.findIndex(({ by }) => by === other));
      expect(new Set(woken.map(({ by }) => by))).toEqual(new Set([other]));
      expect(types().filter((type) => type.startsWith('run.'))).toEqual([
        ...['run.started', 'run.suspending', 'run.suspended', 'run.resumed', 'run.succeeded'],
      ]);
      const [record] = cluster.documents.documentsOf('notifications');
      expect(record?.['state']).toBe('DONE');
    },
  );

  it('make the same post another one when they differ', async () => {
    await post();
    await expect(post()).resolves.toBe('j');
    await expect(post({})).rejects.toMatchObject({ code: 'BATON_CONFLICT_KEY_REUSED' });
  });

  it.each<[string, unknown, RegExp]>([
    ['another scheme', { url: 'file:///etc/passwd' }, /notify\[0\].url must be an http or https url/],
    ['a password', { url: 'https://me:pw@example.com' }, /must not hold a user or password/],
    [
      'a header of two lines',
      { ...hook, headers: { a: 'b\r\nc: d' } },
      /"a" is no header, or its value is none/,
    ],
    ['a header of ours', { ...hook, headers: { Host: 'x' } }, /Host is set by Baton/],
    ['an event there is not', { ...hook, events: ['run.*x'] }, /must be types of events/],
    ['something else', { ...hook, method: 'GET' }, /has no method/],
  ])('are refused with %s', async (_, target, message) => {
    await expect(post({ notify: [target as NotifyTarget] })).rejects.toThrow(message);
  });
});
