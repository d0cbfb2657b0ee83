/** P-601: what is acknowledged to whoever posted is there: in the journal, and on the board. */
import { nodeOf } from './board-rules.js';
import type { Evidence, Violations } from './evidence.js';

export function* postRules({ history, jobs }: Evidence): Violations {
  // name of a node → when it was made for the first time
  const made = new Map<string, number>();
  for (const { operations, order } of history.board)
    for (const { type, path } of operations) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (type === 'create' && nodeOf(path)?.tree === 'jobs' && !made.has(name)) made.set(name, order);
    }
  for (const { job, entries } of jobs) {
    const { jobId } = job;
    const acknowledged = history.acknowledged.get(jobId);
    if (acknowledged === undefined) continue;
    const [posted] = entries;
    if (posted === undefined || posted.order > acknowledged.order)
      yield `P-601 ${jobId}: acknowledged before its journal began`;
    if ((made.get(`${jobId}.0`) ?? Infinity) > acknowledged.order)
      yield `P-601 ${jobId}: acknowledged before it was on the board`;
  }
}
