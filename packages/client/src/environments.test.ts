import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RoutedFlowDefinition } from '@baton/flow';
import {
  fakeRuntime,
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
} from '@baton/testkit';
import { Client } from './client.js';

const flow: RoutedFlowDefinition = {
  schemaVersion: 1,
  root: { kind: 'routed', name: 'f', atoms: [{ name: 'a' }] },
};

const runtime = fakeRuntime();
const drive = runtime.clock.drive.bind(runtime.clock);
let clients: Client[];
let on: (board: string) => Client;
let store: SimulatedDocumentStore;
beforeEach(() => {
  clients = [];
  store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
  const service = new SimulatedCoordinationService(runtime);
  const coordination = new SimulatedCoordination(runtime, { service });
  on = (board) => {
    const client = new Client({ runtime, coordination, store, board, clientId: 'me' });
    clients.push(client);
    return client;
  };
});
afterEach(() => drive(Promise.all(clients.map((client) => client.close()))));

describe('environments by name (C-711)', () => {
  it('are set, listed, changed by one of two, and deleted, each board its own', async () => {
    const { environments } = on('a');
    const set = (env: object, ifRevision?: number) =>
      drive(environments.set('prod', env, { by: 'ann', ...(ifRevision !== undefined && { ifRevision }) }));
    expect(await set({ region: 'eu' }, 0)).toEqual({ revision: 1, isNew: true });
    expect(await set({ region: 'eu' })).toEqual({ revision: 1, isNew: false });
    expect(await set({ region: 'us' }, 1)).toEqual({ revision: 2, isNew: false });
    await expect(set({ region: 'asia' }, 1)).rejects.toMatchObject({ code: 'BATON_CONFLICT_REVISION' });
    await expect(set({ region: 'asia' }, 0)).rejects.toThrow('is at revision 2');
    const shown = { name: 'prod', revision: 2, by: 'ann', env: { region: 'us' } };
    expect(await drive(environments.get('prod'))).toMatchObject(shown);
    const other = on('b').environments;
    expect(await drive(other.list())).toEqual([]);
    await drive(other.set('prod', {}));
    expect(await drive(environments.list())).toMatchObject([shown]);
    await drive(environments.delete('prod', { ifRevision: 2 }));
    expect(await drive(environments.list())).toEqual([]);
    await expect(drive(environments.get('prod'))).rejects.toMatchObject({
      ...{ code: 'BATON_NOT_FOUND_ENVIRONMENT', message: 'there is no environment prod on board a' },
    });
    expect(await drive(environments.set('prod', { region: 'eu' }))).toEqual({ revision: 4, isNew: true });
    expect(await drive(environments.get('prod'))).not.toHaveProperty('by');
  });

  it.each([
    ['a name that is none', 'pro d', {}, 'environment id "pro d" must be'],
    ['a list', 'prod', [], 'env must be an object'],
    ['what is no data', 'prod', { at: () => 1 }, 'env takes JSON data'],
    ['an expression that is none', 'prod', { at: '${1 +}' }, 'env.at: '],
    ['too much', 'prod', { at: 'x'.repeat(20_000) }, 'env has more than 16384 bytes'],
  ])('refuse %s', async (_, name, env, message) => {
    const { environments } = on('a');
    await expect(drive(environments.set(name, env))).rejects.toThrow(message);
    expect(await drive(environments.list())).toEqual([]);
  });

  it('that are not there are refused before anything is posted or scheduled', async () => {
    const client = on('a');
    for (const env of ['prod', 'no name']) {
      const code = env === 'prod' ? 'BATON_NOT_FOUND_ENVIRONMENT' : 'BATON_INPUT_INVALID';
      await expect(drive(client.post(flow, { key: 'j', env }))).rejects.toMatchObject({ code });
      const put = client.schedules.put('s', flow, { cron: '@daily', env });
      await expect(drive(put)).rejects.toMatchObject({ code });
    }
    await expect(drive(client.job('j'))).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    expect(await drive(client.schedules.list())).toEqual([]);
  });

  it('that are gone do not refuse a post that is repeated, nor hide that its key stands for another', async () => {
    const client = on('a');
    await drive(client.environments.set('prod', { region: 'eu' }));
    await drive(client.post(flow, { key: 'k', env: 'prod' }));
    await drive(client.post(flow, { key: 'without' }));
    await drive(client.environments.delete('prod'));
    const again = drive(client.postOrFind(flow, { key: 'k', env: 'prod' }));
    expect(await again).toEqual({ jobId: 'k', isNew: false });
    await expect(drive(client.post(flow, { key: 'without', env: 'prod' }))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
  });

  it('that were changed or deleted leave nothing but the numbers of their revisions', async () => {
    const { environments } = on('a');
    const stored = async () => {
      const where = { field: 'board', oneOf: ['a'] };
      return (await drive(store.find('environments', { where, limit: 100 }))).map(({ body }) => String(body));
    };
    for (let n = 1; n <= 25; n++) await drive(environments.set('prod', { secret: `hunter${n}` }));
    const bodies = await stored();
    expect(bodies).toHaveLength(20);
    expect(bodies.filter((body) => body.includes('hunter'))).toHaveLength(1);
    expect(await drive(environments.list())).toMatchObject([{ revision: 25, env: { secret: 'hunter25' } }]);
    // the numbers tell who is late
    const [emptied] = await drive(store.get('environments', ['a/prod:0000000024']));
    expect(emptied).toBeDefined();
    await drive(environments.delete('prod'));
    expect((await stored()).join()).not.toContain('hunter');
    expect(await drive(environments.list())).toEqual([]);
  });

  it('that are changed for one run take data, and nothing else', async () => {
    const client = on('a');
    const jobId = await drive(client.post(flow));
    for (const change of ['resume', 'rerun'] as const)
      for (const env of [{ at: () => 1 }, { at: 'x'.repeat(20_000) }])
        await expect(drive(client[change](jobId, { env: env as {} }))).rejects.toThrow(/^env /);
    expect((await drive(client.job(jobId))).pending).toEqual([]);
  });
});

it('a schedule that is deleted leaves none of its values in the store', async () => {
  const client = on('b');
  const put = (secret: string) => drive(client.schedules.put('s', flow, { cron: '@daily', env: { secret } }));
  for (const secret of ['hunter1', 'hunter2']) await put(secret);
  await drive(client.schedules.delete('s'));
  const left = await drive(store.find('schedules', { limit: 100 }));
  expect(left.map(({ body }) => String(body)).join()).not.toContain('hunter');
  expect(await drive(client.schedules.list())).toEqual([]);
  await put('hunter3');
  expect(await drive(client.schedules.get('s'))).toMatchObject({ revision: 4 });
});

it('a schedule tells who changed it last', async () => {
  const { schedules } = on('b');
  await drive(schedules.put('s', flow, { cron: '@daily', by: 'ann' }));
  expect(await drive(schedules.get('s'))).toMatchObject({ revision: 1, by: 'ann' });
  // the same again is no change of his
  await drive(schedules.put('s', flow, { cron: '@daily', by: 'bob' }));
  expect(await drive(schedules.get('s'))).toMatchObject({ revision: 1, by: 'ann' });
  await drive(schedules.pause('s', { by: 'bob' }));
  expect(await drive(schedules.get('s'))).toMatchObject({ revision: 2, by: 'bob' });
  await drive(schedules.resume('s'));
  expect(await drive(schedules.get('s'))).not.toHaveProperty('by');
});
