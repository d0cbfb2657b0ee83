import { type JournalEntry, noFence } from '@baton/core';
import type { Claim } from '@baton/jobboard';

/** Entry 0 as the board tells it, of a job that nobody had before: it needs no read. */
export function postedEntry({ posting, jobId }: Claim): JournalEntry {
  return {
    kind: 'post',
    flowId: jobId,
    seq: 0,
    fence: noFence,
    opId: '',
    atMs: posting.createdAtMs,
    facts: [],
    post: {
      name: posting.name,
      definitionHash: posting.definitionHash,
      store: posting.store ?? {},
      ...(posting.env && { env: posting.env }),
      ...(posting.lineage && { lineage: posting.lineage }),
    },
  };
}
