import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { failureOf } from '@baton/core';
import { flawOf, type OpenApi } from './fixtures/answer-check.js';
import { routedJob } from './fixtures/routed-job.js';
import { as, newWorld, type World } from './fixtures/world.js';

let world: World;
beforeEach(() => void (world = newWorld()));
afterEach(() => world.close());

async function report(query = '', jobId = 'j') {
  const headers = as('viewer');
  const answer = await world.api.app.inject({ url: `/v1/jobs/${jobId}/report${query}`, headers });
  const document = (await world.api.app.inject({ url: '/v1/openapi.json', headers })).json<OpenApi>();
  expect(await flawOf(document, { path: '/v1/jobs/{id}/report', method: 'get' }, answer)).toBeUndefined();
  return { status: answer.statusCode, body: answer.json<object>() };
}

it('the report of a job has its child runs in it, and no stack of user code (C-1604)', async () => {
  const inner = {
    schemaVersion: 1,
    root: { kind: 'routed', name: 'inner', atoms: [{ name: 'a' }] },
  } as const;
  await routedJob(world, 'j', { flow: 'inner' }, { flows: { inner } });
  const childJob = (await world.client.job('j')).atoms.find(({ child }) => child !== undefined)?.child ?? '';
  expect((await report()).body).toMatchObject({
    figures: { jobs: 1 },
    atoms: [{ name: 'approve', childJob }],
  });
  const { take } = await routedJob(world, childJob, { task: 'inner.a' });
  const failure = { ...failureOf('Error', 'no disk'), stack: 'at secret.ts' };
  const requestId = `${childJob}/approve/execute/0.1`;
  await take({ type: 'failed', requestId, failure });
  const { status, body } = await report('?errorsOnly&maxDepth=1');
  expect([status, body]).toMatchObject([
    200,
    {
      figures: { jobs: 2, leftOut: 0 },
      atoms: [{ childJob, child: { jobId: childJob, atoms: [{ failure: { message: 'no disk' } }] } }],
    },
  ]);
  expect(JSON.stringify(body)).not.toContain('secret');
  expect((await report('?maxDepth=0')).body).toMatchObject({ figures: { jobs: 1, leftOut: 1 } });
  expect((await report('?maxDepth=-1')).status).toBe(400);
  expect((await report('', 'nobody')).status).toBe(404);
});
