/** Events from outside, for the jobs that wait for them (C-1613). */
import { durationMs } from '@baton/core';
import { headerKey } from './command-routes.js';
import { bodyProblems, type Asked, type Reply, type Route } from './route.js';
import * as schemas from './schemas.js';

export const eventRoutes: readonly Route[] = [
  {
    ...{ method: 'POST', path: '/v1/events', role: 'poster' },
    summary: 'Send an event to the jobs of the board that wait for it (std.wait-event).',
    ...{ headers: schemas.eventHeaders, body: schemas.eventBody },
    answers: {
      202: {
        about: 'Stored for each job that waited; their flows go on when their owners see it.',
        schema: schemas.eventSent,
      },
    },
    ...{ problems: [409, ...bodyProblems], handle: send },
  },
];

async function send({ client, body, headers, principal }: Asked): Promise<Reply> {
  const { name, key, data, keep } = body as {
    readonly name: string;
    readonly key?: string;
    readonly data?: unknown;
    readonly keep?: string;
  };
  const id = headerKey(headers);
  const sent = await client.sendEvent(name, {
    ...{ by: principal.name, data: data ?? null },
    ...(key !== undefined && { key }),
    ...(keep !== undefined && { keepMs: durationMs(keep, 'keep') }),
    ...(id !== undefined && { id }),
  });
  return { status: 202, body: sent };
}
