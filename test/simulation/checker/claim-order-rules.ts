/** I16: no claim passes over a job of higher priority that its claimer had time to see. */
import type { Posting } from '@baton/jobboard';
import type { BoardChange } from '../history.js';
import { nodeOf } from './board-rules.js';
import type { Evidence, Violations } from './evidence.js';

/** Within that a conductor knows of a job, whoever's first choice it was, and has read its posting: three trips, and a second look. */
const seenMs = 1_500;
/** Claims are made side by side where there is room for all. */
const sideBySideMs = 100;
/** After these a conductor's copy of the board may be older than that. */
const blinding = /^(pause|coordination|(cut|silence|expire|lag) session|guard ends session)/;

const ranks: readonly Posting['priority'][] = ['VERY_HIGH', 'HIGH', 'NORMAL', 'LOW', 'VERY_LOW'];

export function* claimOrderRules({
  history,
  jobs,
  struck,
}: Pick<Evidence, 'struck'> & {
  readonly history: { readonly board: readonly BoardChange[] };
  readonly jobs: readonly {
    readonly job: { readonly jobId: string; readonly priority: Posting['priority'] };
  }[];
}): Violations {
  if ([...struck].some((kind) => blinding.test(kind))) return;
  const rankOf = new Map(jobs.map(({ job }) => [job.jobId, ranks.indexOf(job.priority)]));
  const free = new FreeJobs();
  for (const change of history.board) {
    for (const { jobId, claimerReadyMs } of free.claimedBy(change))
      for (const [other, sinceMs] of free.sinceMs) {
        const knownMs = change.atMs - Math.max(sinceMs, claimerReadyMs);
        const isHigher = (rankOf.get(other) ?? 0) < (rankOf.get(jobId) ?? 0);
        if (isHigher && knownMs > seenMs && !isClaimedSoon(history.board, other, change))
          yield `I16 ${jobId} was claimed while ${other}, of higher priority, had been free for ${Math.round(knownMs)} ms`;
      }
    free.apply(change);
  }
}

function isClaimedSoon(board: readonly BoardChange[], jobId: string, { order, atMs }: BoardChange): boolean {
  return board.some(
    (later) =>
      later.order > order &&
      later.atMs <= atMs + sideBySideMs &&
      later.operations.some(({ type, path }) => {
        const node = nodeOf(path);
        return type === 'create' && node?.tree === 'locks' && node.jobId === jobId;
      }),
  );
}

/** Which jobs anybody may claim, and since when. One that was given back with a pause is not among them until it was claimed again. */
class FreeJobs {
  readonly sinceMs = new Map<string, number>();
  /** Session → when its conductor was registered. */
  readonly #readyMs = new Map<bigint, number>();

  *claimedBy({ operations, sessionId }: BoardChange): Generator<{ jobId: string; claimerReadyMs: number }> {
    for (const { type, path } of operations) {
      const node = nodeOf(path);
      if (node?.tree === 'locks' && type === 'create')
        yield { jobId: node.jobId, claimerReadyMs: this.#readyMs.get(sessionId) ?? Infinity };
    }
  }

  apply({ operations, sessionId, atMs }: BoardChange): void {
    for (const { type, path } of operations) {
      if (type === 'create' && path.startsWith('/members/conductors/')) this.#readyMs.set(sessionId, atMs);
      const node = nodeOf(path);
      if (node?.tree === 'jobs' && type === 'create') this.sinceMs.set(node.jobId, atMs);
      if (node?.tree === 'locks' && type === 'create') this.sinceMs.delete(node.jobId);
      // alone: its owner's session ended; with the job: it was given back, or has left the board
      const isReleased = operations.every((other) => nodeOf(other.path)?.tree !== 'jobs');
      if (node?.tree === 'locks' && type === 'delete' && isReleased) this.sinceMs.set(node.jobId, atMs);
    }
  }
}
