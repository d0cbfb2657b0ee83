/** Events from outside, and the runs of a cluster that wait for them (C-1113). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RoutedAtomDefinition } from '@baton/flow';
import { collectionNames } from '@baton/persistence';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, ok } from './fixtures/cluster.js';

describe('a wait for an event', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const pass = (ms: number) => cluster.runtime.clock.advance(ms);
  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));
  const endOf = async (jobId: string) => {
    const { outcome } = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
    return [outcome, (await report(jobId)).results];
  };
  const send = (name: string, options: Parameters<typeof cluster.client.sendEvent>[1] = {}) =>
    cluster.drive(cluster.client.sendEvent(name, options));
  const store = () => new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
  const left = async (collection: 'eventWaits' | 'keptEvents') =>
    (await cluster.drive(store().find(collectionNames[collection], { limit: 100 }))).length;

  const paid = { task: 'std.wait-event', input: { name: 'paid', key: '${order}' } };
  const then = (name: string) => ({ onSuccess: { next: [{ to: name }] } });

  function post(
    more: Omit<RoutedAtomDefinition, 'name'> = {},
    { atoms = [], order = 7 }: { atoms?: readonly RoutedAtomDefinition[]; order?: number } = {},
  ): Promise<string> {
    const a = { name: 'a', ...paid, publish: { branch: { x: '${self.result}' } }, ...more };
    const output = { x: '${get(ctx, "x", null)}' };
    const start = ['a'];
    const root = {
      kind: 'routed',
      name: 'f',
      requires: ['order'],
      start,
      atoms: [a, ...atoms],
      output,
    } as const;
    return cluster.drive(cluster.client.post({ schemaVersion: 1, root }, { store: { order } }));
  }

  it('ends with its data, though nobody holds its job, which leaves nothing behind', async () => {
    cluster.conductor('c1');
    const jobId = await post();
    await pass(20_000);
    expect(await report(jobId)).toMatchObject({
      jobState: 'DORMANT',
      atoms: [{ state: 'RUNNING', delegate: 'std.wait-event', args: { name: 'paid', key: 7 } }],
    });
    const { delegates } = await cluster.drive(cluster.client.delegates({ limit: 10 }));
    expect(delegates).toMatchObject([{ jobId, atom: 'a', delegate: 'std.wait-event' }]);
    expect(await send('paid', { key: '7', data: { cents: 5 }, by: 'shop' })).toEqual({
      eventId: expect.any(String) as unknown,
      jobs: 1,
    });
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: { cents: 5 } }]);
    expect((await report(jobId)).commands).toMatchObject([{ command: 'event', by: 'shop' }]);
    expect(await left('eventWaits')).toBe(0);
  });

  it('is told to every job that waits, and to no other', async () => {
    cluster.conductor('c1');
    cluster.conductor('c2');
    const waiting = [await post(), await post(), await post()];
    const other = await post({}, { order: 8 });
    await pass(5_000);
    expect((await send('paid', { key: '7', data: 1 })).jobs).toBe(3);
    for (const jobId of waiting) expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 1 }]);
    expect((await report(other)).atoms).toMatchObject([{ state: 'RUNNING' }]);
    expect((await send('paid', { key: '7' })).jobs).toBe(0);
    expect((await send('paid')).jobs).toBe(0);
  });

  it('has nothing of an event that was sent before, unless that is kept; then each job has it once', async () => {
    cluster.conductor('c1');
    expect(await send('paid', { key: '7', data: 'lost' })).toMatchObject({ jobs: 0 });
    const kept = await send('paid', { key: '7', data: 'first', keepMs: 60_000 });
    expect(kept).toMatchObject({ jobs: 0, keptUntilMs: cluster.runtime.clock.wallMs() + 60_000 });
    await pass(1_000);
    await send('paid', { key: '7', data: 'second', keepMs: 30_000 });
    const next = { name: 'b', ...paid, publish: { branch: { x: '${x + " " + self.result}' } } };
    const jobId = await post(then('b'), { atoms: [next] });
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 'first second' }]);
    const third = await post(then('b'), {
      atoms: [
        { ...next, ...then('c') },
        { ...next, name: 'c' },
      ],
    });
    await pass(5_000);
    expect((await report(third)).atoms.map(({ state }) => state)).toEqual(['SUCCESS', 'SUCCESS', 'RUNNING']);
    await pass(60_000);
    const late = await post();
    await pass(5_000);
    expect((await report(late)).atoms).toMatchObject([{ state: 'RUNNING' }]);
    await send('other', { keepMs: 1_000 });
    expect(await left('keptEvents')).toBe(1);
  });

  it('has one of several events that are kept, the next one when it waits again', async () => {
    cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { work: ok }));
    for (const data of [1, 2, 3]) {
      await send('paid', { key: '7', data, keepMs: 60_000 - data });
      await pass(1);
    }
    const publish = { branch: { x: '${get(ctx, "x", []) + [self.result]}' } };
    const onSuccess = { next: [{ to: 'work', when: 'size(x) < 3' }] };
    const jobId = await post(
      { publish, onSuccess },
      { atoms: [{ name: 'work', task: 'work', ...then('a') }] },
    );
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: [1, 2, 3] }]);
  });

  it('has an event that is repeated under its id once; another one under it is refused', async () => {
    cluster.conductor('c1');
    const jobId = await post(then('b'), { atoms: [{ name: 'b', ...paid }] });
    await pass(5_000);
    const event = { key: '7', data: 1, id: 'e-1', keepMs: 60_000 };
    expect(await send('paid', event)).toMatchObject({ eventId: 'e-1', jobs: 1 });
    await pass(5_000);
    expect(await send('paid', event)).toMatchObject({ eventId: 'e-1', jobs: 1 });
    await pass(5_000);
    expect((await report(jobId)).atoms.map(({ state }) => state)).toEqual(['SUCCESS', 'RUNNING']);
    await expect(send('paid', { ...event, data: 2 })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
    await send('paid', { key: '7', id: 'e-2' });
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 1 }]);
  });

  it('is found again after its owner is gone, and an event that comes meanwhile is not lost', async () => {
    const owner = cluster.conductor('c1');
    const jobId = await post();
    await pass(500);
    await cluster.drive(owner.stop());
    expect((await send('paid', { key: '7', data: 1 })).jobs).toBe(1);
    cluster.conductor('c2');
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 1 }]);
  });

  it('is over when its time is, its job is cancelled, or somebody answers it; then nobody finds it', async () => {
    cluster.conductor('c1');
    const late = await post({ timeout: { waitMs: 30_000 } });
    const cancelled = await post();
    const answered = await post();
    await pass(5_000);
    await cluster.drive(cluster.client.cancel(cancelled));
    await cluster.drive(cluster.client.answerDelegate(answered, { atom: 'a', value: 9 }));
    expect(await endOf(answered)).toEqual(['SUCCESS', { x: 9 }]);
    expect((await endOf(cancelled))[0]).toBe('CANCELLED');
    await pass(60_000);
    expect((await report(late)).atoms).toMatchObject([{ failure: { code: 'TIMEOUT_WAIT' } }]);
    expect([await left('eventWaits'), (await send('paid', { key: '7' })).jobs]).toEqual([0, 0]);
  });

  const attempt = { attempts: { max: 2, delayMs: 10_000 }, timeout: { waitMs: 5_000 } };
  const busy = { name: 'busy', task: 'busy', ...then('b') };
  const second = { name: 'b', ...paid, publish: { branch: { x: '${x + " " + self.result}' } } };
  const third = { ...second, name: 'c' };
  const statesOf = async (jobId: string) => (await report(jobId)).atoms.map(({ state }) => state);
  /** A task that takes five seconds. */
  const busyWorker = () =>
    cluster.drive(
      cluster.worker('w1', {
        busy: async (request) => {
          await new Promise<void>((resolve) => cluster.runtime.clock.setTimer(5_000, resolve));
          return ok(request);
        },
      }),
    );
  const waitsNoted = () => cluster.drive(store().find(collectionNames.eventWaits, { limit: 9 }));

  it('has of two events that come at once one, and what waits later the other, no more than once', async () => {
    cluster.conductor('c1');
    await busyWorker();
    const jobId = await post(then('busy'), { atoms: [busy, { ...second, ...then('c') }, third] });
    await pass(5_000);
    const kept = { key: '7', keepMs: 600_000 };
    await cluster.drive(
      Promise.all(['one', 'two'].map((data) => cluster.client.sendEvent('paid', { ...kept, data }))),
    );
    await pass(2_000);
    expect((await report(jobId)).commands.map(({ refused }) => refused)).toEqual([
      undefined,
      'nothing waited for the event',
    ]);
    await pass(20_000);
    expect(await statesOf(jobId)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'RUNNING']);
    await send('paid', { key: '7', data: 'three' });
    expect(await endOf(jobId)).toEqual([
      'SUCCESS',
      { x: expect.stringMatching(/^(one two|two one) three$/) as unknown },
    ]);
  });

  it.each([1, 2])('has one that came between two attempts, whoever of %d owners goes on', async (owners) => {
    const first = cluster.conductor('c1');
    const jobId = await post(attempt);
    await pass(3_000);
    const noted = await waitsNoted();
    await pass(4_000);
    await cluster.drive(store().insert(collectionNames.eventWaits, noted));
    expect(await send('paid', { key: '7', data: 1, keepMs: 60_000 })).toMatchObject({ jobs: 1 });
    await pass(1_000);
    expect(await statesOf(jobId)).toEqual(['DELAYED']);
    if (owners === 2) {
      await cluster.drive(first.stop());
      cluster.conductor('c2');
    }
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 1 }]);
  });

  it('is told to two that wait at once together, of an event that nothing had waited for', async () => {
    cluster.conductor('c1');
    await busyWorker();
    const jobId = await post(
      { onSuccess: { next: [{ to: 'busy' }] } },
      {
        atoms: [
          { ...busy, onSuccess: { next: [{ to: 'b' }, { to: 'c' }] } },
          second,
          { ...third, ...then('d') },
          { ...third, name: 'd' },
        ],
      },
    );
    await pass(3_000);
    const kept = { key: '7', keepMs: 600_000 };
    await cluster.drive(
      Promise.all(['one', 'two'].map((data) => cluster.client.sendEvent('paid', { ...kept, data }))),
    );
    await pass(30_000);
    expect(await statesOf(jobId)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS', 'RUNNING']);
  });

  it('has nothing of a stored event that no command can tell of, which is no fault of its owner', async () => {
    cluster.conductor('c1');
    await send('paid', { key: '7', keepMs: 600_000, data: 'bad' });
    const [kept] = await cluster.drive(store().find(collectionNames.keptEvents, { limit: 9 }));
    const body = JSON.stringify({ ...JSON.parse(String(kept?.['body'])), by: 'x'.repeat(2_000) });
    await cluster.drive(store().replace(collectionNames.keptEvents, kept ? [{ ...kept, body }] : []));
    const jobId = await post();
    await pass(5_000);
    expect(await statesOf(jobId)).toEqual(['RUNNING']);
    await send('paid', { key: '7', data: 'good' });
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 'good' }]);
    const { lines } = cluster.runtime.logger;
    expect(lines.map(({ message }) => message)).toContain('job.event-not-told');
  });

  it.each([
    ['cannot be read', { body: '{"facts":' }],
    ['is of a newer version', { schemaVersion: 99 }],
  ])('is told to the others when the journal of one that waits %s', async (_what, change) => {
    cluster.conductor('c1');
    const bad = await post();
    const good = await post();
    await pass(20_000);
    const entries = cluster.documents.documentsOf('journal').filter(({ flowId }) => flowId === bad);
    await cluster.drive(
      store().replace(
        'journal',
        entries.map((entry) => ({ ...entry, ...change })),
      ),
    );
    expect((await send('paid', { key: '7', data: 1 })).jobs).toBe(1);
    expect(await endOf(good)).toEqual(['SUCCESS', { x: 1 }]);
    expect((await waitsNoted()).map(({ flowId }) => flowId)).toEqual([bad]);
  });

  it('is told to the others when one has had another event under its id, and stays noted while a job is not found', async () => {
    cluster.conductor('c1');
    const jobId = await post(then('b'), { atoms: [second] });
    await pass(5_000);
    await send('paid', { key: '7', data: 'one', id: 'e-1' });
    const other = await post();
    await pass(5_000);
    const [wait] = await waitsNoted();
    await cluster.drive(
      store().insert(collectionNames.eventWaits, wait ? [{ ...wait, _id: '0', flowId: 'gone' }] : []),
    );
    await expect(send('paid', { key: '7', data: 'two', id: 'e-1' })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
    expect(await endOf(other)).toEqual(['SUCCESS', { x: 'two' }]);
    await send('paid', { key: '7', data: 'three' });
    expect(await endOf(jobId)).toEqual(['SUCCESS', { x: 'one three' }]);
    expect((await waitsNoted()).map(({ flowId }) => flowId)).toEqual(['gone']);
  });

  it('that a job left behind is deleted by who finds it', async () => {
    cluster.conductor('c1');
    const jobId = await post();
    await pass(5_000);
    const [wait] = await cluster.drive(store().find(collectionNames.eventWaits, { limit: 1 }));
    await send('paid', { key: '7' });
    await endOf(jobId);
    await cluster.drive(store().insert(collectionNames.eventWaits, wait ? [wait] : []));
    expect([(await send('paid', { key: '7' })).jobs, await left('eventWaits')]).toEqual([0, 0]);
  });

  it('is told to many jobs', async () => {
    cluster.conductor('c1');
    const each = { forEach: { item: Array.from({ length: 300 }, (_, n) => n) }, publish: {} };
    const jobIds = [await post(each), await post(each)];
    await pass(10_000);
    expect((await send('paid', { key: '7', data: 0 })).jobs).toBe(2);
    for (const jobId of jobIds) expect((await endOf(jobId))[0]).toBe('SUCCESS');
    expect(await left('eventWaits')).toBe(0);
  });

  it.each([
    ['', {}],
    ['x'.repeat(257), {}],
    ['paid', { key: 'x'.repeat(513) }],
    ['paid', { key: 7 as never }],
    ['paid', { keepMs: 31 * 24 * 3_600_000 }],
    ['paid', { keepMs: -1 }],
    ['paid', { id: 'a b' }],
    ['paid', { data: 1n }],
    ['paid', { keep: 1 } as never],
    [7 as never, {}],
  ])('refuses what is no event, %#', async (name, options) => {
    await expect(send(name, options)).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
  });

  it('refuses a name of its sender that is too long, and keeps nothing', async () => {
    const by = 'x'.repeat(2_000);
    await expect(send('paid', { keepMs: 60_000, by })).rejects.toMatchObject({
      code: 'BATON_INPUT_TOO_LARGE',
    });
    expect(await left('keptEvents')).toBe(0);
  });

  it('has data that are stored apart, up to the limit of values', async () => {
    cluster.conductor('c1');
    const jobId = await post({ publish: {} });
    await pass(5_000);
    await expect(send('paid', { key: '7', data: 'x'.repeat(600_000) })).rejects.toMatchObject({
      code: 'BATON_INPUT_TOO_LARGE',
    });
    await send('paid', { key: '7', data: 'x'.repeat(300_000) });
    expect((await endOf(jobId))[0]).toBe('SUCCESS');
  });
});
