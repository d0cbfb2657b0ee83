/** A new run of what was posted before (C-1601): the same definition, symbols and environment, under another id. */
import { InputError, checkId } from '@baton/core';
import type { Posting } from '@baton/jobboard';
import { checkNotify } from './notify-targets.js';
import { admit, postingOf, postPrepared, type Posted, type PostDeps, type PostOptions } from './post-job.js';
import { unknownJob } from './unknown-job.js';

/** Instead of a flow: a job, which may have ended. */
export interface Earlier {
  readonly from: string;
}

/** What the earlier job has given already. */
const taken = ['store', 'env', 'evaluateEnv', 'target'] as const;

/**
 * Symbols and environment are those that the job was posted with, whatever a rerun has changed since; name, priority and tags too, unless they are given. Nobody is
 * told of the new job who is not named again. @throws as `postJob`; NotFoundError `BATON_NOT_FOUND_JOB`
 */
export async function repostJob(
  deps: PostDeps,
  { from }: Earlier,
  { key, ...options }: PostOptions = {},
): Promise<Posted> {
  checkId('job', from);
  const jobId = checkId('job', key ?? deps.runtime.random.ulid());
  const surplus = taken.find((name) => options[name] !== undefined);
  if (surplus !== undefined)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${surplus} is what job ${from} was given: leave it out, or post the flow instead of from`,
    );
  const { notify = [] } = options;
  checkNotify(notify);
  const { persistence, runtime, board } = deps;
  const record = await persistence.jobs.get(from);
  if (record === undefined || record.state === 'DELETED') throw unknownJob(from);
  const [entry] = await persistence.journal.entriesThrough(from, 0);
  if (entry?.kind !== 'post') throw unknownJob(from);
  await admit(deps, jobId);
  const { store, env, definitionHash } = entry.post;
  const { name, priority, tags } = JSON.parse(record.posting) as Posting;
  const made = { name, definitionHash, createdAtMs: runtime.clock.wallMs() };
  return postPrepared(deps, jobId, {
    posting: { ...postingOf({ priority, ...options }, made, board.name), tags: options.tags ?? tags },
    given: { store, ...(env && { env }), ...(notify.length > 0 && { notify }) },
  });
}

/** Of a program in JavaScript, what is no flow may be anything. */
export function isEarlier(flow: object): flow is Earlier {
  return typeof (flow as Partial<Earlier> | null | undefined)?.from === 'string';
}
