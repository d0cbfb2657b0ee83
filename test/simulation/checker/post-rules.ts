/** P-601: what is acknowledged to whoever posted is there: in the journal, and on the board. */
import type { Evidence, Violations } from './evidence.js';

export function* postRules({ history, jobs }: Evidence): Violations {
  for (const { job, entries } of jobs) {
    const { jobId } = job;
    const acknowledged = history.acknowledged.get(jobId);
    if (acknowledged === undefined) continue;
    const [posted] = entries;
    if (posted === undefined || posted.order > acknowledged.order)
      yield `P-601 ${jobId}: acknowledged before its journal began`;
    const made = history.board.find(({ operations }) =>
      operations.some(({ type, path }) => type === 'create' && path.endsWith(`/${jobId}.0`)),
    );
    if (made === undefined || made.order > acknowledged.order)
      yield `P-601 ${jobId}: acknowledged before it was on the board`;
  }
}
