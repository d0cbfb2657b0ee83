/** Jobs that have ended are deleted with one write, and purged whole (C-1312), also when it takes several tries. */
import { describe, expect, it } from '@jest/globals';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import { collectionNames } from './collections.js';
import { openPersistence } from './persistence.js';
import type { JobRecord } from './job-records.js';
import {
  fenceOf,
  postEntry,
  terminalEntry,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';

async function makeWorld() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const store = new SimulatedDocumentStore(runtime);
  const persistence = await clock.drive(openPersistence({ store, runtime }));
  const { journal, jobs, commands, snapshots, notifications, events, readModels, retention } = persistence;
  /** A job with something in each collection. */
  const run = async (
    jobId: string,
    { entries = 3, rootId, goesOn = false }: { entries?: number; rootId?: string; goesOn?: boolean } = {},
  ) => {
    const posting = JSON.stringify({ name: 'n', board: 'default' });
    const content = { definitionHash: 'd', contentHash: 'c', posting, postedAtMs: 1 };
    await jobs.insert({ jobId, ...content, ...(rootId !== undefined && { rootId }) });
    const written = [
      postEntry(jobId),
      ...Array.from({ length: entries - 2 }, (_, n) =>
        turnEntry({ flowId: jobId, seq: n + 1, fence: fenceOf(1) }),
      ),
      ...(goesOn ? [] : [terminalEntry({ flowId: jobId, seq: entries - 1, fence: fenceOf(1) })]),
    ];
    for (const entry of written) {
      await journal.append(entry);
      readModels.observe(entry, { name: 'n', definitionHash: 'd', createdAtMs: 1 });
    }
    await commands.append(jobId, { command: 'suspend' }, 'key');
    await snapshots.write(jobId, { seq: 1, fence: fenceOf(1), state: '{}' });
    const event = { board: 'default', name: 'paid', key: '' };
    await events.note(event, { requestId: `${jobId}/a/execute/0.1`, flowId: jobId });
    await notifications.insert({ flowId: jobId, name: 'n', board: 'default', targets: [] });
    await readModels.idle();
  };
  const { service } = store;
  const documents = () =>
    Object.values(collectionNames)
      .filter((name) => name !== 'meta')
      .flatMap((name) => service.documentsOf(name).map(({ _id }) => `${name} ${_id}`))
      .toSorted();
  const record = async (jobId: string) => (await clock.drive(jobs.get(jobId))) as JobRecord;
  const remove = async (jobId: string, lastSeq: number) =>
    clock.drive(retention.delete([{ record: await record(jobId), lastSeq }], clock.wallMs()));
  const states = () => Object.fromEntries(service.documentsOf('jobs').map(({ _id, state }) => [_id, state]));
  return { clock, service, persistence, retention, run, documents, record, remove, states };
}

describe('Retention', () => {
  it('deletes a job, and purges all of it and nothing of the others', async () => {
    const { clock, retention, run, documents, record, remove, persistence } = await makeWorld();
    await clock.drive(run('kept'));
    const before = documents();
    await clock.drive(run('a', { entries: 2_500 }));
    await clock.drive(run('b'));
    const whole = documents().length;
    await remove('a', 2_499);
    await remove('b', 2);
    // its end is in no list, and the rest stays, with its id
    expect(documents()).toHaveLength(whole - 2);
    await expect(clock.drive(run('a'))).rejects.toMatchObject({ code: 'BATON_CONFLICT_DELETED' });
    const deleted = [await record('a'), await record('b')];
    expect(deleted.map(({ state, deletion }) => [state, deletion?.lastSeq])).toEqual([
      ['DELETED', 2_499],
      ['DELETED', 2],
    ]);
    await clock.drive(retention.purge(deleted));
    expect(documents()).toEqual(before);
    expect(await clock.drive(persistence.jobs.get('kept'))).toMatchObject({ state: 'POSTING' });
    await clock.drive(run('a'));
  });

  it('deletes child runs with their root, and nothing while one of them goes on', async () => {
    const { clock, run, remove, retention, persistence, record, states, service } = await makeWorld();
    for (let n = 0; n < 250; n++) await clock.drive(run(`p_${n}`, { rootId: 'p' }));
    await clock.drive(run('p'));
    await clock.drive(run('p_open', { rootId: 'p', goesOn: true }));
    expect(await remove('p', 2)).toEqual(new Map([['p', 'p_open']]));
    expect(new Set(Object.values(states()))).toEqual(new Set(['POSTING']));
    await clock.drive(
      persistence.journal.append(terminalEntry({ flowId: 'p_open', seq: 2, fence: fenceOf(1) })),
    );
    // an archive that was lost is no hindrance, nor a journal that nobody can read
    service.collection('baton', 'job_archive').documents.delete('p_1');
    service.collection('baton', 'job_archive').documents.delete('p_2');
    const { documents } = service.collection('baton', 'journal');
    const entry = documents.get('p_2:2');
    if (entry) documents.set('p_2:2', { ...entry, body: 'no JSON' });
    expect(await remove('p', 2)).toEqual(new Map());
    expect(new Set(Object.values(states()))).toEqual(new Set(['DELETED']));
    expect((await record('p_2')).deletion).toMatchObject({ lastSeq: 2 });
    const children = await clock.drive(retention.childrenOf(['p'], { limit: 1_000 }));
    expect(children).toHaveLength(251);
    await clock.drive(retention.purge([...children, await record('p')]));
    expect(service.documentsOf('journal')).toEqual([]);
  });

  it('shows a job whole or not at all wherever a deletion is interrupted, and the same again hides the rest', async () => {
    for (const [skip, kind] of Array.from(
      { length: 16 },
      (_, n) => [n >> 1, n % 2 ? 'tear' : 'refuse'] as const,
    ))
      for (const operation of ['replace', 'delete'] as const) {
        const { clock, run, remove, states, service, documents } = await makeWorld();
        await clock.drive(run('a'));
        await clock.drive(run('a_1', { rootId: 'a' }));
        const before = documents();
        service.faults.next(kind, { operation, skip });
        const isDone = await remove('a', 2).then(
          () => true,
          () => false,
        );
        if (states()['a'] === 'POSTING') expect(documents()).toEqual(before);
        else if (!isDone) await remove('a', 2);
        if (states()['a'] === 'DELETED')
          expect([states(), service.documentsOf('job_archive')]).toEqual([
            { a: 'DELETED', a_1: 'DELETED' },
            [],
          ]);
      }
  });

  it('goes on where a purge was interrupted, wherever that was', async () => {
    for (const [skip, kind] of Array.from(
      { length: 24 },
      (_, n) => [n >> 1, n % 2 ? 'tear' : 'refuse'] as const,
    )) {
      const { clock, retention, run, remove, documents, record, service } = await makeWorld();
      await clock.drive(run('a', { entries: 300 }));
      await remove('a', 299);
      service.faults.next(kind, { operation: 'delete', skip });
      await clock.drive(retention.purge([await record('a')])).catch(() => undefined);
      const [left] = await clock.drive(retention.jobs({ limit: 1 }));
      if (left) await clock.drive(retention.purge([left]));
      expect(documents()).toEqual([]);
    }
  });

  it('tells by its journal how a job stands', async () => {
    const { clock, retention, run, record, persistence } = await makeWorld();
    await clock.drive(run('a', { entries: 40 }));
    const job = { record: await record('a') };
    const standing = (of: Parameters<typeof retention.standingOf>[0]) =>
      clock.drive(retention.standingOf(of));
    expect(await standing(job)).toMatchObject({ lastSeq: 39 });
    expect(await clock.drive(retention.lastSeqOf('a'))).toBe(39);
    expect(await clock.drive(retention.lastSeqOf('none'))).toBe(-1);
    // it was opened again, whatever the archive says
    await clock.drive(persistence.journal.append(turnEntry({ flowId: 'a', seq: 40, fence: fenceOf(2) })));
    const [archived = job] = await clock.drive(retention.archived([job.record]));
    expect(archived).toMatchObject({ archived: { lastSeq: 39 } });
    expect(await standing(archived)).toBe('goes on');
    expect(await standing({ record: { ...job.record, jobId: 'none' } })).toBe('never begun');
  });
});
