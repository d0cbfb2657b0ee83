import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InjectOptions } from 'fastify';
import { routedJob } from './fixtures/routed-job.js';
import { as, newWorld, type World } from './fixtures/world.js';
import type { Role } from './tokens.js';

describe('environments (C-1615)', () => {
  let world: World;
  beforeEach(() => void (world = newWorld()));
  afterEach(() => world.close());

  async function ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    more: InjectOptions = {},
    role: Role = 'operator',
  ) {
    const headers = { ...as(role), ...more.headers };
    const answer = await world.api.app.inject({ method, url: `/v1/${url}`, ...more, headers });
    const body = answer.body === '' ? {} : (answer.json() as Record<string, unknown>);
    const { code } = (body['error'] ?? {}) as { readonly code?: string };
    return { status: answer.statusCode, body, code, etag: answer.headers['etag'] };
  }
  const put = (env: object, match?: string) =>
    ask('PUT', 'environments/prod', {
      payload: { env },
      ...(match !== undefined && { headers: { 'if-match': match } }),
    });

  it('are made, shown, changed under a condition, and deleted', async () => {
    expect(await put({ region: 'eu' })).toMatchObject({ status: 201, etag: '"1"', body: { name: 'prod' } });
    expect(await put({ region: 'eu' })).toMatchObject({ status: 200, etag: '"1"' });
    expect(await put({ region: 'us' }, '"1"')).toMatchObject({ status: 200, etag: '"2"' });
    expect(await put({ region: 'eu' }, '"1"')).toMatchObject({
      status: 412,
      code: 'BATON_CONFLICT_REVISION',
    });
    const about = { name: 'prod', revision: 2, by: 'operator' };
    const shown = await ask('GET', 'environments/prod');
    expect(shown).toMatchObject({ status: 200, etag: '"2"', body: { ...about, env: { region: 'us' } } });
    const listed = await ask('GET', 'environments', {}, 'viewer');
    expect(listed.body['environments']).toEqual([
      { ...about, changedAtMs: expect.any(Number), keys: ['region'] },
    ]);
    expect((await ask('DELETE', 'environments/prod', { headers: { 'if-match': '1' } })).status).toBe(412);
    expect((await ask('DELETE', 'environments/prod')).status).toBe(204);
    expect(await ask('GET', 'environments/prod')).toMatchObject({
      ...{ status: 404, code: 'BATON_NOT_FOUND_ENVIRONMENT' },
    });
  });

  it('are made once by POST', async () => {
    const make = (env: object) => ask('POST', 'environments', { payload: { name: 'prod', env } });
    expect((await make({ a: 1 })).status).toBe(201);
    expect((await make({ a: 1 })).status).toBe(200);
    const message = 'environment prod exists, with other content: PUT /v1/environments/prod changes it';
    expect(await make({ a: 2 })).toMatchObject({
      ...{ status: 409, code: 'BATON_CONFLICT_KEY_REUSED' },
      body: { error: { message } },
    });
  });

  it('show their values to, and are changed by, operators alone', async () => {
    await put({ secret: 's' });
    for (const role of ['viewer', 'poster', 'author'] as const) {
      expect((await ask('GET', 'environments/prod', {}, role)).status).toBe(403);
      const payload = { env: {} };
      expect((await ask('PUT', 'environments/prod', { payload }, role)).status).toBe(403);
      expect((await ask('DELETE', 'environments/prod', {}, role)).status).toBe(403);
    }
  });

  it('are named by posts and schedules', async () => {
    await put({ region: 'eu' });
    const atoms = [{ name: 'a' }];
    const flow = { schemaVersion: 1, root: { kind: 'routed', name: 'f', atoms } };
    const post = (env: unknown, key: string) => ask('POST', 'jobs', { payload: { flow, env, key } });
    expect((await post('prod', 'j')).status).toBe(201);
    await put({ region: 'us' });
    expect((await post('prod', 'j')).status).toBe(200);
    expect(await post('test', 'k')).toMatchObject({ status: 404, code: 'BATON_NOT_FOUND_ENVIRONMENT' });
    expect(await post(7, 'k')).toMatchObject({ status: 400, code: 'BATON_INPUT_INVALID' });
    const [posted] = await world.client.history('j');
    expect(posted).toMatchObject({ post: { env: { region: 'eu' } } });
    const payload = { flow, cron: '@daily', env: 'prod' };
    expect((await ask('PUT', 'schedules/s', { payload })).status).toBe(201);
    expect((await ask('GET', 'schedules/s')).body).toMatchObject({ revision: 1, by: 'operator' });
  });

  it('are changed for one run when it is resumed', async () => {
    const { take } = await routedJob(world, 'j', { delegate: 'd' });
    const payload = { env: { region: 'us' }, reason: 'moved' };
    expect(await ask('POST', 'jobs/j/resume', { payload })).toMatchObject({
      ...{ status: 409, code: 'BATON_CONFLICT_NOT_REPAIRABLE' },
    });
    await take({ type: 'suspend' });
    expect(await ask('POST', 'jobs/j/resume', { payload })).toMatchObject({
      ...{ status: 202, body: { commandId: 1 } },
    });
    expect((await ask('POST', 'jobs/j/resume', { payload: { env: 'prod' } })).status).toBe(400);
    expect((await ask('POST', 'jobs/j/suspend', { payload: { env: {} } })).status).toBe(400);
    expect((await world.client.job('j')).pending).toMatchObject([
      { command: 'resume', arguments: { env: { region: 'us' } }, reason: 'moved', by: 'operator' },
    ]);
  });
});
