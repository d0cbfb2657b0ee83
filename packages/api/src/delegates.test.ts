import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DelegateTokens } from '@baton/client/delegate-tokens';
import { failureOf } from '@baton/core';
import { routedJob } from './fixtures/routed-job.js';
import { as, newWorld, type World } from './fixtures/world.js';
import type { Role } from './tokens.js';

const delegateKeys = 'k'.repeat(64);
const tokens = new DelegateTokens(delegateKeys);
const expects = { by: 'string', ok: 'boolean' } as const;
const value = { by: 'ann', ok: true };

let world: World;
const logged: unknown[] = [];
beforeEach(() => {
  world = newWorld({ delegateKeys });
  logged.splice(0);
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    world.runtime.logger[level] = (...said) => void logged.push(said);
});
afterEach(() => world.close());

/** Without a role, there is no credential but what the path has. */
async function ask(method: 'GET' | 'POST', url: string, payload?: object, role?: Role) {
  const answer = await world.api.app.inject({
    ...{ method, url: `/v1/delegates${url}`, headers: role ? as(role) : {} },
    ...(payload && { payload }),
  });
  const body = answer.json<Record<string, unknown>>();
  const code = (body['error'] as { readonly code: string } | undefined)?.code;
  return { status: answer.statusCode, body, code };
}

const tokenOf = (requestId: string): string => `/${tokens.of(requestId) ?? ''}`;
const byId = '/j%2Fapprove';

async function waiting(atom = {}, waitMs?: number) {
  const input = { vm: 'v-1' };
  return routedJob(
    world,
    'j',
    { delegate: 'change.approve', expects, input, ...atom },
    { ...(waitMs !== undefined && { waitMs }) },
  );
}

describe('a delegate', () => {
  it('is described to who has its token, and no other credential', async () => {
    const { requestId } = await waiting();
    const { status, body } = await ask('GET', tokenOf(requestId(1)));
    expect([status, body]).toEqual([
      200,
      {
        ...{ jobId: 'j', name: 'change', atom: 'approve', attempt: 1, delegate: 'change.approve' },
        ...{ args: { vm: 'v-1' }, dueAtMs: expect.any(Number) as unknown },
        expects: {
          ...{ type: 'object', required: ['by', 'ok'] },
          properties: { by: { type: 'string' }, ok: { type: 'boolean' } },
        },
      },
    ]);
    expect((await ask('GET', byId, undefined, 'viewer')).body).toEqual(body);
    expect((await ask('GET', `${byId}?attempt=1&round=0`, undefined, 'viewer')).status).toBe(200);
    expect((await ask('GET', `${byId}?attempt=1&round=1`, undefined, 'viewer')).status).toBe(410);
    expect((await ask('GET', `${tokenOf(requestId(1))}?round=0`)).status).toBe(200);
    expect((await ask('GET', `${tokenOf(requestId(1))}?round=1`)).status).toBe(400);
  });

  it.each([
    ['complete', { value }, { value: { data: value } }],
    [
      'fail',
      { message: 'no', type: 'Veto', data: { n: 1 } },
      { failure: { message: 'no', types: ['Veto', 'Error'], details: { n: 1 } } },
    ],
    ['cancel', { reason: 'over' }, { cancelled: true }],
  ])('takes one answer: %s', async (verb, payload, stored) => {
    const { requestId } = await waiting();
    const path = `${tokenOf(requestId(1))}/${verb}`;
    expect(await ask('POST', path, payload)).toMatchObject({ status: 200, body: { commandId: 1 } });
    expect(await ask('POST', path, payload)).toMatchObject({ status: 200, body: { commandId: 1 } });
    expect(await ask('POST', `${byId}/${verb}`, payload, 'operator')).toMatchObject({ status: 200 });
    const other = await ask('POST', `${tokenOf(requestId(1))}/fail`, { message: 'other' });
    expect([other.status, other.code]).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
    const { pending } = await world.client.job('j');
    expect(pending).toMatchObject([{ command: 'answer-delegate', by: 'link', arguments: stored }]);
  });

  it.each([
    ['pause', { reason: 'ill' }, 'pause-delegate', {}],
    ['resume', {}, 'resume-delegate', {}],
    ['progress', { fraction: 0.5, note: 'half' }, 'progress-delegate', { fraction: 0.5, note: 'half' }],
  ])('is told before it is answered: %s', async (verb, payload, command, more) => {
    const { requestId } = await waiting();
    expect(await ask('POST', `${tokenOf(requestId(1))}/${verb}`, payload)).toMatchObject({ status: 200 });
    expect((await ask('POST', `${byId}/${verb}`, payload, 'operator')).status).toBe(200);
    expect((await ask('POST', `${byId}/${verb}`, payload, 'viewer')).status).toBe(403);
    expect((await ask('POST', `${tokenOf(requestId(2))}/${verb}`, payload)).status).toBe(410);
    expect((await world.client.job('j')).pending[0]).toMatchObject({
      ...{ command, by: 'link', arguments: { requestId: requestId(1), ...more } },
    });
  });

  it('refuses progress that says nothing, or too much', async () => {
    const { requestId } = await waiting();
    for (const wrong of [{}, { fraction: 2 }, { note: 'x'.repeat(1_025) }, { more: 1 }])
      expect((await ask('POST', `${tokenOf(requestId(1))}/progress`, wrong)).status).toBe(400);
  });

  it('decides between many answers at once: one counts, the same again is one', async () => {
    const { requestId } = await waiting();
    const path = `${tokenOf(requestId(1))}/complete`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        ask('POST', path, { value: { by: n % 2 === 0 ? 'ann' : 'bob', ok: true } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(10);
    expect((await world.client.job('j')).pending).toHaveLength(1);
  });

  it('refuses what it does not expect, and goes on waiting', async () => {
    const { requestId } = await waiting();
    const path = `${tokenOf(requestId(1))}/complete`;
    for (const wrong of [{ by: 'ann' }, { by: 'ann', ok: 'yes' }, { ...value, more: 1 }, null, 'yes']) {
      const refused = await ask('POST', path, { value: wrong });
      expect([refused.status, refused.code]).toEqual([400, 'BATON_INPUT_INVALID']);
    }
    expect((await ask('POST', path, {})).status).toBe(400);
    expect((await world.client.job('j')).pending).toEqual([]);
    expect((await ask('POST', path, { value })).status).toBe(200);
  });

  it('that was repeated is gone for the token of the attempt before (410)', async () => {
    const { requestId, take } = await waiting({ attempts: { max: 2 } });
    await take({ type: 'failed', requestId: requestId(1), failure: failureOf('TIMEOUT_WAIT', 'nobody') });
    for (const [method, verb] of [
      ['GET', ''],
      ['POST', '/complete'],
    ] as const) {
      const late = await ask(
        method,
        `${tokenOf(requestId(1))}${verb}`,
        method === 'POST' ? { value } : undefined,
      );
      expect([late.status, late.code]).toEqual([410, 'BATON_CONFLICT_NOT_WAITING']);
    }
    expect((await ask('POST', `${byId}/complete?attempt=1`, { value }, 'operator')).status).toBe(410);
    expect((await ask('POST', `${tokenOf(requestId(2))}/complete?attempt=1`, { value })).status).toBe(400);
    expect((await ask('POST', `${tokenOf(requestId(2))}/complete`, { value })).status).toBe(200);
  });

  it('is waited for longer, up to what is configured (C-1106)', async () => {
    const { requestId } = await waiting();
    const path = `${tokenOf(requestId(1))}/extend`;
    const { body } = await ask('GET', tokenOf(requestId(1)));
    const dueAtMs = Number(body['dueAtMs']);
    const extended = await ask('POST', path, { for: '2d', reason: 'on leave' });
    expect([extended.status, extended.body]).toEqual([200, { commandId: 1, dueAtMs: dueAtMs + 172_800_000 }]);
    expect((await world.client.job('j')).pending).toMatchObject([
      {
        command: 'extend-delegate',
        by: 'link',
        reason: 'on leave',
        arguments: { dueAtMs: dueAtMs + 172_800_000 },
      },
    ]);
    for (const wrong of [{ for: '31d' }, { for: '2 days' }, { for: 2 }, {}])
      expect((await ask('POST', path, wrong)).status).toBe(400);
    expect((await ask('POST', `${byId}/extend`, { for: '1h' }, 'author')).status).toBe(403);
  });

  it('is gone when its time is over, though no owner has seen that (410)', async () => {
    const { requestId } = await waiting({}, -61_000);
    const late = await ask('POST', `${tokenOf(requestId(1))}/complete`, { value });
    expect([late.status, late.code]).toEqual([410, 'BATON_CONFLICT_NOT_WAITING']);
  });

  it('is gone with its run (410); what was answered in time stays so (200)', async () => {
    const { requestId, take } = await waiting();
    const path = `${tokenOf(requestId(1))}/complete`;
    expect((await ask('POST', path, { value })).status).toBe(200);
    await take({ type: 'completed', requestId: requestId(1), value: { data: value } });
    expect((await world.client.job('j')).outcome).toBe('SUCCESS');
    expect((await ask('POST', path, { value })).status).toBe(200);
    expect((await ask('GET', tokenOf(requestId(1)))).status).toBe(410);
    const cancelled = await routedJob(world, 'k', { delegate: 'd' });
    await cancelled.take({ type: 'cancel', revert: false });
    expect((await ask('POST', `${tokenOf(cancelled.requestId(1))}/complete`, { value })).status).toBe(410);
  });

  it('of which nobody knows is 404: a token of another key, of a job or an atom there is not', async () => {
    await waiting();
    const foreign = new DelegateTokens('f'.repeat(64)).of('j/approve/execute/0.1') ?? '';
    for (const path of [`/${foreign}`, '/x', `/${'x'.repeat(2_000)}`]) {
      expect(await ask('GET', path)).toMatchObject({ status: 404, code: 'BATON_NOT_FOUND_DELEGATE' });
      // a role does not help a token that is none
      expect(await ask('GET', path, undefined, 'operator')).toMatchObject({ status: 404 });
    }
    expect(await ask('GET', tokenOf('k/approve/execute/0.1'))).toMatchObject({ code: 'BATON_NOT_FOUND_JOB' });
    expect(await ask('GET', tokenOf('j/other/execute/0.1'))).toMatchObject({ code: 'BATON_NOT_FOUND_ATOM' });
  });

  it('is answered by id by those who may give commands, and looked at by viewers', async () => {
    await waiting();
    expect((await ask('GET', byId)).status).toBe(401);
    expect((await ask('POST', `${byId}/complete`, { value }, 'author')).status).toBe(403);
    expect((await ask('POST', `${byId}/complete`, { value }, 'operator')).status).toBe(200);
  });

  it('lets its token do nothing else', async () => {
    const { requestId } = await waiting();
    const token = tokens.of(requestId(1)) ?? '';
    const headers = { authorization: `Bearer ${token}` };
    for (const url of ['/v1/jobs', '/v1/delegates', `/v1/delegates${byId}`])
      expect((await world.api.app.inject({ url, headers })).statusCode).toBe(401);
  });

  it('shows its token nowhere: not in the log, an error, the job, its events', async () => {
    const { requestId } = await waiting();
    const token = tokens.of(requestId(1)) ?? '';
    await ask('POST', `/${token}/complete`, { value: 1 });
    await ask('POST', `/${token}/complete`, { value });
    await ask('POST', `/${token}x/complete`, { value });
    const broken = { answerDelegate: world.client.answerDelegate.bind(world.client) };
    world.client.answerDelegate = () => Promise.reject(new TypeError('a defect'));
    const defect = await ask('POST', `/${token}/complete`, { value });
    expect(defect.status).toBe(500);
    Object.assign(world.client, broken);
    const events = await world.api.app.inject({ url: '/v1/jobs/j/events', headers: as('viewer') });
    const seen = JSON.stringify([logged, defect.body, events.body, await world.client.job('j')]);
    expect(logged.length).toBeGreaterThan(3);
    expect(seen).toContain('j/approve/execute/0.1');
    expect(seen).not.toContain(token);
  });
});

describe('delegates that wait', () => {
  it('are listed, page by page, until they are answered', async () => {
    await world.post('i');
    const first = await waiting();
    await routedJob(world, 'k', { delegate: 'd', forEach: { x: [1, 2, 3] } });
    const { status, body } = await ask('GET', '', undefined, 'viewer');
    const listed = body['delegates'] as { readonly jobId: string; readonly atom: string }[];
    expect(status).toBe(200);
    expect(listed.map(({ jobId, atom }) => `${jobId}/${atom}`)).toEqual([
      ...['k/approve[0]', 'k/approve[1]', 'k/approve[2]', 'j/approve'],
    ]);
    expect(listed.at(-1)).toEqual({
      ...{ jobId: 'j', name: 'change', atom: 'approve', attempt: 1, delegate: 'change.approve' },
      ...{ sinceMs: expect.any(Number) as unknown, dueAtMs: expect.any(Number) as unknown },
    });
    const pages: unknown[] = [];
    for (let after = ''; ;) {
      const page = (await ask('GET', `?limit=2${after}`, undefined, 'viewer')).body;
      pages.push(...(page['delegates'] as unknown[]));
      if (page['next'] === undefined) break;
      after = `&after=${encodeURIComponent(page['next'] as string)}`;
    }
    expect(pages).toEqual(listed);
    await first.take({ type: 'completed', requestId: first.requestId(1), value: { data: value } });
    const later = (await ask('GET', '', undefined, 'viewer')).body['delegates'];
    expect(later).toHaveLength(3);
  });
});

describe('suspend and resume', () => {
  it('are commands as others are', async () => {
    await world.post('j');
    for (const [n, verb] of (['suspend', 'resume'] as const).entries()) {
      const url = `/v1/jobs/j/${verb}`;
      const given = await world.api.app.inject({
        method: 'POST',
        url,
        headers: as('operator'),
        payload: { reason: 'r' },
      });
      expect([given.statusCode, given.json()]).toEqual([202, { commandId: n + 1 }]);
      expect((await world.api.app.inject({ method: 'POST', url, headers: as('author') })).statusCode).toBe(
        403,
      );
    }
    expect((await world.client.job('j')).pending).toMatchObject([
      { command: 'suspend', by: 'operator', reason: 'r' },
      { command: 'resume' },
    ]);
    await world.claim('j');
    await world.end('j');
    const late = await world.api.app.inject({
      method: 'POST',
      url: '/v1/jobs/j/suspend',
      headers: as('operator'),
    });
    expect([late.statusCode, late.json()]).toMatchObject([409, { error: { code: 'BATON_CONFLICT_ENDED' } }]);
  });
});
