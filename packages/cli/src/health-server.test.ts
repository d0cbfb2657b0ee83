import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readinessOf } from '@baton/core';
import { HealthServer } from './health-server.js';

describe('health by HTTP', () => {
  let health: HealthServer;
  beforeEach(async () => void (health = await HealthServer.listen({ host: '127.0.0.1', port: 0 })));
  afterEach(() => health.close());

  async function ask(path: string, method = 'GET'): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${health.port}${path}`, { method });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  it('says whether the member can do its work, and what is in the way', async () => {
    expect(await ask('/readyz')).toEqual({
      status: 503,
      body: { ready: false, checks: { member: 'starts' } },
    });
    health.readiness = () => readinessOf({ member: undefined, store: 'out of disk space' });
    expect(await ask('/readyz')).toEqual({
      status: 503,
      body: { ready: false, checks: { member: 'ok', store: 'out of disk space' } },
    });
    health.readiness = () => readinessOf({ member: undefined, store: undefined });
    expect(await ask('/readyz')).toMatchObject({ status: 200, body: { ready: true } });
    expect(await ask('/readyz', 'HEAD')).toEqual({ status: 200, body: undefined });
  });

  it('says that the process lives, whatever else is wrong', async () => {
    expect(await ask('/livez')).toEqual({ status: 200, body: { live: true } });
  });

  it('knows nothing else and changes nothing', async () => {
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/readyz', 'POST')).status).toBe(405);
  });

  it('refuses an address that is taken', async () => {
    await expect(HealthServer.listen({ host: '127.0.0.1', port: health.port })).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
    });
  });
});
