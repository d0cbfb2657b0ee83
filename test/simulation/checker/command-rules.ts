/** P-1108: a command whose number its user was told is stored, and its owner takes it in. */
import { commandIdOf } from '@baton/persistence';
import type { AcknowledgedCommand, Happened, LostOwner, StoredEntry } from '../history.js';
import type { Violations } from './evidence.js';

interface CommandEvidence {
  readonly history: {
    readonly commands: ReadonlyMap<string, Happened>;
    readonly acknowledgedCommands: readonly AcknowledgedCommand[];
    readonly lost: readonly LostOwner[];
  };
  readonly jobs: readonly {
    readonly job: { readonly jobId: string };
    readonly entries: readonly StoredEntry[];
  }[];
}

/** `boundMs`: so long after its acknowledgement, and after the last loss of an owner, the end of a job holds the command; undefined where faults may delay it. */
export function* commandRules(
  { history, jobs }: CommandEvidence,
  { boundMs }: { readonly boundMs: number | undefined },
): Violations {
  const entriesOf = new Map(jobs.map(({ job, entries }) => [job.jobId, entries]));
  const lastLostMs = Math.max(0, ...history.lost.map(({ atMs }) => atMs));
  for (const { jobId, n, atMs, order } of history.acknowledgedCommands) {
    const stored = history.commands.get(commandIdOf(jobId, n));
    if (stored === undefined || stored.order > order)
      yield `P-1108 ${jobId}: command ${n} was acknowledged before it was stored`;
    const entries = entriesOf.get(jobId) ?? [];
    const end = entries.at(-1);
    if (boundMs === undefined || end?.entry.kind !== 'terminal') continue;
    const isTaken = entries.some(({ entry }) =>
      entry.facts.some((fact) => fact.fact === 'command' && fact.n === n),
    );
    const waitedMs = end.atMs - Math.max(atMs, lastLostMs);
    if (!isTaken && waitedMs > boundMs)
      yield `P-1108 ${jobId} ended ${Math.round(waitedMs)} ms after command ${n} was acknowledged, and never took it in`;
  }
}
