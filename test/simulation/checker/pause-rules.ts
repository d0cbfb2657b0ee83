/** P-605: a job that was given back with a pause is claimed when that is over, whatever the clocks of those who read it say. */
import type { BoardChange } from '../history.js';
import { nodeOf } from './board-rules.js';
import type { Violations } from './evidence.js';

/** Where conductors have room. `fromMs`: nothing is in their way any more; `drift`: clocks may be that much too slow. */
export function* pauseRules(
  { history: { board } }: { readonly history: { readonly board: readonly BoardChange[] } },
  { fromMs, drift, boundMs }: { readonly fromMs: number; readonly drift: number; readonly boundMs: number },
): Violations {
  const overMs = new Map<string, number>();
  for (const change of board)
    for (const { type, path } of change.operations) {
      const node = nodeOf(path);
      if (node?.tree !== 'locks') continue;
      const { jobId } = node;
      if (type === 'delete' && isOffBoard(change, jobId)) overMs.delete(jobId);
      else if (type === 'delete') overMs.set(jobId, change.atMs + pauseMsOf(change) * drift);
      if (type !== 'create') continue;
      const lateMs = change.atMs - Math.max(overMs.get(jobId) ?? Infinity, fromMs);
      if (lateMs > boundMs)
        yield `P-605 ${jobId} was claimed ${Math.round(lateMs)} ms after its pause, allowed are ${boundMs}`;
    }
}

/** Asleep, or after its end, it is nobody's to claim, for as long as it takes. */
function isOffBoard({ operations }: BoardChange, jobId: string): boolean {
  return operations.some(({ type, path }) => {
    const node = nodeOf(path);
    return type === 'delete' && node?.tree === 'jobs' && node.jobId === jobId;
  });
}

/** 0: it was given back without one, or its owner is dead. */
function pauseMsOf({ operations }: BoardChange): number {
  for (const operation of operations)
    if (operation.type === 'set' && nodeOf(operation.path)?.tree === 'jobs')
      return (JSON.parse(Buffer.from(operation.data).toString()) as { pauseMs?: number }).pauseMs ?? 0;
  return 0;
}
