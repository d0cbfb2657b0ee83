/** Environments by name (C-711, C-1615): what jobs may be posted with. Who posts with one needs not see what is in it. */
import { codeOf, ConflictError } from '@baton/core';
import type { EnvironmentChange } from '@baton/client';
import { bodyProblems, type Answer, type Asked, type ObjectSchema, type Reply, type Route } from './route.js';
import { changeOf } from './schedule-routes.js';
import { changeHeaders } from './schedule-schemas.js';
import { environmentName as name, number, object, open, text, whole } from './schemas.js';

const params = object({ name }, ['name']);
const env: ObjectSchema = {
  ...{ type: 'object', properties: {} },
  description: 'Up to 16 KiB; ${…} in its texts is evaluated when a run starts.',
};
const about = { name, revision: whole, by: text, changedAtMs: number };
const listed = open({ ...about, keys: { type: 'array', items: text } }, ['name', 'revision', 'keys']);
const environment = open({ ...about, env }, ['name', 'revision', 'env']);
const changed: Answer = {
  about: 'Stored. Jobs that are posted already are as they are.',
  schema: object({ name, revision: whole }, ['name', 'revision']),
};

export const environmentRoutes: readonly Route[] = [
  {
    ...{ method: 'GET', path: '/v1/environments', role: 'viewer' },
    summary: 'The environments of the board by name, each with the names of what is in it.',
    answers: {
      200: {
        about: 'All of them.',
        schema: object({ environments: { type: 'array', items: listed } }, ['environments']),
      },
    },
    ...{ problems: [], handle: list },
  },
  {
    ...{ method: 'POST', path: '/v1/environments', role: 'operator' },
    ...{ summary: 'Make an environment.', body: object({ name, env }, ['name', 'env']) },
    answers: { 201: changed, 200: { ...changed, about: 'It was there, exactly so.' } },
    ...{ problems: [409, ...bodyProblems], handle: make },
  },
  {
    ...{ method: 'GET', path: '/v1/environments/:name', role: 'operator', params },
    summary: 'An environment, with its values. Its ETag is its revision.',
    ...{ answers: { 200: { about: 'The environment.', schema: environment } }, problems: [] },
    handle: async ({ client, params: { name: which = '' } }) => {
      const found = await client.environments.get(which);
      return { status: 200, headers: { etag: `"${found.revision}"` }, body: found };
    },
  },
  {
    ...{ method: 'PUT', path: '/v1/environments/:name', role: 'operator', params },
    summary: 'Make an environment, or change it to exactly this.',
    ...{ headers: changeHeaders, body: object({ env }, ['env']) },
    answers: { 201: changed, 200: { ...changed, about: 'Changed, or exactly so before.' } },
    problems: [412, ...bodyProblems],
    handle: (asked) => put(asked, asked.params['name'] ?? '', changeOf(asked)),
  },
  {
    ...{ method: 'DELETE', path: '/v1/environments/:name', role: 'operator', params },
    summary: 'Delete an environment. Jobs that were posted with it keep what it was.',
    ...{ headers: changeHeaders, answers: { 204: { about: 'Deleted.' } }, problems: [412] },
    handle: async (asked) => {
      await asked.client.environments.delete(asked.params['name'] ?? '', changeOf(asked));
      return { status: 204 };
    },
  },
];

async function list({ client }: Asked): Promise<Reply> {
  const environments = (await client.environments.list()).map(({ env: values, ...rest }) => ({
    ...rest,
    keys: Object.keys(values),
  }));
  return { status: 200, body: { environments } };
}

async function make(asked: Asked): Promise<Reply> {
  const which = String(asked.body['name']);
  try {
    return await put(asked, which, { ...changeOf(asked), ifRevision: 0 });
  } catch (error) {
    if (codeOf(error) !== 'BATON_CONFLICT_REVISION') throw error;
    throw new ConflictError(
      'BATON_CONFLICT_KEY_REUSED',
      `environment ${which} exists, with other content: PUT /v1/environments/${which} changes it`,
    );
  }
}

async function put({ client, body }: Asked, which: string, change: EnvironmentChange): Promise<Reply> {
  const { revision, isNew } = await client.environments.set(which, body['env'] as object, change);
  return {
    status: isNew ? 201 : 200,
    headers: { location: `/v1/environments/${which}`, etag: `"${revision}"` },
    body: { name: which, revision },
  };
}
