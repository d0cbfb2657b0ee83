import type { JournalEntry } from '@baton/core';
import type { Claim } from '@baton/jobboard';
import type { Ownership } from './ownership.js';
import { RequestTable } from './request-table.js';

/** Of a run that is ended though requests of it may be running. */
export function giveUpRequests(
  { dispatcher }: Pick<Ownership, 'dispatcher'>,
  { fence, jobId: flowId }: Claim,
  entries: readonly JournalEntry[],
): void {
  const table = new RequestTable();
  for (const entry of entries) table.apply(entry);
  for (const { state, workerEpoch, requestId } of table.values())
    if (state === 'assigned')
      dispatcher.giveUp(workerEpoch, { requestId, flowId, fence }, 'its job was refused');
}
