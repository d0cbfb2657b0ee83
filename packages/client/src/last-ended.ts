import type { JobBoard } from '@baton/jobboard';
import type { FlowDetail, Persistence } from '@baton/persistence';
import { homeBoardOf } from './home-board.js';

/** Ended flows that are read to find the last. */
const ENDED_SORTED = 1_000;
/** Records of ended jobs that are read at a time. */
const RECORDS_READ = 100;

/** The flows of a board that ended last, newest end first, as far as the order of ids tells. */
export async function lastEnded(
  { board, persistence }: { readonly board: JobBoard; readonly persistence: Persistence },
  limit: number,
): Promise<readonly FlowDetail[]> {
  const page = await persistence.readModels.flows({ of: 'ended', limit: Math.max(limit, ENDED_SORTED) });
  const newest = page.toSorted((a, b) => b.updatedAtMs - a.updatedAtMs);
  const found: FlowDetail[] = [];
  // the read model knows no boards: as many records are read as it takes
  for (let from = 0; found.length < limit && from < newest.length; from += RECORDS_READ) {
    const some = newest.slice(from, from + RECORDS_READ);
    const records = await Promise.all(some.map(({ flowId }) => persistence.jobs.get(flowId)));
    found.push(...some.filter((_, n) => (homeBoardOf(records[n]) ?? board.name) === board.name));
  }
  return found.slice(0, limit);
}
