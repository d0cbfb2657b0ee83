/** P-604: commands by which people have a run go on that is over; without one that is stored by then, and was not taken in before, it never does. */
import { isReopening } from '@baton/persistence';
import type { StoredCommand, StoredEntry } from '../history.js';

/** Whether one for this job was stored before `order`, and waited still. */
export type IsWanted = (jobId: string, order: number) => boolean;

/** Without the journal of a job one that was taken in counts, too: what was begun for it may come late. */
export function reopeningsIn(
  commands: ReadonlyMap<string, StoredCommand> = new Map(),
  journals: ReadonlyMap<string, readonly StoredEntry[]> = new Map(),
): IsWanted {
  const reopening = new Map<string, { readonly n: number; readonly order: number }[]>();
  for (const [id, { jobId, command, order }] of commands) {
    if (!isReopening(command)) continue;
    const n = Number(id.slice(id.lastIndexOf(':') + 1));
    reopening.set(jobId, [...(reopening.get(jobId) ?? []), { n, order }]);
  }
  return (jobId, order) => {
    const taken = (journals.get(jobId) ?? [])
      .filter((stored) => stored.order < order)
      .flatMap(({ entry }) => entry.facts.flatMap((fact) => (fact.fact === 'command' ? fact.n : [])));
    const last = Math.max(0, ...taken);
    return reopening.get(jobId)?.some((one) => one.order < order && one.n > last) === true;
  };
}
