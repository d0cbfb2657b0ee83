import { NotFoundError } from '@baton/core';

export function unknownJob(jobId: string): NotFoundError {
  return new NotFoundError('BATON_NOT_FOUND_JOB', `no job ${jobId} is known`);
}
