import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InjectOptions } from 'fastify';
import { flawOf, type OpenApi } from './fixtures/answer-check.js';
import { routedJob } from './fixtures/routed-job.js';
import { as, flow, newWorld, type World } from './fixtures/world.js';
import type { Route } from './route.js';
import { roles, type Role } from './tokens.js';

let world: World;
beforeEach(() => {
  world = newWorld();
});
afterEach(() => world.close());

async function ask(
  method: Route['method'],
  url: string,
  more: InjectOptions & { readonly role?: Role } = {},
) {
  const { role = 'operator', headers, ...rest } = more;
  const answer = await world.api.app.inject({ method, url, headers: { ...as(role), ...headers }, ...rest });
  const body = (/json/.test(String(answer.headers['content-type'])) ? answer.json() : {}) as never;
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: body as Record<string, unknown>,
    answer,
  };
}

const codeOf = ({ body }: { readonly body: Record<string, unknown> }): unknown =>
  (body['error'] as { readonly code?: unknown } | undefined)?.code;

const store = { site: 's' };

describe('posting', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ notify: {} }, 'body/notify: must be array'],
    [
      { priority: 'URGENT' },
      'body/priority: must be equal to one of the allowed values: "VERY_HIGH", "HIGH", "NORMAL", "LOW", "VERY_LOW"',
    ],
    [{ prio: 'HIGH' }, 'body: must NOT have additional properties: "prio"'],
  ])('says what of it is wrong, and what is allowed: %j', async (wrong, message) => {
    const refused = await ask('POST', '/v1/jobs', { payload: { flow, ...wrong } });
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'BATON_INPUT_INVALID', message } } });
  });

  it('is 201, under the same key with the same content 200, with other content 409', async () => {
    const first = await ask('POST', '/v1/jobs', { payload: { flow, store, key: 'j' } });
    expect([first.status, first.body, first.headers['location']]).toEqual([
      201,
      { jobId: 'j' },
      '/v1/jobs/j',
    ]);
    expect((await ask('POST', '/v1/jobs', { payload: { flow, store, key: 'j' } })).status).toBe(200);
    const other = await ask('POST', '/v1/jobs', { payload: { flow, store: { site: 't' }, key: 'j' } });
    expect([other.status, codeOf(other)]).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
  });

  it('takes the key from the header too, and refuses two that differ', async () => {
    const headers = { 'idempotency-key': '"j-1"' };
    expect((await ask('POST', '/v1/jobs', { headers, payload: { flow, store } })).status).toBe(201);
    const again = await ask('POST', '/v1/jobs', { headers, payload: { flow, store, key: 'j-1' } });
    expect([again.status, again.body]).toEqual([200, { jobId: 'j-1' }]);
    const both = await ask('POST', '/v1/jobs', { headers, payload: { flow, store, key: 'j-2' } });
    expect([both.status, codeOf(both)]).toEqual([400, 'BATON_INPUT_INVALID']);
  });

  it('takes a flow that is stored by its hash, of whoever may only post', async () => {
    await world.post('j');
    const { definitionHash } = await world.client.job('j');
    const env = { region: '${x' };
    const text = { env, evaluateEnv: false };
    const payload = { flow: definitionHash, store, priority: 'HIGH', tags: { a: 'b' }, name: 'n', ...text };
    const posted = await ask('POST', '/v1/jobs', { role: 'poster', payload });
    expect(posted.status).toBe(201);
    const { jobId } = posted.body as { readonly jobId: string };
    expect((await world.client.job(jobId)).definitionHash).toBe(definitionHash);
    const unknown = await ask('POST', '/v1/jobs', { role: 'poster', payload: { flow: '0'.repeat(64) } });
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'BATON_NOT_FOUND_DOCUMENT']);
    const ofItsOwn = await ask('POST', '/v1/jobs', { role: 'poster', payload: { flow, store } });
    expect([ofItsOwn.status, codeOf(ofItsOwn)]).toEqual([403, 'BATON_INPUT_FORBIDDEN']);
  });

  it('posts once more what a job was posted with, of whoever may only post (C-1601)', async () => {
    await world.post('j');
    const payload = { from: 'j', key: 'k' };
    expect((await ask('POST', '/v1/jobs', { role: 'poster', payload })).status).toBe(201);
    expect((await ask('POST', '/v1/jobs', { role: 'poster', payload })).status).toBe(200);
    const [one, other] = [await world.client.history('j'), await world.client.history('k')];
    expect(other[0]).toMatchObject({ post: (one[0] as { readonly post?: object }).post });
    expect((await ask('POST', '/v1/jobs', { payload: { from: 'nobody' } })).status).toBe(404);
    for (const more of [{ flow }, { store }, { env: {} }])
      expect((await ask('POST', '/v1/jobs', { payload: { ...payload, ...more } })).status).toBe(400);
  });

  it.each<[string, object, number, string]>([
    ['no flow', {}, 400, 'BATON_INPUT_INVALID'],
    ['a flow that is a name', { flow: 'hello' }, 400, 'BATON_INPUT_INVALID'],
    ['a flow that is none', { flow: { a: 1 } }, 422, 'BATON_DEFINITION_INVALID'],
    ['a symbol too few', { flow }, 422, 'BATON_DEFINITION_MISSING_REQUIREMENT'],
    ['a field that is unknown', { flow, store, nots: 1 }, 400, 'BATON_INPUT_INVALID'],
    ['another namespace', { flow, store, namespace: 'other' }, 400, 'BATON_INPUT_INVALID'],
    ['a key with a path in it', { flow, store, key: '../x' }, 400, 'BATON_INPUT_INVALID'],
    ['a store that is a list', { flow, store: [] }, 400, 'BATON_INPUT_INVALID'],
    ['a priority that is a number', { flow, store, priority: 1 }, 400, 'BATON_INPUT_INVALID'],
    ['an env with half an expression', { flow, store, env: { x: '${' } }, 400, 'BATON_INPUT_INVALID'],
    [
      'a value that is too large',
      { flow, store: { site: 'x'.repeat(600_000) } },
      413,
      'BATON_INPUT_TOO_LARGE',
    ],
  ])('refuses %s and stores nothing', async (_, payload, status, code) => {
    const refused = await ask('POST', '/v1/jobs', { payload });
    expect([refused.status, codeOf(refused)]).toEqual([status, code]);
    expect(await world.client.jobs()).toEqual([]);
  });

  it('validates without storing', async () => {
    const valid = await ask('POST', '/v1/flows/validate', { role: 'viewer', payload: { flow } });
    expect(valid.body).toEqual({ valid: true, name: 'f', requires: ['site'] });
    const lacking = await ask('POST', '/v1/flows/validate', { payload: { flow, store: {} } });
    expect([lacking.status, codeOf(lacking)]).toEqual([422, 'BATON_DEFINITION_MISSING_REQUIREMENT']);
  });
});

describe('commands', () => {
  it('are stored, with who gave them, before the answer; the same key gives the same one', async () => {
    await world.post('j');
    const headers = { 'idempotency-key': 'k' };
    const payload = { reason: 'enough' };
    const given = await ask('POST', '/v1/jobs/j/cancel', { headers, payload });
    expect([given.status, given.body]).toEqual([202, { commandId: 1 }]);
    expect((await ask('POST', '/v1/jobs/j/cancel', { headers, payload })).body).toEqual({ commandId: 1 });
    expect((await world.client.job('j')).pending).toMatchObject([
      { n: 1, command: 'cancel', arguments: { revert: true }, by: 'operator', reason: 'enough' },
    ]);
    const other = await ask('POST', '/v1/jobs/j/cancel', { headers, payload: { revert: false } });
    expect([other.status, codeOf(other)]).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
    expect((await ask('POST', '/v1/jobs/j/cancel')).body).toEqual({ commandId: 2 });
  });

  it('are refused when the run has moved on, and a repeated one is not', async () => {
    await world.post('j');
    const at = (seq: string) => ({ 'if-match': seq, 'idempotency-key': 'k' });
    const { headers } = await ask('GET', '/v1/jobs/j');
    expect(headers['etag']).toBe('"0"');
    const early = await ask('POST', '/v1/jobs/j/cancel', { headers: at('"1"') });
    expect([early.status, codeOf(early)]).toEqual([412, 'BATON_CONFLICT_SEQUENCE']);
    expect((await ask('POST', '/v1/jobs/j/cancel', { headers: at('"0"') })).status).toBe(202);
    await world.claim('j');
    expect((await ask('POST', '/v1/jobs/j/cancel', { headers: at('"0"') })).body).toEqual({ commandId: 1 });
    const late = await ask('POST', '/v1/jobs/j/cancel', { headers: { 'if-match': '"0"' } });
    expect(late.status).toBe(412);
    expect((await ask('POST', '/v1/jobs/j/cancel', { headers: { 'if-match': '*' } })).status).toBe(202);
  });

  it('to a job that has ended are refused, unless it was cancelled', async () => {
    for (const key of ['done', 'cancelled']) await world.post(key);
    const cancelled = await ask('POST', '/v1/jobs/cancelled/cancel', { headers: { 'idempotency-key': 'k' } });
    expect(cancelled.status).toBe(202);
    await world.claim('done');
    await world.end('done');
    await world.claim('cancelled');
    await world.end('cancelled', [{ fact: 'command', n: 1, command: 'cancel' }]);
    const refused = await ask('POST', '/v1/jobs/done/cancel');
    expect([refused.status, codeOf(refused)]).toEqual([409, 'BATON_CONFLICT_ENDED']);
    const repeated = await ask('POST', '/v1/jobs/cancelled/cancel');
    expect([repeated.status, repeated.body]).toEqual([200, { outcome: 'SUCCESS' }]);
    const sameKey = await ask('POST', '/v1/jobs/cancelled/cancel', { headers: { 'idempotency-key': 'k' } });
    expect([sameKey.status, sameKey.body]).toEqual([202, { commandId: 1 }]);
  });

  it('about atoms that are not parked, have not failed, or are not there, are refused', async () => {
    await world.post('j');
    const running = await ask('POST', '/v1/jobs/j/atoms/a/rerun');
    expect([running.status, codeOf(running)]).toEqual([409, 'BATON_CONFLICT_NOT_REPAIRABLE']);
    const awaited = await ask('POST', '/v1/jobs/j/atoms/a/fail', { payload: {} });
    expect([awaited.status, codeOf(awaited)]).toEqual([409, 'BATON_CONFLICT_NOT_PARKED']);
    const unknown = await ask('POST', '/v1/jobs/j/atoms/b/fail', { payload: {} });
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'BATON_NOT_FOUND_ATOM']);
  });

  it('do not take null for false', async () => {
    await world.post('j');
    expect((await ask('POST', '/v1/jobs/j/cancel', { payload: { revert: null } })).status).toBe(400);
    expect((await world.client.job('j')).pending).toEqual([]);
  });
});

describe('lists', () => {
  it('go through all jobs on the board, page by page', async () => {
    for (const key of ['a', 'b', 'c']) await world.post(key);
    const first = await ask('GET', '/v1/jobs?limit=2');
    expect(first.body).toMatchObject({ jobs: [{ jobId: 'c' }, { jobId: 'b' }], next: 'b' });
    const second = await ask('GET', '/v1/jobs?limit=2&after=b');
    expect(second.body).toMatchObject({ jobs: [{ jobId: 'a', jobState: 'UNCLAIMED', name: 'f' }] });
    expect(second.body).not.toHaveProperty('next');
    expect((await ask('GET', '/v1/jobs?state=ended')).body).toEqual({ jobs: [] });
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=1e2',
    'limit=2&limit=3',
    'limit=-1',
    'state=x',
    'sort=a',
    'after=../',
  ])('refuse %s', async (query) => {
    const refused = await ask('GET', `/v1/jobs?${query}`);
    expect([refused.status, codeOf(refused)]).toEqual([400, 'BATON_INPUT_INVALID']);
  });

  it('of events and atoms go on where a page ended', async () => {
    await world.post('j');
    await world.claim('j');
    const first = await ask('GET', '/v1/jobs/j/events?limit=1');
    expect(first.body).toMatchObject({ events: [{ seq: 0, kind: 'post' }], next: 1 });
    const second = await ask('GET', '/v1/jobs/j/events?limit=1&after=1');
    expect(second.body).toEqual({
      events: [
        {
          seq: 1,
          kind: 'claim',
          atMs: expect.any(Number),
          member: 'member-1',
          fence: '00000000:0000000000000001',
          facts: [],
        },
      ],
    });
    expect((await ask('GET', '/v1/jobs/j/atoms?after=1')).body).toMatchObject({ atoms: [] });
  });
});

it('a job names the jobs of its sub-flows', async () => {
  const inner = {
    schemaVersion: 1,
    root: { kind: 'routed', name: 'inner', atoms: [{ name: 'a' }] },
  } as const;
  await routedJob(world, 'j', { flow: 'inner', forEach: { x: [1, 2] } }, { flows: { inner } });
  const { status, body } = await ask('GET', '/v1/jobs/j/children?limit=1');
  const child = {
    jobId: expect.stringMatching(/^[\w-]+$/),
    atom: 'approve[0]',
    state: 'RUNNING',
    attempt: 1,
  };
  expect([status, body]).toEqual([200, { seq: 1, children: [child], next: 1 }]);
  const rest = (await ask('GET', '/v1/jobs/j/children?after=1')).body;
  expect(rest).toMatchObject({ children: [{ atom: 'approve[1]' }] });
  expect((await ask('GET', '/v1/jobs/none/children')).status).toBe(404);
});

describe('deleting a job', () => {
  it('needs its end, hides it at once, and can be repeated', async () => {
    await world.post('j');
    await world.claim('j');
    const early = await ask('DELETE', '/v1/jobs/j');
    expect([early.status, codeOf(early)]).toEqual([409, 'BATON_CONFLICT_NOT_ENDED']);
    await world.end('j');
    await world.leave('j');
    await world.persistence(async ({ journal, readModels }) => {
      readModels.resume(await journal.history('j'));
      await readModels.idle();
    });
    for (const role of ['viewer', 'poster'] as const)
      expect((await ask('DELETE', '/v1/jobs/j', { role })).status).toBe(403);
    for (let times = 0; times < 2; times++) expect((await ask('DELETE', '/v1/jobs/j')).status).toBe(204);
    for (const path of ['', '/run', '/events', '/atoms'])
      expect((await ask('GET', `/v1/jobs/j${path}`)).status).toBe(404);
    const again = await ask('POST', '/v1/jobs', { payload: { flow, store, key: 'j' } });
    expect([again.status, codeOf(again)]).toEqual([409, 'BATON_CONFLICT_DELETED']);
  });
});

describe('the OpenAPI document', () => {
  const samples: Readonly<Record<string, object>> = {
    '/v1/jobs': { flow, store },
    '/v1/flows/validate': { flow },
  };

  it('has every route there is, and each answers as it says, for good and for bad requests', async () => {
    await world.post('j');
    await world.claim('j');
    await world.end('j');
    const document = (await ask('GET', '/v1/openapi.json')).body as unknown as OpenApi;
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ path, method })),
    );
    expect(operations).toHaveLength(world.api.routes.length);
    // what is deleted answers no more
    operations.sort((one, other) => Number(one.method === 'delete') - Number(other.method === 'delete'));
    const flaws: unknown[] = [];
    for (const { path, method } of operations) {
      const url = path.replace('{id}', 'j').replace('{atom}', 'a').replace('{delegate}', 'j%2Fa');
      const hasBody = method === 'post' || method === 'put';
      const requests: InjectOptions[] = [
        { ...(hasBody && { payload: samples[path] ?? {} }) },
        { url: url.replace('/j', '/unknown') },
        { url: url.replace('/j', '/%2e%2e') },
        { headers: { 'last-event-id': '2', 'if-match': '"9"' } },
        { headers: { 'last-event-id': 'x'.repeat(65), 'if-match': 'x', 'idempotency-key': '/' } },
        { headers: { authorization: 'Bearer wrong' } },
        ...(hasBody ? [{ payload: '{"flow":', headers: { 'content-type': 'application/json' } }] : []),
        ...(hasBody ? [{ payload: 'x', headers: { 'content-type': 'text/plain' } }] : []),
      ];
      for (const request of path === '/v1/stream' ? requests.slice(4, 6) : requests) {
        const { answer } = await ask(
          method.toUpperCase() as Route['method'],
          (request.url as string) ?? url,
          request,
        );
        const flaw = await flawOf(document, { path, method }, answer);
        if (flaw !== undefined) flaws.push({ path, request, flaw });
      }
    }
    expect(flaws).toEqual([]);
  });

  it('has nothing of what is not there yet', async () => {
    for (const path of ['/v1/namespaces', '/v1/jobs/j/pause', '/v1'])
      for (const method of ['GET', 'POST'] as const) {
        const answer = await ask(method, path);
        expect([answer.status, codeOf(answer)]).toEqual([404, 'BATON_NOT_FOUND_ROUTE']);
      }
    expect(JSON.stringify((await ask('GET', '/v1/openapi.json')).body)).not.toMatch(/namespaces/);
  });
});

describe('roles', () => {
  it('are asked of every route, before anything else of the request is looked at', async () => {
    const mistakes: string[] = [];
    for (const { method, path, role } of world.api.routes)
      for (const mine of roles.slice(0, roles.indexOf(role))) {
        const url = path.replace(':id', 'a%20b').replace(':atom', 'a').replace(':delegate', 'a%2Fb');
        const { status } = await ask(method, url, { role: mine, ...(method === 'POST' && { payload: '[' }) });
        if (status !== 403) mistakes.push(`${method} ${path} as ${mine}: ${status}`);
      }
    expect(mistakes).toEqual([]);
  });

  it('without a token nothing is told, not even what there is not', async () => {
    for (const url of ['/v1/openapi.json', '/v1/jobs', '/nowhere']) {
      const answer = await world.api.app.inject({ url });
      expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(answer.json()).toMatchObject({ error: { code: 'BATON_INPUT_UNAUTHENTICATED' } });
    }
  });
});
