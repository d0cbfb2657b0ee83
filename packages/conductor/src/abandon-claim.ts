import { codeOf, familyOf } from '@baton/core';
import type { Claim } from '@baton/jobboard';
import { limits } from './options.js';
import type { Ownership } from './ownership.js';

/**
 * Gives a job back, to be claimed after a pause (P-605). Repeated until it is decided or the session is over: a lock that nobody works
 * under would keep the job from everybody for as long as this member lives. Never rejects.
 */
export async function abandonClaim(
  { board, runtime }: Pick<Ownership, 'board' | 'runtime'>,
  claim: Claim,
  { pauseMs }: { readonly pauseMs: number },
): Promise<void> {
  for (;;) {
    try {
      return await board.abandon(claim, { pauseMs });
    } catch (error) {
      runtime.logger.warn('job.abandon-failed', { jobId: claim.jobId, error });
      if (familyOf(error) !== 'unavailable' || codeOf(error) === 'BATON_UNAVAILABLE_SESSION_LOST') return;
    }
    await new Promise<void>((resolve) => runtime.clock.setTimer(limits.settleRetryMs, resolve));
  }
}
