/** P-508: a job that anybody may claim is claimed soon, also when the member whose first choice it is has just died. */
import type { BoardChange, LostOwner } from '../history.js';
import type { Violations } from './evidence.js';
import { FreeJobs } from './free-jobs.js';

interface FreeJobEvidence {
  readonly history: { readonly board: readonly BoardChange[]; readonly lost: readonly LostOwner[] };
}

/** Where nothing is in the way of those that claim, and all have room. */
export function* freeJobRules(
  { history: { board, lost } }: FreeJobEvidence,
  { boundMs }: { readonly boundMs: number },
): Violations {
  const free = new FreeJobs();
  const conductors = new Conductors(lost);
  for (const change of board) {
    for (const { jobId } of free.claimedBy(change)) {
      const freeMs = free.sinceMs.get(jobId);
      const readyMs = conductors.firstReadyMs(change.order);
      if (freeMs === undefined || readyMs === undefined) continue;
      const waitedMs = change.atMs - Math.max(freeMs, readyMs);
      if (waitedMs > boundMs)
        yield `P-508 ${jobId} was free for ${Math.round(waitedMs)} ms while a conductor with room was there, allowed are ${boundMs}`;
    }
    free.apply(change);
    conductors.apply(change);
  }
}

/** Those that are registered and live. */
class Conductors {
  readonly #registered = new Map<string, BoardChange>();
  readonly #lost: readonly LostOwner[];

  constructor(lost: readonly LostOwner[]) {
    this.#lost = lost;
  }

  /** Since when one that lives at that moment is there. */
  firstReadyMs(order: number): number | undefined {
    const dead = new Set(this.#lost.flatMap((each) => (each.order < order ? each.sessionIds : [])));
    const alive = [...this.#registered.values()].filter(({ sessionId }) => !dead.has(sessionId));
    return alive.length === 0 ? undefined : Math.min(...alive.map(({ atMs }) => atMs));
  }

  apply(change: BoardChange): void {
    for (const { type, path } of change.operations) {
      if (!path.startsWith('/members/conductors/')) continue;
      if (type === 'create') this.#registered.set(path, change);
      else if (type === 'delete') this.#registered.delete(path);
    }
  }
}
