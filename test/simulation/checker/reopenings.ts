/** P-604: commands by which people have a run go on that is over; without one that is stored by then it never does. */
import { isReopening } from '@baton/persistence';
import type { StoredCommand } from '../history.js';

/** Whether one for this job was stored before `order`. */
export type IsWanted = (jobId: string, order: number) => boolean;

export function reopeningsIn(commands: Iterable<StoredCommand> = []): IsWanted {
  const first = new Map<string, number>();
  for (const { jobId, command, order } of commands)
    if (isReopening(command)) first.set(jobId, Math.min(order, first.get(jobId) ?? order));
  return (jobId, order) => (first.get(jobId) ?? Infinity) < order;
}
