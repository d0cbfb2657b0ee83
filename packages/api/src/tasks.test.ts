import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Fact } from '@baton/core';
import { succeeded } from '../../testkit/src/protocols/journal/sample-entries.js';
import { flawOf, type OpenApi } from './fixtures/answer-check.js';
import { as, newWorld, type World } from './fixtures/world.js';
import type { Role } from './tokens.js';

describe('one task without a flow (C-1616)', () => {
  let world: World;
  const facts: readonly Fact[] = [
    { fact: 'atom', atom: 'net.up', from: 'PENDING', to: 'RUNNING' },
    succeeded('net.up', 'up'),
  ];
  beforeEach(() => void (world = newWorld()));
  afterEach(() => world.close());

  async function run(payload: object, { role = 'author', key = 'j', task = 'net.up' } = {}) {
    const headers = { ...as(role as Role), 'idempotency-key': key };
    const answer = await world.api.app.inject({
      ...{ method: 'POST', url: `/v1/tasks/${task}/run`, headers, payload },
    });
    const document = (
      await world.api.app.inject({ url: '/v1/openapi.json', headers: as('viewer') })
    ).json<OpenApi>();
    expect(await flawOf(document, { path: '/v1/tasks/{name}/run', method: 'post' }, answer)).toBeUndefined();
    const body = answer.json<Record<string, unknown>>();
    const { code } = (body['error'] ?? {}) as { readonly code?: string };
    return { status: answer.statusCode, body, code, location: answer.headers['location'] };
  }

  it('is a job of that task alone: posted, found under its key, and its result once it has ended', async () => {
    const given = { input: { site: 'a' }, version: '2.1' };
    expect(await run(given)).toMatchObject({ status: 201, body: { jobId: 'j' }, location: '/v1/jobs/j' });
    expect(await run(given)).toMatchObject({ status: 200, body: { jobId: 'j' } });
    const { definitionHash } = await world.client.job('j');
    expect((await world.client.definition(definitionHash)).root).toMatchObject({
      ...{ name: 'net.up', children: [{ name: 'net.up', version: '2.1', requires: ['site'] }] },
    });
    expect((await run({ ...given, wait: '20ms' })).body).toEqual({ jobId: 'j' });
    await world.claim('j');
    await world.end('j', facts);
    await world.leave('j');
    const ended = { jobId: 'j', outcome: 'SUCCESS', failures: [], result: 'up' };
    expect(await run({ ...given, wait: '20s' })).toMatchObject({ status: 200, body: ended });
  });

  it('answers who waits when the task ends', async () => {
    const asked = run({ wait: '20s' }, { key: 'k' });
    while ((await world.client.jobs()).length === 0);
    await world.claim('k');
    await world.end('k', facts);
    await world.leave('k');
    expect(await asked).toMatchObject({ status: 200, body: { outcome: 'SUCCESS', result: 'up' } });
  });

  it.each<[string, object, object, number, string]>([
    ['a wait that is longer than an answer may take', { wait: '21s' }, {}, 400, 'BATON_INPUT_INVALID'],
    ['a parameter that can be none', { input: { '1': 1 } }, {}, 422, 'BATON_DEFINITION_INVALID'],
    ['a name that can be none', {}, { task: 'a%20b' }, 400, 'BATON_INPUT_INVALID'],
    ['a version that is none', { version: '2' }, {}, 400, 'BATON_INPUT_INVALID'],
    ['who may only post what is stored', {}, { role: 'poster' }, 403, 'BATON_INPUT_FORBIDDEN'],
  ])('refuses %s, and posts nothing', async (_, payload, options, status, code) => {
    expect(await run(payload, options)).toMatchObject({ status, code });
    expect(await world.client.jobs()).toEqual([]);
  });
});
