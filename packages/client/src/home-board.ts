/** Which board of the cluster a job is on: its record, which all boards share, tells. */
import { ConflictError } from '@baton/core';
import type { Posting } from '@baton/jobboard';
import type { JobRecord } from '@baton/persistence';

/** Undefined where no record says so. */
export function homeBoardOf(record: JobRecord | undefined): string | undefined {
  return record && (JSON.parse(record.posting) as Posting).board;
}

/** @throws ConflictError `BATON_CONFLICT_OTHER_BOARD` unless it is this one */
export function checkBoard(record: JobRecord | undefined, board: string): void {
  const home = homeBoardOf(record) ?? board;
  if (record !== undefined && home !== board)
    throw new ConflictError(
      'BATON_CONFLICT_OTHER_BOARD',
      `job ${record.jobId} is on board ${home}, not on ${board}`,
    );
}
