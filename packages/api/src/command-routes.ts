/** Giving commands to jobs. The answer comes when the command is stored; the owner applies it between two of its turns. */
import { codeOf, type FlowOutcome } from '@baton/core';
import type { CommandOptions, SkipOptions, StopOptions } from '@baton/client';
import { bodyProblems, type Asked, type Reply, type Route } from './route.js';
import * as schemas from './schemas.js';

const accepted = {
  about: 'Stored; `commands` of the job shows when it was applied.',
  schema: schemas.accepted,
};
const stopBody = schemas.object(
  {
    state: { type: 'string', enum: ['SUCCESS', 'FAILURE'], description: 'How the job ends.' },
    message: {
      ...{ type: 'string', maxLength: 1024 },
      description: 'Why: kept with the command, and the message of the run.',
    },
  },
  ['state'],
);
const problems = [409, 412, ...bodyProblems];

export const commandRoutes: readonly Route[] = [
  {
    ...{ method: 'POST', path: '/v1/jobs/:id/suspend', role: 'operator', params: schemas.jobParams },
    summary:
      'Have a job pause: what runs is finished and recorded, nothing is begun. Of one that pauses already nothing changes.',
    ...{ headers: schemas.commandHeaders, body: schemas.reasonBody, answers: { 202: accepted }, problems },
    handle: async (asked) => given(await asked.client.suspend(asked.params['id'] ?? '', optionsOf(asked))),
  },
  {
    ...{ method: 'POST', path: '/v1/jobs/:id/resume', role: 'operator', params: schemas.jobParams },
    summary:
      'Have a suspended job go on where it stands. Of any other nothing changes, and a change of its environment is refused.',
    ...{ headers: schemas.commandHeaders, body: schemas.resumeBody, answers: { 202: accepted }, problems },
    // the schema lets nothing in that is no option
    handle: async (asked) =>
      given(await asked.client.resume(asked.params['id'] ?? '', { ...asked.body, ...optionsOf(asked) })),
  },
  {
    ...{ method: 'POST', path: '/v1/jobs/:id/cancel', role: 'operator', params: schemas.jobParams },
    summary: 'Stop a job and undo what it did, or leave it as it is.',
    ...{ headers: schemas.commandHeaders, body: schemas.cancelBody },
    answers: { 202: accepted, 200: { about: 'It was cancelled, and has ended.', schema: schemas.unchanged } },
    ...{ problems, handle: cancel },
  },
  {
    ...{ method: 'POST', path: '/v1/jobs/:id/stop', role: 'operator', params: schemas.jobParams },
    summary:
      'Have a job end here, as SUCCESS or FAILURE, with nothing undone. What a routed flow has running is finished and recorded; of an ordered flow it is told to stop.',
    ...{ headers: schemas.commandHeaders, body: stopBody },
    answers: {
      202: accepted,
      200: { about: 'It was stopped so, and has ended.', schema: schemas.unchanged },
    },
    ...{ problems, handle: stop },
  },
  {
    ...{
      method: 'POST',
      path: '/v1/jobs/:id/atoms/:atom/rerun',
      role: 'operator',
      params: schemas.atomParams,
    },
    summary:
      'Send a task to a worker again that is parked since its worker was lost; or run an atom again that failed or was cancelled.',
    ...{ headers: schemas.commandHeaders, body: schemas.rerunAtomBody, answers: { 202: accepted }, problems },
    handle: rerunAtom,
  },
  {
    ...{
      method: 'POST',
      path: '/v1/jobs/:id/atoms/:atom/fail',
      role: 'operator',
      params: schemas.atomParams,
    },
    summary: 'Let a task fail (WORKER_LOST) that is parked since its worker was lost.',
    ...{ headers: schemas.commandHeaders, body: schemas.reasonBody, answers: { 202: accepted }, problems },
    handle: (asked) => decide(asked, 'fail'),
  },
  {
    ...{ method: 'POST', path: '/v1/jobs/:id/rerun', role: 'operator', params: schemas.jobParams },
    summary:
      'Run a job again that has ended: all of it, of a routed flow what failed or was cancelled; or from an atom on.',
    ...{ headers: schemas.commandHeaders, body: schemas.rerunBody, answers: { 202: accepted }, problems },
    // the schema lets nothing in that is no option
    handle: async (asked) =>
      given(await asked.client.rerun(asked.params['id'] ?? '', { ...asked.body, ...optionsOf(asked) })),
  },
  {
    ...{ method: 'POST', path: '/v1/jobs/:id/revert', role: 'operator', params: schemas.jobParams },
    summary: 'Undo what a job did that has ended.',
    ...{ headers: schemas.commandHeaders, body: schemas.reasonBody, answers: { 202: accepted }, problems },
    handle: async (asked) => given(await asked.client.revert(asked.params['id'] ?? '', optionsOf(asked))),
  },
  {
    ...{
      method: 'POST',
      path: '/v1/jobs/:id/atoms/:atom/skip',
      role: 'operator',
      params: schemas.atomParams,
    },
    summary: 'Leave out an atom that failed, and let the job go on.',
    ...{ headers: schemas.commandHeaders, body: schemas.skipBody, answers: { 202: accepted }, problems },
    handle: async (asked) => {
      const { id = '', atom = '' } = asked.params;
      const depth = asked.body['depth'] as SkipOptions['depth'];
      const options = { atom, ...(depth !== undefined && { depth }), ...optionsOf(asked) };
      return given(await asked.client.skip(id, options));
    },
  },
  ...(['retry', 'accept'] as const).map((decision): Route => ({
    method: 'POST',
    path: `/v1/jobs/:id/atoms/:atom/revert/${decision}`,
    role: 'operator',
    summary:
      decision === 'retry'
        ? 'Call the revert of an atom again that failed; the job goes on being undone.'
        : 'Take an atom whose revert failed for undone by hand; the job goes on being undone.',
    ...{ params: schemas.atomParams, headers: schemas.commandHeaders, body: schemas.reasonBody },
    ...{ answers: { 202: accepted }, problems },
    handle: async (asked) => {
      const { id = '', atom = '' } = asked.params;
      return given(await asked.client.decideRevert(id, { atom, decision, ...optionsOf(asked) }));
    },
  })),
];

/** The header `idempotency-key`, which may be quoted. */
export function headerKey(headers: Asked['headers']): string | undefined {
  return headers['idempotency-key']?.replaceAll('"', '');
}

/** The last of these decided how the run ended. */
const ends: ReadonlySet<string> = new Set([
  ...['cancel', 'stop', 'rerun', 'skip', 'revert', 'revert-retry', 'revert-accept'],
]);

async function cancel(asked: Asked): Promise<Reply> {
  const { client, params, body } = asked;
  const jobId = params['id'] ?? '';
  const revert = body['revert'] as boolean;
  return unlessEndedBy('cancel', asked, () => client.cancel(jobId, { revert, ...optionsOf(asked) }));
}

async function stop(asked: Asked): Promise<Reply> {
  const { client, params, body } = asked;
  const jobId = params['id'] ?? '';
  const options = { ...body, ...optionsOf(asked) } as StopOptions;
  return unlessEndedBy('stop', asked, () => client.stop(jobId, options), options.state);
}

/** The repeat of what ended it changes nothing (C-1307); one before it was run again did not end it. */
async function unlessEndedBy(
  command: string,
  { client, params }: Asked,
  give: () => Promise<number>,
  wanted?: FlowOutcome,
): Promise<Reply> {
  try {
    return given(await give());
  } catch (error) {
    if (codeOf(error) !== 'BATON_CONFLICT_ENDED') throw error;
    const { commands, outcome = 'CANCELLED' } = await client.job(params['id'] ?? '');
    const last = commands.findLast((each) => each.refused === undefined && ends.has(each.command));
    if (last?.command !== command || (wanted ?? outcome) !== outcome) throw error;
    return { status: 200, body: { outcome } };
  }
}

async function decide(asked: Asked, decision: 'rerun' | 'fail'): Promise<Reply> {
  const { id = '', atom = '' } = asked.params;
  return given(await asked.client.decideParked(id, { atom, decision, ...optionsOf(asked) }));
}

/** Why an atom is not decided about; by the last, its key is that of another command: of this very rerun, when it is repeated. */
const undecided: ReadonlySet<string | undefined> = new Set([
  'BATON_CONFLICT_NOT_PARKED',
  'BATON_CONFLICT_ENDED',
  'BATON_CONFLICT_KEY_REUSED',
]);

/** One that waits for a decision is decided about; any other has ended. */
async function rerunAtom(asked: Asked): Promise<Reply> {
  try {
    return await decide(asked, 'rerun');
  } catch (error) {
    if (!undecided.has(codeOf(error))) throw error;
    const { id = '', atom = '' } = asked.params;
    return given(await asked.client.rerun(id, { ...asked.body, from: atom, ...optionsOf(asked) }));
  }
}

function given(commandId: number): Reply {
  return { status: 202, body: { commandId } };
}

function optionsOf({ headers, body, principal }: Asked): CommandOptions {
  const key = headerKey(headers);
  const seq = /\d+/.exec(headers['if-match'] ?? '')?.[0];
  const reason = body['reason'] as string | undefined;
  return {
    by: principal.name,
    ...(key !== undefined && { key }),
    ...(seq !== undefined && { ifSeq: Number(seq) }),
    ...(reason !== undefined && { reason }),
  };
}
