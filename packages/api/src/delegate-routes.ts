/**
 * Atoms that wait for an answer from outside: listing, describing and answering them. Whoever has the token of one needs no other credential; all others name
 * it by its id, with the role for it (C-1105).
 */
import {
  attemptOf,
  atomNameOf,
  codeOf,
  ConflictError,
  durationMs,
  flowIdOf,
  InputError,
  roundOf,
} from '@baton/core';
import { answerSchema, type DelegateAnswer, type DelegateUpdate } from '@baton/client';
import { answeredPage, delegatePage, type DescribedDelegate } from './delegate-page.js';
import { bodyProblems, type Asked, type Reply, type Route } from './route.js';
import * as schemas from './schemas.js';

const answered = {
  200: {
    about:
      'It is stored, and stays so; the same again has no effect. Its flow goes on when its owner sees it.',
    schema: schemas.accepted,
  },
};
const problems = [409, 410, ...bodyProblems];
const ofOne = {
  params: schemas.delegateParams,
  query: schemas.delegateQuery,
  takesDelegateToken: true,
} as const;

export const delegateRoutes: readonly Route[] = [
  {
    ...{ method: 'GET', path: '/v1/delegates', role: 'viewer', query: schemas.delegatesQuery },
    summary:
      'What waits for an answer from outside, by descending id of the job, a page at a time. May lag by seconds.',
    ...{
      answers: { 200: { about: 'A page; with `next` unless it is the last.', schema: schemas.delegatePage } },
      problems: [],
      handle: list,
    },
  },
  {
    ...{ method: 'GET', path: '/v1/delegates/:delegate', role: 'viewer', ...ofOne },
    summary: 'What is asked, and what the answer must be; for who has the token in a browser, as a form.',
    page: (report, token) => delegatePage(report as DescribedDelegate, token),
    answers: { 200: { about: 'It waits.', schema: schemas.delegate } },
    ...{ problems: [410], handle: describe },
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/complete', role: 'operator', ...ofOne },
    summary: 'Give the answer. The first one to an attempt counts.',
    ...{ body: schemas.completeBody, answers: answered, problems, page: answeredPage },
    handle: (asked) => answer(asked, { value: asked.body['value'] ?? null }),
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/fail', role: 'operator', ...ofOne },
    summary: 'Let it fail; its flow goes on from there.',
    ...{ body: schemas.failBody, answers: answered, problems, page: answeredPage },
    handle: (asked) => answer(asked, { failure: asked.body as { message: string } }),
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/cancel', role: 'operator', ...ofOne },
    summary:
      'Nobody will answer: it is cancelled, and a routed flow ends CANCELLED; in an ordered one it has failed.',
    ...{ body: schemas.reasonBody, answers: answered, problems },
    handle: (asked) => answer(asked, { cancelled: true }),
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/progress', role: 'operator', ...ofOne },
    summary: 'Tell how far it is.',
    ...{ body: schemas.progressBody, answers: answered, problems },
    handle: (asked) => update(asked, { progress: asked.body }),
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/pause', role: 'operator', ...ofOne },
    summary: 'Suspend it, and its flow with it.',
    ...{ body: schemas.reasonBody, answers: answered, problems },
    handle: (asked) => update(asked, { paused: true }),
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/resume', role: 'operator', ...ofOne },
    summary: 'Have it go on, and its flow once nothing of it is paused any more.',
    ...{ body: schemas.reasonBody, answers: answered, problems },
    handle: (asked) => update(asked, { paused: false }),
  },
  {
    ...{ method: 'POST', path: '/v1/delegates/:delegate/extend', role: 'operator', ...ofOne },
    summary: 'Have it waited for longer.',
    body: schemas.extendBody,
    answers: { 200: { about: 'It is stored; until when it is waited for.', schema: schemas.extended } },
    ...{ problems, handle: extend },
  },
];

async function extend(asked: Asked): Promise<Reply> {
  const { client, body, delegateWaitMaxMs: mostMs } = asked;
  const { jobId, ...which } = delegateOf(asked);
  const byMs = durationMs(String(body['for']), 'for');
  return gone(async () => ({
    status: 200,
    body: await client.extendDelegate(jobId, { ...which, ...whoOf(asked), byMs, mostMs }),
  }));
}

async function list({ client, query }: Asked): Promise<Reply> {
  const { after, limit } = query as { readonly after?: string; readonly limit: number };
  return { status: 200, body: await client.delegates({ limit, ...(after !== undefined && { after }) }) };
}

async function describe(asked: Asked): Promise<Reply> {
  const { jobId, ...which } = delegateOf(asked);
  const { expects, ...report } = await asked.client.delegate(jobId, which);
  return { status: 200, body: { ...report, ...(expects && { expects: answerSchema(expects) }) } };
}

async function answer(asked: Asked, given: DelegateAnswer): Promise<Reply> {
  const { jobId, ...which } = delegateOf(asked);
  const options = { ...which, ...given, ...whoOf(asked) };
  return gone(async () => ({
    status: 200,
    body: { commandId: await asked.client.answerDelegate(jobId, options) },
  }));
}

async function update(asked: Asked, given: DelegateUpdate): Promise<Reply> {
  const { jobId, ...which } = delegateOf(asked);
  const options = { ...which, ...given, ...whoOf(asked) };
  return gone(async () => ({
    status: 200,
    body: { commandId: await asked.client.updateDelegate(jobId, options) },
  }));
}

function whoOf({ principal, body }: Asked): { readonly by: string; readonly reason?: string } {
  const reason = body['reason'] as string | undefined;
  return { by: principal.name, ...(reason !== undefined && { reason }) };
}

/** 410: of a run that has ended nobody waits for anything any more (C-1109). */
async function gone(work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== 'BATON_CONFLICT_ENDED') throw error;
    throw new ConflictError('BATON_CONFLICT_NOT_WAITING', (error as Error).message, { cause: error });
  }
}

interface Which {
  readonly jobId: string;
  readonly atom: string;
  readonly attempt?: number;
  readonly round?: number;
}

/** By the token, which is for one attempt; else by id. */
function delegateOf({ principal, params, query }: Asked): Which {
  const { delegate: requestId } = principal;
  const { attempt, round } = query as { readonly attempt?: number; readonly round?: number };
  if (requestId === undefined) {
    const [, jobId = '', atom = ''] = /^([^/]*)\/([^]*)$/.exec(params['delegate'] ?? '') ?? [];
    return { jobId, atom, ...(attempt !== undefined && { attempt }), ...(round !== undefined && { round }) };
  }
  const which = { atom: atomNameOf(requestId), attempt: attemptOf(requestId), round: roundOf(requestId) };
  if ((attempt ?? which.attempt) !== which.attempt || (round ?? which.round) !== which.round)
    throw new InputError('BATON_INPUT_INVALID', 'a token is for one attempt, and not for this one');
  return { jobId: flowIdOf(requestId), ...which };
}
