/** Jobs that ended long ago, or before many others, are deleted, a few at a time, and purged an hour later (C-1312, C-1313). */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { linear } from '@baton/flow';
import type { JobReading } from '@baton/jobboard';
import { openPersistence, purgedAfterMs } from '@baton/persistence';
import { CapturingLogger, SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import { limits } from './options.js';
import { RetentionDuty, type RetentionOptions } from './retention-duty.js';
import { SessionTimers } from './session-timers.js';

const hour = 3_600_000;
const day = 24 * hour;

/** Jobs as they are stored, without anybody who ran them. */
async function storedJobs(options: RetentionOptions) {
  const runtime = { ...fakeRuntime(), logger: new CapturingLogger() };
  const { clock } = runtime;
  const store = new SimulatedDocumentStore(runtime);
  const persistence = await clock.drive(openPersistence({ store, runtime }));
  const { service } = store;
  const nowMs = clock.wallMs();
  interface Given {
    readonly endedMsAgo?: number;
    readonly isOpen?: boolean;
    readonly rootId?: string;
    readonly board?: string;
  }
  const put = async (jobs: readonly (readonly [id: string, given: Given])[]): Promise<void> => {
    const documents = jobs.map(([jobId, { endedMsAgo = 0, isOpen = false, rootId, board = 'b' }]) => {
      const at = nowMs - endedMsAgo;
      const posting = JSON.stringify({ name: 'n', board });
      const common = { flowId: jobId, fence: '00000000:0000000000000001', opId: 'o', at, schemaVersion: 1 };
      const post = { name: 'n', definitionHash: 'd', store: {} };
      return {
        job: {
          _id: jobId,
          definitionHash: 'd',
          contentHash: 'c',
          posting,
          postedAt: at - 1,
          state: 'POSTED',
          ...(rootId !== undefined && { rootId }),
        },
        entries: [
          { ...common, _id: `${jobId}:0`, seq: 0, kind: 'post', body: JSON.stringify({ facts: [], post }) },
          ...(isOpen
            ? []
            : [
                {
                  ...common,
                  _id: `${jobId}:1`,
                  seq: 1,
                  kind: 'terminal',
                  body: '{"facts":[],"outcome":"SUCCESS"}',
                },
              ]),
        ],
        end: isOpen
          ? []
          : [{ _id: jobId, seq: 1, updatedAt: at, state: 'SUCCESS', fence: '', claims: 1, body: '{}' }],
      };
    });
    await clock.drive(
      store.insert(
        'jobs',
        documents.map(({ job }) => job),
      ),
    );
    await clock.drive(
      store.insert(
        'journal',
        documents.flatMap(({ entries }) => entries),
      ),
    );
    await clock.drive(
      store.insert(
        'job_archive',
        documents.flatMap(({ end }) => end),
      ),
    );
  };
  const states = new Map<string, JobReading['state']>();
  const trash = new Set<string>();
  const board = {
    name: 'b',
    read: (jobId: string) =>
      Promise.resolve({ state: states.get(jobId) ?? ('ABSENT' as const), claims: 0, life: 0 }),
    emptyTrash: (jobId: string) => Promise.resolve(void trash.add(jobId)),
  };
  const timers = new SessionTimers(clock);
  const duty = new RetentionDuty({ runtime, board, persistence, options, timers, isMine: () => isMine });
  let isMine = true;
  const setMine = (value: boolean) => void (isMine = value);
  const step = () => clock.drive(duty.step());
  /** To the end of all jobs. */
  const pass = async () => {
    while ((await step()) !== limits.retentionMs.rest);
  };
  const of = (isDeleted: boolean) =>
    service
      .documentsOf('jobs')
      .filter(({ state }) => (state === 'DELETED') === isDeleted)
      .map(({ _id }) => _id)
      .toSorted();
  const kept = () => of(false);
  const deleted = () => of(true);
  const documents = () =>
    ['jobs', 'journal', 'job_archive'].map((collection) => service.documentsOf(collection).length);
  const { logger } = runtime;
  return {
    ...{ put, step, pass, kept, deleted, documents, states, trash, setMine },
    ...{ clock, duty, timers, persistence, service, logger },
  };
}

describe('retention', () => {
  it('by age: of those of this board that have ended; what they were is purged an hour later, once they are off it', async () => {
    const { put, pass, kept, deleted, states, documents, clock } = await storedJobs({ ageMs: day });
    await put([
      ['a-old', { endedMsAgo: 2 * day }],
      ['b-new', { endedMsAgo: day / 2 }],
      ['c-open', { endedMsAgo: 2 * day, isOpen: true }],
      ['d-elsewhere', { endedMsAgo: 2 * day, board: 'other' }],
      ['e-on-board', { endedMsAgo: 2 * day }],
    ]);
    states.set('e-on-board', 'UNCLAIMED');
    await pass();
    expect(kept()).toEqual(['b-new', 'c-open', 'd-elsewhere']);
    expect(documents()).toEqual([5, 9, 2]);
    await clock.advance(purgedAfterMs - 1_000);
    await pass();
    expect(deleted()).toEqual(['a-old', 'e-on-board']);
    await clock.advance(1_000);
    await pass();
    expect([deleted(), documents()]).toEqual([['e-on-board'], [4, 7, 2]]);
    states.clear();
    await pass();
    expect([deleted(), documents()]).toEqual([[], [3, 5, 2]]);
  });

  it('by count: the newest stay, whatever their ids', async () => {
    const { put, pass, kept } = await storedJobs({ count: 2 });
    await put([5, 1, 4, 2, 3].map((n) => [`j${n}`, { endedMsAgo: hour * (10 - n) }] as const));
    // the first time through, it counts
    await pass();
    expect(kept()).toHaveLength(5);
    await pass();
    expect(kept()).toEqual(['j4', 'j5']);
    await pass();
    expect(kept()).toEqual(['j4', 'j5']);
  });

  it('of child runs: with their root, when all of them have ended', async () => {
    const { put, pass, kept, documents, clock, states, service } = await storedJobs({ ageMs: day, count: 2 });
    await put([
      ['p', { endedMsAgo: day / 2 }],
      ['p_c1', { endedMsAgo: 3 * day, rootId: 'p' }],
      ['q', { endedMsAgo: 2 * day }],
      ...Array.from({ length: 350 }, (_, n) => [`q_c${n}`, { endedMsAgo: 2 * day, rootId: 'q' }] as const),
      ['r', { endedMsAgo: 2 * day }],
      ['r_c1', { endedMsAgo: 2 * day, rootId: 'r', isOpen: true }],
    ]);
    await pass();
    expect(kept()).toEqual(['p', 'p_c1', 'r', 'r_c1']);
    // who deleted it died before all of it was hidden
    const { documents: jobs } = service.collection('baton', 'jobs');
    const child = jobs.get('q_c7');
    if (child) jobs.set('q_c7', { ...child, state: 'POSTED' });
    states.set('q_c8', 'CLAIMED');
    await clock.advance(purgedAfterMs);
    await pass();
    expect(documents()[0]).toBe(4 + 3);
    states.clear();
    await pass();
    expect(kept()).toEqual(['p', 'p_c1', 'r', 'r_c1']);
    expect(documents()).toEqual([4, 7, 3]);
  });

  it('of what is in the trash, and of posts that nobody finished', async () => {
    const { put, pass, documents, states, trash, service, clock } = await storedJobs({ ageMs: day });
    await put([
      ['poison', { endedMsAgo: 2 * day }],
      ['post', { endedMsAgo: 2 * day, isOpen: true }],
    ]);
    states.set('poison', 'TRASHED');
    service.collection('baton', 'journal').documents.delete('post:0');
    await pass();
    await clock.advance(purgedAfterMs);
    await pass();
    expect([documents(), [...trash]]).toEqual([[0, 0, 0], ['poison']]);
  });

  it('not of one that somebody had go on at that moment: it is shown again', async () => {
    const { put, pass, kept, deleted, clock, persistence, service, states } = await storedJobs({
      ageMs: day,
    });
    await put([
      ['a', { endedMsAgo: 2 * day }],
      ['b', { endedMsAgo: 2 * day }],
    ]);
    const record = await clock.drive(persistence.jobs.get('b'));
    if (record) await clock.drive(persistence.jobs.markReopening(record));
    await pass();
    expect([kept(), deleted()]).toEqual([['b'], ['a']]);
    const { documents } = service.collection('baton', 'journal');
    const entry = documents.get('a:1');
    if (entry) documents.set('a:2', { ...entry, _id: 'a:2', seq: 2, kind: 'turn', body: '{"facts":[]}' });
    states.set('a', 'CLAIMED');
    await clock.advance(purgedAfterMs);
    await pass();
    expect([kept(), deleted()]).toEqual([['a', 'b'], []]);
  });

  it('not of one that somebody has told to go on and who died then: it is put on the board again', async () => {
    const { put, pass, deleted, clock, persistence } = await storedJobs({ ageMs: day });
    await put([['a', { endedMsAgo: 2 * day }]]);
    await pass();
    expect(deleted()).toEqual(['a']);
    await clock.drive(persistence.commands.append('a', { command: 'rerun', arguments: {} }));
    await clock.advance(purgedAfterMs);
    await pass();
    expect((await clock.drive(persistence.jobs.get('a')))?.state).toBe('REOPENING');
  });

  it('not while somebody is to be told of their end', async () => {
    const { put, pass, deleted, clock, persistence } = await storedJobs({ ageMs: day });
    await put([['a', { endedMsAgo: 2 * day }]]);
    const { notifications } = persistence;
    const record = { flowId: 'a', name: 'n', board: 'b', targets: [{ url: 'https://hooks.example.com/' }] };
    await clock.drive(notifications.insert(record));
    await pass();
    await clock.advance(purgedAfterMs);
    await pass();
    expect(deleted()).toEqual(['a']);
    await clock.drive(notifications.save({ ...record, state: 'DONE', progress: {} }));
    await pass();
    expect(deleted()).toEqual([]);
  });

  it('of all but one that cannot be read', async () => {
    const { put, pass, kept, service, logger } = await storedJobs({ ageMs: day });
    await put([
      ['a', { endedMsAgo: 2 * day }],
      ['b', { endedMsAgo: 2 * day }],
    ]);
    const { documents: journal } = service.collection('baton', 'journal');
    const entry = journal.get('a:1');
    if (entry) journal.set('a:1', { ...entry, body: 'no JSON' });
    await pass();
    expect([kept(), logger.messages('debug')]).toEqual([['a'], ['retention.unreadable']]);
  });

  it('goes through 2,000 jobs a page at a time, and what fails is tried again', async () => {
    const { put, step, kept, service, logger, clock } = await storedJobs({ ageMs: day });
    const jobs = Array.from(
      { length: 2_000 },
      (_, n) => [`j${String(n).padStart(4, '0')}`, { endedMsAgo: n % 10 === 0 ? hour : 2 * day }] as const,
    );
    await put(jobs);
    service.faults.next('refuse', { operation: 'replace' });
    expect(await step()).toBe(limits.retentionMs.retry);
    expect(kept()).toHaveLength(2_000);
    expect(logger.messages('warn')).toContain('retention.failed');
    const pages = jobs.length / limits.retentionPageJobs;
    for (let steps = 1; steps <= pages; steps++) {
      expect(await step()).toBeLessThan(1_000);
      expect(kept()).toHaveLength(2_000 - steps * limits.retentionPageJobs * 0.9);
    }
    expect(await step()).toBe(limits.retentionMs.rest);
    await clock.advance(purgedAfterMs);
    for (let steps = 0; steps <= pages; steps++) await step();
    expect(service.documentsOf('journal')).toHaveLength(2 * 200);
  });

  it('reads nothing when it is not its turn, after conductors came or went, and between two passes (P-635)', async () => {
    const { put, clock, duty, timers, persistence, setMine, kept } = await storedJobs({ ageMs: day });
    await put([['a', { endedMsAgo: 2 * day }]]);
    const look = jest.spyOn(persistence.retention, 'jobs');
    const reads = () => look.mock.calls.length;
    const { quiet, rest } = limits.retentionMs;
    setMine(false);
    duty.start();
    await clock.advance(rest);
    setMine(true);
    duty.membersChanged();
    await clock.advance(quiet - 1_000);
    expect([reads(), kept()]).toEqual([0, ['a']]);
    await clock.advance(quiet);
    expect(kept()).toEqual([]);
    const once = reads();
    await clock.advance(rest - 2 * quiet);
    expect(reads()).toBe(once);
    await clock.advance(2 * quiet);
    expect(reads()).toBeGreaterThan(once);
    timers.stop();
  });
});

describe('jobs of a cluster', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());
  const flow = linear('f').add(noop('a'));
  const unknown = { code: 'BATON_NOT_FOUND_JOB' };
  const stored = () =>
    ['jobs', 'journal', 'job_archive', 'commands', 'command_keys', 'notifications', 'flow_details', 'heads']
      .flatMap((name) => cluster.documents.documentsOf(name))
      .map(({ _id }) => _id);

  it('are deleted and purged by the conductor whose turn it is', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const first = cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(flow));
    await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }));
    await cluster.runtime.clock.advance(10_000);
    await cluster.drive(first.stop());
    cluster.boardAheadMs = 31 * day;
    cluster.conductor('c2', {}, { retention: { ageMs: 30 * day } });
    await cluster.runtime.clock.advance(2 * limits.retentionMs.quiet);
    await expect(cluster.drive(cluster.client.job(jobId))).rejects.toMatchObject(unknown);
    expect(await cluster.drive(cluster.client.flows({ of: 'ended', limit: 10 }))).toEqual([]);
    cluster.boardAheadMs += purgedAfterMs;
    await cluster.runtime.clock.advance(limits.retentionMs.rest);
    expect(stored()).toEqual([]);
  });

  it('are deleted by hand when they have ended; nobody sees them any more, and an hour later their ids are free', async () => {
    const { clock } = cluster.runtime;
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const post = () => cluster.drive(cluster.client.post(flow, { key: 'j' }));
    await post();
    const remove = () => cluster.drive(cluster.client.delete('j'));
    await expect(remove()).rejects.toMatchObject({ code: 'BATON_CONFLICT_NOT_ENDED' });
    cluster.conductor('c1', {}, { retention: {} });
    const wait = () => cluster.drive(cluster.client.wait('j', { timeoutMs: 10_000 }));
    await wait();
    await remove();
    await remove();
    const { client } = cluster;
    const looks: readonly (() => Promise<unknown>)[] = [
      () => client.job('j'),
      () => client.head('j'),
      () => client.history('j'),
      () => client.watch('j').next(),
      () => client.wait('j'),
      () => client.cancel('j'),
    ];
    for (const look of looks) await expect(cluster.drive(look())).rejects.toMatchObject(unknown);
    expect(await cluster.drive(client.ended({ limit: 10 }))).toEqual([]);
    await expect(post()).rejects.toMatchObject({ code: 'BATON_CONFLICT_DELETED' });
    await clock.advance(purgedAfterMs + limits.retentionMs.rest + limits.retentionMs.quiet);
    expect(stored()).toEqual([]);
    await expect(remove()).rejects.toMatchObject(unknown);
    await post();
    expect(await wait()).toMatchObject({ outcome: 'SUCCESS' });
  });

  it('are not deleted while somebody has them go on', async () => {
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const first = cluster.conductor('c1');
    const { client } = cluster;
    await cluster.drive(client.post(flow, { key: 'j' }));
    await cluster.drive(client.wait('j', { timeoutMs: 10_000 }));
    await cluster.drive(first.stop());
    await cluster.drive(client.revert('j'));
    const refused = { code: 'BATON_CONFLICT_NOT_ENDED' };
    await expect(cluster.drive(client.delete('j'))).rejects.toMatchObject(refused);
    cluster.conductor('c2');
    expect(await cluster.drive(client.wait('j', { timeoutMs: 60_000 }))).toMatchObject({
      outcome: 'REVERTED',
    });
    await cluster.drive(client.delete('j'));
    await expect(cluster.drive(client.revert('j'))).rejects.toMatchObject(unknown);
  });

  it('are deleted out of the trash, whatever is left of their record', async () => {
    const { clock } = cluster.runtime;
    const first = cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { a: () => new Promise(() => undefined) }));
    await cluster.drive(cluster.client.post(flow, { key: 'j' }));
    await clock.advanceUntil(() => worker.seen.length === 1);
    await cluster.drive(first.stop());
    const { documents } = cluster.documents.collection('baton', 'journal');
    for (const [id, entry] of documents) documents.set(id, { ...entry, body: 'no JSON' });
    cluster.conductor('c2', {}, { retention: {} });
    await expect(cluster.drive(cluster.client.wait('j', { timeoutMs: 60_000 }))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_QUARANTINED',
    });
    await cluster.drive(cluster.client.delete('j'));
    await expect(cluster.drive(cluster.client.job('j'))).rejects.toMatchObject(unknown);
    await clock.advance(purgedAfterMs + limits.retentionMs.rest + limits.retentionMs.quiet);
    expect(stored()).toEqual([]);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
    await expect(cluster.drive(cluster.client.wait('j'))).rejects.toMatchObject(unknown);
  });
});
