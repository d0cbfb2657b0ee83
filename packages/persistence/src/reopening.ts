/** What a person may want of a run that has ended (P-604): the commands for that, and whether one of them waits to be taken up. */
import { type Clock, type Failure, UnavailableError } from '@baton/core';
import type { Commands, OperatorCommand } from './commands.js';
import type { JobRecord, JobRecords } from './job-records.js';
import type { Journal } from './journal.js';

const reopening: ReadonlySet<string> = new Set(['rerun', 'skip', 'revert', 'revert-retry', 'revert-accept']);

/** Whether a run that has ended goes on for this command; any other comes too late for it. */
export function isReopening({ command }: Pick<OperatorCommand, 'command'>): boolean {
  return reopening.has(command);
}

/**
 * `idle`: no such command waits, or, for that reason, it never will be taken up. `going`: the run has not ended, its owner takes it up. `ended`: it is to be put on
 * the board again, in this life.
 */
export type Reopening =
  | { readonly state: 'idle'; readonly reason?: Failure }
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
  if (last.reason !== undefined) return { state: 'idle', reason: last.reason };
  const claim = entries.findLast((entry) => entry.kind === 'claim');
  return { state: 'ended', life: (claim?.kind === 'claim' ? claim.claim.life : 0) + 1 };
}

/** What is asked of a job board; `P`: its postings. */
export interface ReopeningBoard<P> {
  read(jobId: string): Promise<{ readonly state: string; readonly life: number }>;
  reopen(key: { readonly jobId: string; readonly life: number }, posting: P): Promise<unknown>;
  announce(jobId: string): Promise<void>;
  waitUntilGone(jobId: string, signal: AbortSignal): Promise<void>;
}

interface ReopeningServices<P> {
  readonly board: ReopeningBoard<P>;
  readonly persistence: { readonly commands: Commands; readonly jobs: JobRecords; readonly journal: Journal };
  readonly clock: Clock;
}

/** How often, and how long each time, a job that is about to leave the board is waited for; then whoever finishes posts does the rest. */
const leaving = { tries: 3, ms: 2_000 };

/**
 * Once a command is stored for which a run that has ended is to go on, and its job is marked (`markReopening`): whoever has it is told, or it is put on the
 * board again. When this fails whoever finishes posts does it. @throws UnavailableError also when the job has ended and does not leave the board
 */
export async function putBack<P>(
  { board, persistence, clock }: ReopeningServices<P>,
  record: JobRecord,
): Promise<void> {
  const { jobId } = record;
  for (let tries = 0; tries < leaving.tries; tries++) {
    const reopening = await reopeningOf(persistence, jobId);
    if (reopening.state !== 'ended') return board.announce(jobId);
    const { state, life } = await board.read(jobId);
    // somebody was faster
    if (state !== 'ABSENT' && life >= reopening.life) return board.announce(jobId);
    if (state === 'ABSENT') {
      await board.reopen({ jobId, life: reopening.life }, JSON.parse(record.posting) as P);
      return;
    }
    const stop = new AbortController();
    const cancel = clock.setTimer(leaving.ms, () => stop.abort());
    await board.waitUntilGone(jobId, stop.signal).catch(() => undefined);
    cancel();
  }
  throw new UnavailableError(
    'BATON_UNAVAILABLE_DEADLINE',
    `job ${jobId} has ended, and has not left the board for ${leaving.tries * leaving.ms} ms`,
  );
}
