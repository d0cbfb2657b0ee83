import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { routedJob } from './fixtures/routed-job.js';
import { as, newWorld, type World } from './fixtures/world.js';
import type { Role } from './tokens.js';

let world: World;
beforeEach(() => {
  world = newWorld();
});
afterEach(() => world.close());

async function ask(url: string, payload: object = {}, role: Role = 'operator', key?: string) {
  const headers = { ...as(role), ...(key !== undefined && { 'idempotency-key': key }) };
  const answer = await world.api.app.inject({ method: 'POST', url, headers, payload });
  const body = answer.json<{ readonly commandId?: number; readonly error?: { readonly code: string } }>();
  return [answer.statusCode, body.error?.code ?? body.commandId];
}

/** Ended: it was cancelled while its only atom, a delegate, waited. */
async function cancelled(): Promise<void> {
  const { take } = await routedJob(world, 'j', { delegate: 'd' });
  await take({ type: 'cancel', revert: false });
  await world.leave('j');
}

describe('jobs that have ended (P-604)', () => {
  it('run again, whole or from an atom on, and are on the board again', async () => {
    await cancelled();
    const payload = { from: 'approve', input: { n: 1 }, reason: 'too early' };
    expect(await ask('/v1/jobs/j/rerun', payload)).toEqual([202, 1]);
    expect(await ask('/v1/jobs/j/atoms/approve/rerun')).toEqual([202, 2]);
    expect((await world.client.job('j')).pending).toMatchObject([
      {
        command: 'rerun',
        arguments: { from: 'approve', input: { n: 1 } },
        by: 'operator',
        reason: 'too early',
      },
      { command: 'rerun', arguments: { from: 'approve' } },
    ]);
    expect(await world.client.jobs()).toMatchObject([{ jobId: 'j', life: 1 }]);
  });

  it('take the same again under its key for the one before, and nothing else', async () => {
    await cancelled();
    const url = '/v1/jobs/j/atoms/approve/rerun';
    for (let time = 0; time < 2; time++)
      expect(await ask(url, { input: { n: 1 } }, 'operator', 'k')).toEqual([202, 1]);
    expect(await ask(url, { input: { n: 2 } }, 'operator', 'k')).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
    expect(await ask('/v1/jobs/j/rerun', {}, 'operator', 'k')).toEqual([409, 'BATON_CONFLICT_KEY_REUSED']);
    expect((await world.client.job('j')).pending).toMatchObject([{ n: 1 }]);
  });

  it('were cancelled, and were not when they ended otherwise after they were run again', async () => {
    const cancel = { fact: 'command', n: 1, command: 'cancel' } as const;
    for (const key of ['j', 'again']) {
      await world.post(key);
      await world.claim(key);
    }
    await world.end('j', [cancel]);
    await world.end('again', [cancel, { fact: 'command', n: 2, command: 'rerun' }]);
    expect((await ask('/v1/jobs/j/cancel'))[0]).toBe(200);
    expect(await ask('/v1/jobs/again/cancel')).toEqual([409, 'BATON_CONFLICT_ENDED']);
  });

  it('were stopped: the same once more changes nothing, another end is refused (C-1307)', async () => {
    await world.post('j');
    await world.claim('j');
    expect(await ask('/v1/jobs/j/stop', { state: 'CANCELLED' })).toEqual([400, 'BATON_INPUT_INVALID']);
    expect(await ask('/v1/jobs/j/stop', { message: 'no' })).toEqual([400, 'BATON_INPUT_INVALID']);
    expect(await ask('/v1/jobs/j/stop', { state: 'SUCCESS', message: 'enough' })).toEqual([202, 1]);
    expect((await world.client.job('j')).pending).toMatchObject([
      { command: 'stop', arguments: { state: 'SUCCESS' }, by: 'operator', reason: 'enough' },
    ]);
    await world.end('j', [{ fact: 'command', n: 1, command: 'stop' }]);
    expect((await ask('/v1/jobs/j/stop', { state: 'SUCCESS' }))[0]).toBe(200);
    expect(await ask('/v1/jobs/j/stop', { state: 'FAILURE' })).toEqual([409, 'BATON_CONFLICT_ENDED']);
    expect(await ask('/v1/jobs/j/cancel')).toEqual([409, 'BATON_CONFLICT_ENDED']);
  });

  it('are not told of a role that may not, an atom that there is not, or a field that means nothing', async () => {
    await cancelled();
    expect(await ask('/v1/jobs/j/rerun', {}, 'poster')).toEqual([403, 'BATON_INPUT_FORBIDDEN']);
    expect(await ask('/v1/jobs/j/rerun', { from: 'x' })).toEqual([404, 'BATON_NOT_FOUND_ATOM']);
    expect(await ask('/v1/jobs/j/atoms/x/skip')).toEqual([404, 'BATON_NOT_FOUND_ATOM']);
    expect(await ask('/v1/jobs/none/revert')).toEqual([404, 'BATON_NOT_FOUND_JOB']);
    expect(await ask('/v1/jobs/j/rerun', { fro: 'approve' })).toEqual([400, 'BATON_INPUT_INVALID']);
    expect(await ask('/v1/jobs/j/atoms/approve/skip', { depth: 'most' })).toEqual([
      400,
      'BATON_INPUT_INVALID',
    ]);
    expect((await world.client.job('j')).pending).toEqual([]);
  });
});

it.each(['retry', 'accept'] as const)(
  'an atom whose revert failed is decided about: %s',
  async (decision) => {
    const asked: unknown[] = [];
    world.client.decideRevert = (...given) => Promise.resolve(asked.push(given));
    const url = `/v1/jobs/j/atoms/disk/revert/${decision}`;
    expect(await ask(url, { reason: 'by hand' }, 'operator', 'k')).toEqual([202, 1]);
    expect(asked).toEqual([['j', { atom: 'disk', decision, by: 'operator', reason: 'by hand', key: 'k' }]]);
    expect(await ask(url, {}, 'author')).toEqual([403, 'BATON_INPUT_FORBIDDEN']);
  },
);

it('a routed run that was undone is not run again, and says how it is posted once more', async () => {
  const { take } = await routedJob(world, 'j', { delegate: 'd' });
  await take({ type: 'cancel', revert: 'always' });
  await world.leave('j');
  await expect(world.client.rerun('j')).rejects.toMatchObject({
    code: 'BATON_CONFLICT_NOT_REPAIRABLE',
    message: expect.stringMatching(/REVERTED.*`baton job post --from j`/) as unknown,
  });
});

it('a job that goes on is not run again, undone, or gone on with', async () => {
  await routedJob(world, 'j', { delegate: 'd' });
  for (const verb of ['rerun', 'revert', 'atoms/approve/skip', 'atoms/approve/revert/retry'])
    expect(await ask(`/v1/jobs/j/${verb}`)).toEqual([409, 'BATON_CONFLICT_NOT_REPAIRABLE']);
  expect((await world.client.job('j')).pending).toEqual([]);
});
