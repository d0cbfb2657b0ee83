import { NotFoundError } from '@baton/core';
import type { JobRecords } from '@baton/persistence';

export function unknownJob(jobId: string): NotFoundError {
  return new NotFoundError('BATON_NOT_FOUND_JOB', `no job ${jobId} is known`);
}

/** What is stored of a job that was deleted stays for a while, for nobody to see. @throws NotFoundError; UnavailableError */
export async function checkShown(jobs: Pick<JobRecords, 'get'>, jobId: string): Promise<void> {
  if ((await jobs.get(jobId))?.state === 'DELETED') throw unknownJob(jobId);
}
