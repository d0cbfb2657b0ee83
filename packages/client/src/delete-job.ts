/** Deleting a job that has ended, and its child runs with it (C-1312). */
import { ConflictError, InputError } from '@baton/core';
import type { JobBoard } from '@baton/jobboard';
import {
  purgedAfterMs,
  reopeningOf,
  type EndedJob,
  type JobRecord,
  type Persistence,
} from '@baton/persistence';
import { checkBoard } from './home-board.js';
import { unknownJob } from './unknown-job.js';

interface Services {
  readonly board: JobBoard;
  readonly persistence: Persistence;
}

/** The owner of a job that has ended writes the archive at once; one that died did not. */
const ARCHIVED_WITHIN_MS = 60_000;

/**
 * Nobody is shown anything of it when this resolves; conductors purge what is stored of it an hour later, and then its id is free. Repeatable until then.
 * @throws NotFoundError `BATON_NOT_FOUND_JOB`; ConflictError `BATON_CONFLICT_NOT_ENDED`, `BATON_CONFLICT_OTHER_BOARD`; InputError
 *   `BATON_INPUT_INVALID` for a child run; UnavailableError: the same again goes on
 */
export async function deleteJob(services: Services, jobId: string): Promise<void> {
  const { board, persistence } = services;
  const record = await persistence.jobs.get(jobId);
  if (record === undefined) throw unknownJob(jobId);
  checkBoard(record, board.name);
  if (record.rootId !== undefined)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `job ${jobId} is a child run of ${record.rootId}: delete that one, and it goes with it`,
    );
  const nowMs = await board.timeMs();
  const left = await persistence.retention.delete([await ended(services, record, nowMs)], nowMs);
  const child = left.get(jobId);
  if (child !== undefined)
    throw notEnded(`job ${jobId} has ended, but its child run ${child} goes on: it is deleted with it`);
}

async function ended({ board, persistence }: Services, record: JobRecord, nowMs: number): Promise<EndedJob> {
  const { jobId, deletion } = record;
  const { retention } = persistence;
  // by a call that may have failed half way
  if (deletion !== undefined) return { record, lastSeq: deletion.lastSeq };
  const { state } = await board.read(jobId);
  // nobody runs it, nor goes on with it, however it stands
  if (state === 'TRASHED') return { record, lastSeq: await retention.lastSeqOf(jobId) };
  const [job = { record }] = await retention.archived([record]);
  const standing = await retention.standingOf(job);
  if (standing === 'goes on') throw notEnded(`job ${jobId} has not ended: cancel it first`);
  if (record.state === 'REOPENING' && (await reopeningOf(persistence, jobId)).state !== 'idle')
    throw notEnded(`job ${jobId} is about to go on, as somebody wants it to: cancel it first`);
  if (standing === 'never begun') {
    if (record.postedAtMs > nowMs - purgedAfterMs) throw notEnded(`job ${jobId} is being posted`);
    return { record, lastSeq: -1 };
  }
  const { endedAtMs, lastSeq } = standing;
  if (state !== 'ABSENT' || (job.archived === undefined && endedAtMs > nowMs - ARCHIVED_WITHIN_MS))
    throw notEnded(`job ${jobId} has only just ended: delete it in a moment`);
  return { record, lastSeq };
}

function notEnded(message: string): ConflictError {
  return new ConflictError('BATON_CONFLICT_NOT_ENDED', message);
}
