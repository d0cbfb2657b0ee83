/** I16: no claim passes over a job of higher priority that its claimer had time to see. */
import type { Posting } from '@baton/jobboard';
import type { BoardChange } from '../history.js';
import { nodeOf } from './board-rules.js';
import type { Evidence, Violations } from './evidence.js';
import { FreeJobs } from './free-jobs.js';

/** Within that a conductor knows of a job, whoever's first choice it was, and has read its posting: three trips, and a second look. */
const seenMs = 1_500;
/** Claims are made side by side where there is room for all. */
const sideBySideMs = 100;
/**
 * After these a conductor's copy of the board may be older than that; or it holds a job for its own whose lock was taken away by hand before it
 * had seen the lock itself; or its claim of the higher one was refused, and it may have claimed another before it tries again.
 */
const blinding =
  /^(pause|coordination|(cut|silence|expire|lag) session|guard ends session|lock removed by hand|next transaction)/;

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
