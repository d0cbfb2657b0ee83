import type { JobRunner } from './job-runner.js';
import type { Ownership } from './ownership.js';

/** The lock of an owned job vanished, or might have: by our own settling, or by an operator's hand (P-511). */
export async function checkLock(
  { board, runtime }: Pick<Ownership, 'board' | 'runtime'>,
  runner: JobRunner,
): Promise<void> {
  const { jobId, claim } = runner;
  try {
    const { owner } = await board.read(jobId);
    if (owner?.nonce === claim.nonce || runner.hasEnded) return;
    runtime.logger.warn('job.lock-lost', { jobId });
    runner.stop('fenced');
  } catch (error) {
    runtime.logger.debug('job.lock-unknown', { jobId, error });
  }
}
