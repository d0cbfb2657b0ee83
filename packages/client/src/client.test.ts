import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { UnavailableError, type StoredDocument } from '@baton/core';
import { linear, task, type } from '@baton/flow';
import { openPersistence } from '@baton/persistence';
import {
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  fakeRuntime,
} from '@baton/testkit';
import { jobsPerBucketMax } from '../../jobboard/src/board-room.js';
import { bucketIndexOf } from '../../jobboard/src/layout.js';
import { claimEntry, fenceOf, terminalEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { Client } from './client.js';
import type { Postable } from './post-job.js';

const flow = linear('f').add(task('a', { execute: () => undefined }));

/** Each value is stored in line; all of them together are more than a document holds. */
const large = Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`s${n}`, 'x'.repeat(15_000)]));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** No conductor runs: what is posted stays as it is. */
function newClient() {
  const runtime = fakeRuntime();
  const store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
  const coordination = new SimulatedCoordination(runtime, {
    service: new SimulatedCoordinationService(runtime),
  });
  const { service } = coordination;
  const another = () => new Client({ runtime, coordination, store, board: 'default', clientId: 'client' });
  const drive = <T>(promise: Promise<T>): Promise<T> => runtime.clock.drive(promise);
  return { client: another(), another, runtime, coordination, service, store, drive };
}

describe('the client', () => {
  it('is not kept by a wait that will never end, when nobody else knows of it', async () => {
    const waiting = async (): Promise<WeakRef<Client>> => {
      const { client, drive, runtime } = newClient();
      await drive(client.post(flow, { key: 'j' }));
      void client.wait('j', { signal: new AbortController().signal });
      await runtime.clock.advance(100);
      return new WeakRef(client);
    };
    const kept = await waiting();
    // what a turn has looked at lives until its end
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(kept.deref()).toBeUndefined();
  });

  it('leaves nothing behind at the signal of a wait that is over', async () => {
    const { client, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    const { signal } = new AbortController();
    await expect(drive(client.wait('j', { timeoutMs: 100, signal }))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_DEADLINE',
      message: 'job j did not end within 100ms: `baton job get j` shows what it waits for',
    });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await drive(client.close());
  });

  it('does not wait when it is told to stop beforehand', async () => {
    const { client, drive } = newClient();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(drive(client.wait('j', { signal }))).rejects.toThrow('enough');
    await drive(client.close());
  });

  it('shows a cancel that nobody has applied yet', async () => {
    const { client, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    expect((await drive(client.job('j'))).pending).toEqual([]);
    await drive(client.cancel('j', { by: 'me', reason: 'enough' }));
    expect((await drive(client.job('j'))).pending).toEqual([
      {
        n: 1,
        command: 'cancel',
        arguments: { revert: true },
        by: 'me',
        reason: 'enough',
        atMs: expect.any(Number),
      },
    ]);
    await drive(client.close());
  });

  it('gives a command under a key once, also when the job has ended since; without the key it is refused then', async () => {
    const { client, runtime, store, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    const options = { key: 'k', ifSeq: 0 };
    await expect(drive(client.cancel('j', { ...options, ifSeq: 1 }))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_SEQUENCE',
      message: 'job j is at 0, and the command is for 1',
    });
    expect(await drive(client.cancel('j', options))).toBe(1);
    const { clusterId } = await drive(client.cluster());
    const { journal, ...persistence } = await drive(openPersistence({ store, runtime, clusterId }));
    await drive(journal.append(claimEntry({ flowId: 'j', seq: 1, fence: fenceOf(1) })));
    await drive(journal.append(terminalEntry({ flowId: 'j', seq: 2, fence: fenceOf(1) })));
    persistence.close();
    expect(await drive(client.cancel('j', options))).toBe(1);
    await expect(drive(client.cancel('j'))).rejects.toMatchObject({ code: 'BATON_CONFLICT_ENDED' });
    expect(await drive(client.head('j'))).toEqual({ seq: 2, outcome: 'SUCCESS' });
    expect((await drive(client.history('j'))).map(({ kind }) => kind)).toEqual(['post', 'claim', 'terminal']);
    await expect(drive(client.head('none'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    await expect(drive(client.history('none'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    await drive(client.close());
  });

  it('an environment belongs to the job: with another one the key is taken', async () => {
    const { client, drive } = newClient();
    const env = { region: 'eu', big: 'x'.repeat(3_000) };
    await drive(client.post(flow, { key: 'j', env }));
    expect(await drive(client.postOrFind(flow, { key: 'j', env }))).toEqual({ jobId: 'j', isNew: false });
    expect((await drive(client.history('j')))[0]).toMatchObject({ post: { env } });
    const other = client.post(flow, { key: 'j', env: { region: 'us' } });
    await expect(drive(other)).rejects.toMatchObject({ code: 'BATON_CONFLICT_KEY_REUSED' });
    const large = client.post(flow, { env: { x: 'y'.repeat(20_000) } });
    await expect(drive(large)).rejects.toMatchObject({ code: 'BATON_INPUT_TOO_LARGE' });
    await drive(client.close());
  });

  it('tells a new job from one that was posted before, also half, and gives the flow of each', async () => {
    const { client, service, drive } = newClient();
    expect(await drive(client.postOrFind(flow.toJSON(), { key: 'j' }))).toEqual({ jobId: 'j', isNew: true });
    expect(await drive(client.postOrFind(flow.toJSON(), { key: 'j' }))).toEqual({ jobId: 'j', isNew: false });
    service.faults.next('refuse', { operation: 'create' });
    await expect(drive(client.post(flow, { key: 'k' }))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    });
    expect(await drive(client.postOrFind(flow.toJSON(), { key: 'k' }))).toEqual({ jobId: 'k', isNew: false });
    const { definitionHash } = await drive(client.job('j'));
    expect(await drive(client.definition(definitionHash))).toMatchObject({ root: { name: 'f' } });
    await expect(drive(client.definition('0'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_DOCUMENT' });
    await drive(client.close());
  });

  it('gives commands in their order, with who and why', async () => {
    const { client, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    expect(await drive(client.suspend('j', { by: 'me', reason: 'a change' }))).toBe(1);
    expect(await drive(client.resume('j', { by: 'you' }))).toBe(2);
    const atMs: unknown = expect.any(Number);
    expect((await drive(client.job('j'))).pending).toEqual([
      { n: 1, command: 'suspend', by: 'me', reason: 'a change', atMs },
      { n: 2, command: 'resume', by: 'you', atMs },
    ]);
    await expect(drive(client.suspend('k'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    await drive(client.close());
  });

  it('has given a command that is stored, though its owner cannot be looked up', async () => {
    const { client, service, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    service.faults.next('refuse', { operation: 'children' });
    expect(await drive(client.cancel('j'))).toBe(1);
    expect(service.faults.pending).toBe(0);
    await drive(client.close());
  });

  it('posts nothing new to a full board, and says so; a repeated post is the same job', async () => {
    const { client, another, coordination, store, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    await drive(client.close());
    const full = bucketIndexOf('j').toString(16).padStart(2, '0');
    const session = await drive(coordination.connect({ timeoutMs: 60_000 }));
    for (let n = 1; n < jobsPerBucketMax; n++)
      await drive(session.create(`/boards/default/jobs/${full}/n${n}.0`, new Uint8Array()));
    const poster = another();
    const key = Array.from({ length: 10_000 }, (_, n) => `k${n}`).find(
      (candidate) => bucketIndexOf(candidate) === bucketIndexOf('j'),
    ) as string;
    await expect(drive(poster.post(flow, { key }))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_BOARD_FULL',
    });
    expect(await drive(store.get('jobs', [key]))).toEqual([undefined]);
    expect(await drive(poster.post(flow, { key: 'j' }))).toBe('j');
    await drive(poster.close());
    await drive(session.close());
  });

  it('says of a post without a key that it may have been posted, and under which key it can be repeated', async () => {
    const { client, service, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    service.faults.next('refuse', { operation: 'create' });
    const failed: unknown = await drive(client.post(flow).catch((error: unknown) => error));
    expect(service.faults.pending).toBe(0);
    expect(failed).toMatchObject({
      code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
      message: expect.stringMatching(/; job (\w{26}) may have been posted: .* with the key \1,/),
    });
    const { jobId } = (failed as UnavailableError).details as { readonly jobId: string };
    expect(await drive(client.post(flow, { key: jobId }))).toBe(jobId);
    expect((await drive(client.jobs())).map((job) => job.jobId).toSorted()).toEqual([jobId, 'j'].toSorted());
    await drive(client.close());
  });

  it('shows a job whose definition is gone, without its atoms', async () => {
    const { client, another, store, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    const { definitionHash } = await drive(client.job('j'));
    await drive(client.close());
    await drive(store.delete('definitions', [definitionHash]));
    const reader = another(); // the first one remembers the definition
    expect(await drive(reader.job('j'))).toMatchObject({ name: 'f', definitionHash, atoms: [], results: {} });
    // nor does it say of an atom that there is none
    expect(await drive(reader.decideParked('j', { atom: 'a', decision: 'fail' }))).toBe(1);
    await drive(reader.close());
  });

  it('gives what ended last first, whatever the ids are', async () => {
    const { client, store, drive } = newClient();
    await drive(client.jobs()); // makes the collections
    const ended = (_id: string, updatedAt: number): StoredDocument => ({
      ...{ _id, definitionHash: 'd', state: 'SUCCESS', outcome: 'SUCCESS', owner: null, fence: '' },
      ...{ seq: 3, claims: 1, postedAt: 0, updatedAt, body: '{"name":"f","counts":{},"failures":[]}' },
    });
    await drive(store.insert('job_archive', [ended('a', 3), ended('b', 1), ended('c', 2)]));
    const last = await drive(client.ended({ limit: 2 }));
    expect(last.map(({ flowId }) => flowId)).toEqual(['a', 'c']);
    await drive(client.close());
  });

  it.each([
    ['whose posting', flow, { tags: { note: 'x'.repeat(5_000) } }],
    ['whose values together', flow, { store: large }],
  ])('stores nothing of a post %s would not fit, so that its key stays free', async (_, posted, options) => {
    const { client, drive } = newClient();
    const refused = drive(client.post(posted.toJSON(), { key: 'j', ...options }));
    await expect(refused).rejects.toMatchObject({ code: 'BATON_INPUT_TOO_LARGE' });
    expect(await drive(client.post(flow, { key: 'j' }))).toBe('j');
    await drive(client.close());
  });

  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const nested = (depth: number) => Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 1);

  it.each([
    ['a store value that is a function', { store: { order: () => 1 } }, /store\.order is a function$/],
    ['a bigint', { store: { order: { price: 1n } } }, /store\.order\.price is a bigint$/],
    ['cyclic data', { store: { order: cyclic } }, /store\.order\.self is cyclic$/],
    ['a Date', { store: { order: [new Date(0)] } }, /store\.order\[0\] is a Date$/],
    ['what nests too deep', { store: { order: nested(201) } }, /^.{0,250} nested more than 200 deep$/],
    ['what nests far too deep', { store: { order: nested(100_000) } }, /nested more than 200 deep$/],
    ['a store that is a list', { store: [1] }, /^store must/],
    ['no store', { store: null }, /^store must/],
    ['a key that is a number', { key: 5 }, /^job id of type number must/],
    ['a priority that is none', { priority: 5 }, /^priority 5 must/],
    ['a name that is none', { name: 5 }, /^name must/],
    ['tags that are none', { tags: { a: 1n } }, /^tags must/],
    ['options that are none', 'now', /^options of post must/],
  ])('refuses %s, in words, before it stores anything', async (_, options, message) => {
    const { client, drive } = newClient();
    const refused = drive(client.post(flow.toJSON(), options as never));
    await expect(refused).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
      message: expect.stringMatching(message),
    });
    expect(await drive(client.jobs())).toEqual([]);
    await drive(client.close());
  });

  it.each<unknown>([null, undefined, 5, 'f', { toJSON: 5 }])(
    'refuses %p as a flow, in words',
    async (posted) => {
      const { client, drive } = newClient();
      await expect(drive(client.post(posted as Postable))).rejects.toMatchObject({
        code: 'BATON_DEFINITION_INVALID',
        message: expect.stringMatching(/^flow definition: /),
      });
      await drive(client.close());
    },
  );

  it('takes a symbol that is undefined as not given, and the deepest value a task could return', async () => {
    const { client, drive } = newClient();
    const needing = linear('f').add(
      task('a', { requires: { order: type<unknown>() }, execute: () => undefined }),
    );
    await expect(
      drive(client.post(needing.toJSON(), { store: { order: undefined } as never })),
    ).rejects.toMatchObject({
      code: 'BATON_DEFINITION_MISSING_REQUIREMENT',
      message: expect.stringContaining('order'),
    });
    expect(
      await drive(client.post(needing.toJSON(), { key: 'j', store: { order: nested(200) } as never })),
    ).toBe('j');
    await drive(client.close());
  });

  it('closed, opens no session any more: nobody would close it', async () => {
    const { client, service, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    await drive(client.close());
    await expect(drive(client.cancel('j'))).rejects.toMatchObject({ message: 'the client is closed' });
    expect(service.openSessions).toBe(0);
  });

  it('keeps the session that took the place of one lost while it was being opened, and closes it', async () => {
    const { client, coordination, service, runtime, drive } = newClient();
    const connect = coordination.connect.bind(coordination);
    let connected = 0;
    let again: Promise<unknown> | undefined;
    coordination.connect = async (options) => {
      const session = await connect(options);
      if (++connected > 1) return session;
      session.onState((state) => {
        if (state === 'lost') queueMicrotask(() => void (again = client.jobs()));
      });
      service.expire(session);
      return session;
    };
    await expect(drive(client.jobs())).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_DISCONNECTED' });
    expect(await drive(again as Promise<unknown>)).toEqual([]);
    expect([connected, service.openSessions]).toEqual([2, 1]);
    await drive(client.jobs());
    expect(connected).toBe(2);
    await drive(client.close());
    expect([service.openSessions, runtime.clock.pendingTimers]).toEqual([0, 0]);
  });

  it('opens the store once, however often it is asked while that is away, and closes it when it comes too late', async () => {
    const { client, store, runtime, drive } = newClient();
    let opened = 0;
    let isAway = true;
    const ensure = store.ensureCollections.bind(store);
    store.ensureCollections = (specs) => {
      if (isAway) return Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));
      opened++;
      return ensure(specs);
    };
    for (let n = 0; n < 3; n++)
      await expect(drive(client.jobs())).rejects.toThrow('the store did not answer within 5000 ms');
    const closed = drive(client.close());
    isAway = false;
    await closed;
    await runtime.clock.advance(60_000);
    expect([opened, runtime.clock.pendingTimers]).toEqual([1, 0]);
  });

  it('refuses a command for a job that has ended, though nothing of its end is archived', async () => {
    const { client, store, runtime, drive } = newClient();
    await drive(client.post(flow, { key: 'j' }));
    const owner = await drive(openPersistence({ store, runtime }));
    await drive(owner.journal.append(claimEntry({ flowId: 'j', seq: 1, fence: fenceOf(1) })));
    await drive(owner.journal.append(terminalEntry({ flowId: 'j', seq: 2, fence: fenceOf(1) }, 'REVERTED')));
    await expect(drive(client.cancel('j'))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_ENDED',
      message: 'job j has ended already: REVERTED',
    });
    expect(await drive(owner.commands.after('j', 0))).toEqual([]);
    owner.close();
    await drive(client.close());
  });

  it.each<[string, (client: Client) => Promise<unknown>, string]>([
    [
      'post',
      (client) => client.post(flow, { ky: 'x' } as never),
      'post has no option ky, did you mean key? It has key, store, priority, name, tags, notify, env, evaluateEnv, target',
    ],
    [
      'a time that is none',
      (client) => client.wait('j', { timeoutMs: 'x' as never }),
      'timeoutMs must be a number of milliseconds from 0 on, got "x"',
    ],
    [
      'a time that is over',
      (client) => client.wait('j', { timeoutMs: -5 }),
      'timeoutMs must be a number of milliseconds from 0 on, got -5',
    ],
    [
      'no time',
      (client) => client.wait('j', { timeoutMs: Number.NaN }),
      'timeoutMs must be a number of milliseconds from 0 on, got NaN',
    ],
    [
      'no options',
      (client) => client.wait('j', 5_000 as never),
      'options of wait must be an object, got 5000',
    ],
    [
      'a kind of flow',
      (client) => client.flows({ of: 'bad' as never, limit: 1 }),
      'of must be running or ended, got "bad"',
    ],
    [
      'a page without its size',
      (client) => client.flows({ of: 'ended' } as never),
      'limit must be a whole number from 1 on, got undefined',
    ],
    [
      'a page of nothing',
      (client) => client.ended({ limit: -1 }),
      'limit must be a whole number from 1 on, got -1',
    ],
    [
      'a place to watch from',
      (client) => client.watch('j', { fromSeq: -1 }).next(),
      'fromSeq must be a whole number from 0 on, got -1',
    ],
    [
      'whether to revert',
      (client) => client.cancel('j', { revert: 'no' as never }),
      'revert must be true or false, got "no"',
    ],
    [
      'a decision',
      (client) => client.decideParked('j', { atom: 'a', decision: 'again' as never }),
      'decision must be rerun or fail, got "again"',
    ],
  ])('names the option that is wrong: %s', async (_, ask, message) => {
    const { client, service } = newClient();
    await expect(ask(client)).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID', message });
    expect(service.openSessions).toBe(0);
  });

  it('takes an option that is undefined as not given', async () => {
    const { client, drive } = newClient();
    expect(await drive(client.post(flow, { key: 'j', name: undefined, ky: undefined } as never))).toBe('j');
    await drive(client.close());
  });

  it('refuses what cannot be the id of a job before it asks any service', async () => {
    const { client } = newClient();
    const asks = [
      (id: string) => client.job(id),
      (id: string) => client.wait(id),
      (id: string) => client.cancel(id),
      (id: string) => client.watch(id).next(),
    ];
    for (const ask of asks)
      for (const id of ['../x', '', 'a/b'])
        await expect(ask(id)).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
  });
});

it.each([
  ['is missing', {}, 'BATON_DEFINITION_MISSING_REQUIREMENT'],
  ['is not expected', { x: 1, z: 2 }, 'BATON_DEFINITION_ROUTE'],
])('R02 bad input leaves nothing: one that %s', async (_, given, code) => {
  const { client, store, drive } = newClient();
  const root = { kind: 'routed', name: 'f', requires: ['x'], atoms: [{ name: 'a' }] } as const;
  const post = client.post({ schemaVersion: 1, root }, { key: 'j', store: given });
  await expect(drive(post)).rejects.toMatchObject({ code });
  expect([await drive(client.jobs()), await drive(store.get('jobs', ['j']))]).toEqual([[], [undefined]]);
  await expect(drive(client.job('j'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
  await drive(client.close());
});
