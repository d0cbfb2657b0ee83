/** One task without a flow (C-1616). */
import { durationMs, InputError } from '@baton/core';
import type { JsonValue } from '@baton/core';
import { headerKey } from './command-routes.js';
import { bodyProblems, type Asked, type Reply, type Route } from './route.js';
import * as schemas from './schemas.js';
import { limits } from './server-options.js';

/** A request is answered before it is cut off. */
const waitMaxMs = limits.answerTimeoutMs - 10_000;

const { object, text, jobId } = schemas;
const body = object({
  input: { type: 'object', description: 'Parameter → value.' },
  version: { ...text, pattern: '^[0-9]{1,6}\\.[0-9]{1,6}$', default: '1.0', description: 'major.minor' },
  wait: {
    ...schemas.duration,
    description: `How long the answer waits for the end of the task, ${waitMaxMs / 1_000}s at most. Default: not at all.`,
  },
});
const ended = object(
  {
    ...{ jobId, outcome: schemas.outcome, failures: { type: 'array', items: schemas.failure } },
    result: { description: 'What it returned; only of one that is SUCCESS.' },
  },
  ['jobId'],
);

export const taskRoutes: readonly Route[] = [
  {
    ...{ method: 'POST', path: '/v1/tasks/:name/run', role: 'author' },
    summary: 'Run one task without a flow.',
    params: object({ name: { type: 'string', pattern: '^[A-Za-z0-9._+$-]{1,255}$' } }, ['name']),
    ...{ headers: schemas.postHeaders, body },
    answers: {
      201: { about: 'Posted, and not waited for or not ended yet.', schema: schemas.posted },
      200: { about: 'It has ended; or, without its outcome, the same was posted before.', schema: ended },
    },
    ...{ problems: [409, 422, ...bodyProblems], handle: run },
  },
];

async function run({ client, params, headers, body: given, signal }: Asked): Promise<Reply> {
  const { input, version, wait } = given as {
    readonly input?: Readonly<Record<string, JsonValue>>;
    readonly version: string;
    readonly wait?: string;
  };
  const key = headerKey(headers);
  const { isNew, ...task } = await client.runTask(params['name'] ?? '', input, {
    ...{ version, signal },
    ...(wait !== undefined && { waitMs: waitOf(wait) }),
    ...(key !== undefined && { key }),
  });
  const location = `/v1/jobs/${task.jobId}`;
  return { status: isNew && task.outcome === undefined ? 201 : 200, headers: { location }, body: task };
}

function waitOf(wait: string): number {
  const waitMs = durationMs(wait, 'wait');
  if (waitMs <= waitMaxMs) return waitMs;
  const remedy = 'leave it out, and follow the job by its stream';
  throw new InputError(
    'BATON_INPUT_INVALID',
    `wait is ${wait}, and at most ${waitMaxMs / 1_000}s: for longer ${remedy}`,
  );
}
