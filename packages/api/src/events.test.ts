/** POST /v1/events (C-1613); what becomes of an event is told in conductor/src/events.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { routedJob } from './fixtures/routed-job.js';
import { as, newWorld, type World } from './fixtures/world.js';
import type { Role } from './tokens.js';

let world: World;
beforeEach(() => void (world = newWorld()));
afterEach(() => world.close());

async function send(payload: object | string, role?: Role, headers = {}) {
  const answer = await world.api.app.inject({
    ...{ method: 'POST', url: '/v1/events', payload },
    headers: { ...(role && as(role)), ...headers },
  });
  const body = answer.json<Record<string, unknown>>();
  const code = (body['error'] as { readonly code: string } | undefined)?.code;
  return { status: answer.statusCode, body, code };
}

/** A job that waits, found as its owner would have it. */
async function waiting(flowId: string): Promise<void> {
  const { requestId } = await routedJob(world, flowId, {
    ...{ task: 'std.wait-event', input: { name: 'paid', key: '42' } },
  });
  await world.persistence(({ events }) =>
    events.note({ board: 'default', name: 'paid', key: '42' }, { requestId: requestId(1), flowId }),
  );
}

describe('POST /v1/events', () => {
  it('is stored for each job that waits, once under an id', async () => {
    await waiting('j1');
    await waiting('j2');
    const event = { name: 'paid', key: '42', data: { cents: 5 } };
    const once = { 'idempotency-key': '"e-1"' };
    for (let n = 0; n < 2; n++)
      expect(await send(event, 'poster', once)).toMatchObject({
        ...{ status: 202, body: { eventId: 'e-1', jobs: 2 } },
      });
    for (const jobId of ['j1', 'j2'])
      expect((await world.client.job(jobId)).pending).toMatchObject([
        {
          command: 'event',
          by: 'poster',
          arguments: { name: 'paid', key: '42', value: { data: { cents: 5 } } },
        },
      ]);
    const other = await send({ ...event, data: null }, 'poster', once);
    expect([other.status, other.code]).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
  });

  it('says that nobody waits, and until when it is kept', async () => {
    expect((await send({ name: 'paid' }, 'poster')).body).toEqual({
      eventId: expect.any(String) as unknown,
      jobs: 0,
    });
    const { body } = await send({ name: 'paid', keep: '2h' }, 'operator');
    expect(Number(body['keptUntilMs']) - Date.now()).toBeGreaterThan(7_000_000);
  });

  it('refuses another one under the id of one that is kept', async () => {
    const event = { name: 'paid', data: { cents: 5 }, keep: '1h' };
    const once = { 'idempotency-key': '"e-1"' };
    for (let n = 0; n < 2; n++) expect((await send(event, 'poster', once)).status).toBe(202);
    for (const other of [
      { data: { cents: 6 } },
      { key: '7' },
      { name: 'sent' },
      { data: null, keep: '0s' },
    ]) {
      const answer = await send({ ...event, ...other }, 'poster', once);
      expect([answer.status, answer.code]).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
    }
    expect((await send({ ...event, data: 6 }, 'poster', { 'idempotency-key': '"e-2"' })).status).toBe(202);
  });

  it.each([
    [{}],
    [{ name: '' }],
    [{ name: 'x'.repeat(257) }],
    [{ name: 'paid', key: 'x'.repeat(513) }],
    [{ name: 'paid', key: 42 }],
    [{ name: 'paid', keep: 'soon' }],
    [{ name: 'paid', keep: '31d' }],
    [{ name: 'paid', more: 1 }],
    ['{'],
  ])('refuses what is no event, %#', async (payload) => {
    expect((await send(payload, 'poster', { 'content-type': 'application/json' })).status).toBe(400);
  });

  it('refuses what is too large, and who may not', async () => {
    expect((await send({ name: 'paid', data: 'x'.repeat(600_000) }, 'poster')).code).toBe(
      'BATON_INPUT_TOO_LARGE',
    );
    expect((await send({ name: 'paid' }, 'viewer')).status).toBe(403);
    expect((await send({ name: 'paid' })).status).toBe(401);
    expect((await send({ name: 'paid' }, 'poster', { 'idempotency-key': 'a b' })).status).toBe(400);
  });
});
