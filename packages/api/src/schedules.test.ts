import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InjectOptions } from 'fastify';
import { as, flow, newWorld, type World } from './fixtures/world.js';
import type { Role } from './tokens.js';

describe('schedules (C-1615)', () => {
  let world: World;
  beforeEach(() => void (world = newWorld()));
  afterEach(() => world.close());

  const nightly = { flow, store: { site: 's' }, cron: '0 2 * * *', timeZone: 'Europe/Berlin' };

  async function ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    more: InjectOptions = {},
    role: Role = 'operator',
  ) {
    const headers = { ...as(role), ...more.headers };
    const answer = await world.api.app.inject({ method, url: `/v1/schedules${url}`, ...more, headers });
    const body = answer.body === '' ? {} : (answer.json() as Record<string, unknown>);
    const { code } = (body['error'] ?? {}) as { readonly code?: string };
    return { status: answer.statusCode, body, code, etag: answer.headers['etag'] };
  }
  const put = (payload: object, match?: string) =>
    ask('PUT', '/nightly', { payload, ...(match !== undefined && { headers: { 'if-match': match } }) });

  it('are made, shown, changed, paused, resumed and deleted', async () => {
    expect(await put(nightly)).toMatchObject({ status: 201, body: { id: 'nightly', revision: 1 } });
    expect(await put(nightly)).toMatchObject({ status: 200, body: { revision: 1 } });
    const shown = await ask('GET', '/nightly', {}, 'viewer');
    expect(shown).toMatchObject({ status: 200, etag: '"1"' });
    expect(shown.body).toMatchObject({
      scheduleId: 'nightly',
      name: 'f',
      store: ['site'],
      state: 'ACTIVE',
      slots: [],
    });
    expect(await put({ ...nightly, overlap: 'skip' }, '"1"')).toMatchObject({ status: 200, etag: '"2"' });
    expect(await put(nightly, '"1"')).toMatchObject({ status: 412, code: 'BATON_CONFLICT_REVISION' });
    expect(await ask('POST', '/nightly/pause')).toMatchObject({ status: 200, body: { revision: 3 } });
    expect(await ask('GET', '')).toMatchObject({
      body: { schedules: [{ state: 'PAUSED', overlap: 'skip' }] },
    });
    expect(await ask('POST', '/nightly/resume', { headers: { 'if-match': '2' } })).toMatchObject({
      status: 412,
    });
    expect(await ask('POST', '/nightly/resume')).toMatchObject({ status: 200, body: { revision: 4 } });
    expect(await ask('DELETE', '/nightly')).toMatchObject({ status: 204 });
    expect(await ask('GET', '/nightly')).toMatchObject({ status: 404, code: 'BATON_NOT_FOUND_SCHEDULE' });
    expect(await put(nightly)).toMatchObject({ status: 201, body: { revision: 6 } });
  });

  it('are made once by POST', async () => {
    const payload = { id: 'nightly', ...nightly };
    expect((await ask('POST', '', { payload })).status).toBe(201);
    expect((await ask('POST', '', { payload })).status).toBe(200);
    const other = { ...payload, cron: '0 3 * * *' };
    expect(await ask('POST', '', { payload: other })).toMatchObject({
      status: 409,
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
  });

  it('take the roles that posting and commands take', async () => {
    const payload = { id: 'nightly', ...nightly };
    expect((await ask('POST', '', { payload }, 'poster')).status).toBe(403);
    await world.post('j');
    const { definitionHash } = await world.client.job('j');
    const ofHash = { ...payload, flow: definitionHash };
    expect((await ask('POST', '', { payload: ofHash }, 'viewer')).status).toBe(403);
    expect((await ask('POST', '', { payload: ofHash }, 'poster')).status).toBe(201);
    // a change may stop a schedule, and have its running job cancelled
    expect((await ask('PUT', '/nightly', { payload: { ...nightly, paused: true } }, 'author')).status).toBe(
      403,
    );
    expect((await ask('POST', '/nightly/pause', {}, 'author')).status).toBe(403);
    expect((await ask('DELETE', '/nightly', {}, 'author')).status).toBe(403);
  });

  it.each<[string, object, number, string]>([
    ['no time', { flow, store: { site: 's' } }, 400, 'BATON_INPUT_INVALID'],
    ['a pattern that is none', { ...nightly, cron: 'soon' }, 400, 'BATON_INPUT_INVALID'],
    ['a zone that is none', { ...nightly, timeZone: 'Mars/Olympus' }, 400, 'BATON_INPUT_INVALID'],
    ['a count of nothing', { ...nightly, count: 0 }, 400, 'BATON_INPUT_INVALID'],
    ['a key', { ...nightly, key: 'k' }, 400, 'BATON_INPUT_INVALID'],
    ['a symbol too few', { ...nightly, store: {} }, 422, 'BATON_DEFINITION_MISSING_REQUIREMENT'],
  ])('refuse %s', async (_, payload, status, code) => {
    expect(await put(payload)).toMatchObject({ status, code });
  });
});
