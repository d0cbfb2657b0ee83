import { afterAll, describe, expect, it } from '@jest/globals';
import { linear, task, type } from '@baton/flow';
import {
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  realRuntime,
} from '@baton/testkit';
import { Client } from './client.js';

const flow = linear('f').add(
  task('a', { requires: { x: type<string>() }, execute: () => undefined }),
  task('b', { execute: () => undefined }),
);
const large = 'x'.repeat(40_000);

describe('posting what was posted before (C-1601)', () => {
  const runtime = realRuntime();
  const store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
  const coordination = new SimulatedCoordination(runtime, {
    service: new SimulatedCoordinationService(runtime),
  });
  const client = new Client({ runtime, coordination, store, board: 'default', clientId: 'c' });
  afterAll(async () => {
    await client.close();
    await store.close();
  });

  const postOf = async (jobId: string) => {
    const [entry] = await client.history(jobId);
    const { posting } = (await client.jobs()).find((job) => job.jobId === jobId) ?? {};
    return { entry: entry?.kind === 'post' ? entry.post : undefined, posting };
  };

  it('takes definition, values, name, priority and tags of the job, large values too, and nobody to be told', async () => {
    const about = { name: 'n', priority: 'HIGH', tags: { team: 't' } } as const;
    const notify = [{ url: 'https://hooks.example.com/' }];
    await client.post(flow, { key: 'j', store: { x: large }, target: 'a', ...about, notify });
    expect(await client.post({ from: 'j' }, { key: 'k' })).toBe('k');
    const [first, second] = [await postOf('j'), await postOf('k')];
    expect(second.entry).toEqual(first.entry);
    expect(second.posting).toMatchObject(about);
    expect(second.posting).not.toHaveProperty('notify');
    expect((await client.job('k')).notifications).toEqual([]);
  });

  it('gives a new job each time, the same one under its key, and what is named anew', async () => {
    await client.post(flow, { key: 'l', store: { x: 'v' }, tags: { team: 't' } });
    const [one, two] = [
      await client.post({ from: 'l' }),
      await client.post({ from: 'l' }, { tags: {}, name: 'm' }),
    ];
    expect(new Set(['l', one, two]).size).toBe(3);
    expect((await postOf(two)).posting).toMatchObject({ name: 'm', tags: {} });
    await client.post({ from: 'l' }, { key: 'm' });
    expect(await client.postOrFind({ from: 'l' }, { key: 'm' })).toEqual({ jobId: 'm', isNew: false });
    await expect(client.post({ from: 'l' }, { key: 'm', priority: 'LOW' })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
  });

  it('keeps the environment as it was, whatever became of the one that was named, and its texts', async () => {
    const routed = { schemaVersion: 1, root: { kind: 'routed', name: 'r', atoms: [{ name: 'a' }] } } as const;
    await client.environments.set('prod', { region: 'eu' });
    await client.post(routed, { key: 'p', env: 'prod' });
    await client.post(routed, { key: 'q', env: { x: '${y' }, evaluateEnv: false });
    await client.environments.delete('prod');
    for (const from of ['p', 'q'])
      expect((await postOf(await client.post({ from }))).entry).toEqual((await postOf(from)).entry);
  });

  it('refuses a job that is unknown, and values beside those it was given', async () => {
    await expect(client.post({ from: 'nobody' })).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    await expect(client.post({ from: '../x' })).rejects.toMatchObject({ code: 'BATON_INPUT_INVALID' });
    for (const options of [{ store: {} }, { env: {} }, { target: 'a' }])
      await expect(client.post({ from: 'l' }, options)).rejects.toMatchObject({
        code: 'BATON_INPUT_INVALID',
      });
  });
});
