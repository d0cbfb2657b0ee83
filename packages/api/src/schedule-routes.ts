/** Schedules (C-1615): what is posted again and again. */
import { ConflictError, InputError, codeOf } from '@baton/core';
import type { Postable, ScheduleChange, ScheduleOptions } from '@baton/client';
import { bodyProblems, type Asked, type Reply, type Route } from './route.js';
import * as schemas from './schedule-schemas.js';
import { atLeast } from './tokens.js';

const changed = { about: 'Stored; conductors take it up at once.', schema: schemas.scheduleChanged };
const one = { params: schemas.scheduleParams };

export const scheduleRoutes: readonly Route[] = [
  {
    ...{ method: 'GET', path: '/v1/schedules', role: 'viewer' },
    summary: 'The schedules of the board by id, each with its last slot.',
    answers: { 200: { about: 'All of them.', schema: schemas.scheduleList } },
    problems: [],
    handle: async ({ client }) => ({ status: 200, body: { schedules: await client.schedules.list() } }),
  },
  {
    ...{ method: 'POST', path: '/v1/schedules', role: 'poster', body: schemas.postScheduleBody },
    summary: 'Make a schedule. A flow that is not stored yet takes the role author.',
    answers: { 201: changed, 200: { ...changed, about: 'It was there, exactly so.' } },
    problems: [409, 422, ...bodyProblems],
    handle: make,
  },
  {
    ...{ method: 'GET', path: '/v1/schedules/:id', role: 'viewer', ...one },
    summary: 'A schedule with its last slots. Its ETag is its revision.',
    answers: { 200: { about: 'The schedule; of its values only the names.', schema: schemas.schedule } },
    problems: [],
    handle: async ({ client, params }) => {
      const schedule = await client.schedules.get(params['id'] ?? '');
      return { status: 200, headers: { etag: `"${schedule.revision}"` }, body: schedule };
    },
  },
  {
    ...{ method: 'PUT', path: '/v1/schedules/:id', role: 'operator', ...one },
    summary:
      'Make a schedule, or change it to exactly this. A flow that is not stored yet takes the role author.',
    ...{ headers: schemas.changeHeaders, body: schemas.putScheduleBody },
    answers: { 201: changed, 200: { ...changed, about: 'Changed, or exactly so before.' } },
    problems: [409, 412, 422, ...bodyProblems],
    handle: (asked) => put(asked, asked.params['id'] ?? '', changeOf(asked)),
  },
  {
    ...{ method: 'DELETE', path: '/v1/schedules/:id', role: 'operator', ...one },
    summary: 'Delete a schedule. Jobs that it has posted are left alone.',
    headers: schemas.changeHeaders,
    ...{ answers: { 204: { about: 'Deleted.' } }, problems: [409, 412] },
    handle: async (asked) => {
      await asked.client.schedules.delete(asked.params['id'] ?? '', changeOf(asked));
      return { status: 204 };
    },
  },
  ...(['pause', 'resume'] as const).map((verb): Route => ({
    ...{ method: 'POST', path: `/v1/schedules/:id/${verb}`, role: 'operator', ...one },
    summary:
      verb === 'pause'
        ? 'Let no slot fire until it is resumed; none of that time is caught up.'
        : 'Let a paused schedule fire again.',
    headers: schemas.changeHeaders,
    ...{ answers: { 200: changed }, problems: [409, 412, ...bodyProblems] },
    handle: async (asked) => {
      const { id = '' } = asked.params;
      const revision = await asked.client.schedules[verb](id, changeOf(asked));
      return { status: 200, body: { id, revision } };
    },
  })),
];

async function make(asked: Asked): Promise<Reply> {
  const { id, ...body } = asked.body as { readonly id: string };
  try {
    return await put({ ...asked, body }, id, { ...changeOf(asked), ifRevision: 0 });
  } catch (error) {
    if (codeOf(error) !== 'BATON_CONFLICT_REVISION') throw error;
    throw new ConflictError('BATON_CONFLICT_KEY_REUSED', `schedule ${id} exists, with other content`);
  }
}

async function put({ client, principal, body }: Asked, id: string, change: ScheduleChange): Promise<Reply> {
  const { flow, ...options } = body as ScheduleOptions & { readonly flow?: string | Postable };
  if (typeof flow !== 'string' && !atLeast(principal, 'author'))
    throw new InputError(
      'BATON_INPUT_FORBIDDEN',
      'scheduling a flow that is not named by its hash takes the role author',
    );
  const definition = typeof flow === 'string' ? await client.definition(flow) : (flow as Postable);
  const { revision, isNew } = await client.schedules.put(id, definition, { ...options, ...change });
  return {
    status: isNew ? 201 : 200,
    headers: { location: `/v1/schedules/${id}`, etag: `"${revision}"` },
    body: { id, revision },
  };
}

/** Who asks, and the condition of the request: `If-Match` with the ETag of what is to be changed. */
export function changeOf({ headers, principal }: Asked): ScheduleChange {
  const revision = /\d+/.exec(headers['if-match'] ?? '')?.[0];
  return { by: principal.name, ...(revision !== undefined && { ifRevision: Number(revision) }) };
}
