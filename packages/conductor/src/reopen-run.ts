import type { ReopenEntry } from '@baton/core';
import type { Claim } from '@baton/jobboard';
import type { OwnedState } from './owned-state.js';
import type { Ownership } from './ownership.js';

/**
 * Has a run go on that is over, behind the claim entry of its new owner (P-604). What is said of its end is taken back first, for whoever waits for the
 * next one. Undefined: another owner was faster. @throws UnavailableError
 */
export async function reopenRun(
  owner: Pick<Ownership, 'journal' | 'runtime' | 'reopens'>,
  { jobId, fence, life }: Claim,
  state: OwnedState,
): Promise<ReopenEntry | undefined> {
  const { journal, runtime } = owner;
  await owner.reopens(jobId);
  const entry: ReopenEntry = {
    ...{ kind: 'reopen', flowId: jobId, seq: state.seq + 1, fence, facts: [] },
    opId: runtime.random.nonce(),
    atMs: runtime.clock.wallMs(),
  };
  if ((await journal.append(entry)) === 'collided') return undefined;
  runtime.logger.info('job.reopened', { jobId, life });
  state.apply(entry);
  return entry;
}
