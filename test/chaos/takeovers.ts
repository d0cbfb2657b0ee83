/**
 * Which jobs changed hands, what took them from their owner, and after how long the next one had them: owners from the journals, the end of their locks
 * from the board, faults as they were struck.
 */
import type { JournalEntry } from '@baton/core';
import { nodeOf } from '../simulation/checker/board-rules.js';
import type { JobEvidence } from '../simulation/checker/evidence.js';
import type { BoardChange } from '../simulation/history.js';
import { sessionTimeoutMs } from './chaos-cluster.js';
import { finalCauses, type Cause } from './fault-kind.js';
import type { StruckFault } from './faults.js';
import { Registrations } from './registrations.js';

export interface Takeovers {
  /** ms from the fault that took a job from its owner to the claim entry of the next one. */
  readonly ms: Readonly<Partial<Record<Cause, readonly number[]>>>;
  /** Jobs that were taken from an owner whom nothing had struck. */
  readonly unexplained: number;
}

interface TakeoverEvidence {
  readonly history: { readonly board: readonly Omit<BoardChange, 'order'>[] };
  readonly jobs: readonly Pick<JobEvidence, 'job' | 'entries'>[];
}

interface Ownership {
  readonly member: string;
  /** Of the process that claimed. */
  readonly pid: number | undefined;
  /** Its lock was gone. */
  readonly lostAtMs: number;
}

/** A session that is missed so long, or a store that is not found again by then, costs its jobs: what was over earlier did no harm. */
const lingerMs = 2 * sessionTimeoutMs;

export function takeoversOf({ history, jobs }: TakeoverEvidence, faults: readonly StruckFault[]): Takeovers {
  const ms: Partial<Record<Cause, number[]>> = {};
  let unexplained = 0;
  const locks = new Locks(history.board);
  for (const { entries } of jobs)
    for (const { owner, nextAtMs } of ownerChanges(entries, locks)) {
      const fault = whatTook(owner, faults);
      if (fault === undefined) unexplained++;
      else (ms[fault.cause] ??= []).push(nextAtMs - fault.atMs);
    }
  return { ms, unexplained };
}

function* ownerChanges(
  entries: JobEvidence['entries'],
  locks: Locks,
): Generator<{ readonly owner: Ownership; readonly nextAtMs: number }> {
  let former: JournalEntry | undefined;
  for (const { entry, atMs } of entries) {
    if (entry.kind !== 'claim') continue;
    if (former?.kind === 'claim') yield { owner: locks.ownership(former, atMs), nextAtMs: atMs };
    former = entry;
  }
}

/** The last fault that struck this very process before it lost the lock; else a service that was away from everybody at that time. */
function whatTook(owner: Ownership, faults: readonly StruckFault[]): StruckFault | undefined {
  const { member, pid, lostAtMs } = owner;
  const before = faults.filter(({ atMs }) => atMs <= lostAtMs);
  const near = before.filter(({ untilMs }) => untilMs === undefined || untilMs + lingerMs >= lostAtMs);
  const isOwn = (fault: StruckFault): boolean =>
    fault.victim === member && (fault.pid === undefined || fault.pid === pid);
  return (
    // after that nothing strikes this process any more, whatever happens to its links
    before.find((fault) => finalCauses.has(fault.cause) && isOwn(fault)) ??
    near.findLast(isOwn) ??
    near.findLast(({ cause }) => cause === 'service away')
  );
}

class Locks {
  /** zxid of the claim → its session, and when the lock was gone. */
  readonly #made = new Map<bigint, { readonly sessionId: bigint; lostAtMs: number | undefined }>();
  readonly #conductors: Registrations;

  constructor(board: readonly Omit<BoardChange, 'order'>[]) {
    this.#conductors = new Registrations(board, 'conductors');
    const present = new Map<string, { lostAtMs: number | undefined }>();
    for (const { zxid, sessionId, atMs, operations } of board)
      for (const { type, path } of operations) {
        const node = nodeOf(path);
        if (node?.tree !== 'locks') continue;
        const known = present.get(node.jobId);
        if (type === 'delete' && known !== undefined) known.lostAtMs = atMs;
        if (type !== 'create') continue;
        const lock = { sessionId, lostAtMs: undefined };
        this.#made.set(zxid, lock);
        present.set(node.jobId, lock);
      }
  }

  /** `nextAtMs`: the next claim; the lock was gone by then at the latest. */
  ownership({ claim, fence }: JournalEntry & { readonly kind: 'claim' }, nextAtMs: number): Ownership {
    const lock = this.#made.get(fence.zxid);
    return {
      member: claim.member,
      pid: lock && this.#conductors.pidOf(claim.member, lock.sessionId),
      lostAtMs: lock?.lostAtMs ?? nextAtMs,
    };
  }
}
