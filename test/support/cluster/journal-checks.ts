import type { JournalEntry } from '@baton/core';
import { journalRules } from '../../simulation/checker/journal-rules.js';
import type { Effect } from './cluster.js';

/**
 * What no kill may break in the journals of jobs that have ended, by the rules of the simulation's checker. Gives what is wrong.
 * `repaired`: of which somebody wanted that they go on after their end.
 */
export function brokenRules(
  journals: readonly (readonly JournalEntry[])[],
  { repaired = [] }: { readonly repaired?: readonly string[] } = {},
): readonly string[] {
  const jobs = journals.map((journal) => ({
    job: { jobId: journal[0]?.flowId ?? 'a job without a journal' },
    entries: journal.map((entry, order) => ({ order, atMs: entry.atMs, entry })),
  }));
  const acknowledged = new Map(jobs.map(({ job: { jobId } }) => [jobId, undefined]));
  const wanted = { order: -1, atMs: 0, command: { command: 'rerun', arguments: {} } };
  // behind all that it took in: which of its commands these were is not looked up
  const commands = new Map(repaired.map((jobId) => [`${jobId}:${Infinity}`, { ...wanted, jobId }]));
  return [...journalRules({ jobs, history: { acknowledged, commands } })];
}

/** At least once, and no delivery twice: deliveries of one request that user code saw more than once. */
export function repeatedDeliveries(starts: readonly Effect[]): readonly string[] {
  const seen = new Set<string>();
  return starts.flatMap(({ requestId, delivery }) => {
    const id = `${requestId} #${delivery}`;
    if (seen.has(id)) return [id];
    seen.add(id);
    return [];
  });
}
