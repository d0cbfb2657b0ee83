/** What a person may want of a run that has ended (P-604): the commands for that, and whether one of them waits to be taken up. */
import { UnavailableError } from '@baton/core';
import type { Commands, OperatorCommand } from './commands.js';
import type { Journal } from './journal.js';

const reopening: ReadonlySet<string> = new Set(['rerun', 'skip', 'revert']);

/** Whether a run that has ended goes on for this command; any other comes too late for it. */
export function isReopening({ command }: Pick<OperatorCommand, 'command'>): boolean {
  return reopening.has(command);
}

/**
 * `idle`: no such command waits, or it never will be taken up. `going`: the run has not ended, its owner takes it up. `ended`: it is to be put on
 * the board again, in this life.
 */
export type Reopening =
  | { readonly state: 'idle' }
  | { readonly state: 'going' }
  | { readonly state: 'ended'; readonly life: number };

/** Reads the whole journal. @throws UnavailableError */
export async function reopeningOf(
  { journal, commands }: { readonly journal: Journal; readonly commands: Commands },
  jobId: string,
): Promise<Reopening> {
  const entries = await journal.history(jobId);
  const applied = entries.flatMap(({ facts }) =>
    facts.flatMap((fact) => (fact.fact === 'command' ? fact.n : [])),
  );
  const waiting = await commands.after(jobId, Math.max(0, ...applied.slice(-1)));
  const last = entries.at(-1);
  if (last === undefined)
    throw new UnavailableError('BATON_UNAVAILABLE_REFUSED', `the store gives no journal of job ${jobId}`);
  if (!waiting.some(isReopening)) return { state: 'idle' };
  if (last.kind !== 'terminal') return { state: 'going' };
  if (last.reason !== undefined) return { state: 'idle' };
  const claim = entries.findLast((entry) => entry.kind === 'claim');
  return { state: 'ended', life: (claim?.kind === 'claim' ? claim.claim.life : 0) + 1 };
}
