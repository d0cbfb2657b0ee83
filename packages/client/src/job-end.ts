/** How a job has ended: from the read model, or from the journal itself. */
import { durationText, UnavailableError } from '@baton/core';
import type { FlowOutcome, JournalEntry } from '@baton/core';
import type { JobBoard } from '@baton/jobboard';
import type { FailureSummary, Persistence } from '@baton/persistence';
import { quarantineOf } from './job-report.js';
import { checkShown, unknownJob } from './unknown-job.js';

/** What became of a job. */
export interface JobEnd {
  readonly jobId: string;
  readonly outcome: FlowOutcome;
  /** Recorded on atoms, or why it was not run at all; shortened. */
  readonly failures: readonly FailureSummary[];
}

/** One read by id; that is written behind the terminal entry, so it may come a moment later: `isCertain` asks the journal too. */
export async function endOf(
  { board, persistence }: { readonly board: JobBoard; readonly persistence: Persistence },
  jobId: string,
  { isCertain }: { readonly isCertain: boolean },
): Promise<JobEnd | undefined> {
  const detail = await persistence.readModels.flow(jobId);
  if (detail?.outcome !== undefined) return { jobId, outcome: detail.outcome, failures: detail.failures };
  if (!isCertain) return undefined;
  await checkShown(persistence.jobs, jobId);
  const aside = quarantineOf(jobId, await board.read(jobId));
  if (aside !== undefined) throw aside;
  const last = (await persistence.journal.history(jobId)).at(-1);
  if (last === undefined) throw unknownJob(jobId);
  return last.kind === 'terminal' ? { jobId, outcome: last.outcome, failures: failuresOf(last) } : undefined;
}

export function tooLate(jobId: string, timeoutMs: number, problem: string | undefined): UnavailableError {
  const rest =
    problem === undefined
      ? `: \`baton job get ${jobId}\` shows what it waits for`
      : `, as far as is known: ${problem}`;
  return new UnavailableError(
    'BATON_UNAVAILABLE_DEADLINE',
    `job ${jobId} did not end within ${durationText(timeoutMs)}${rest}`,
  );
}

function failuresOf({ reason }: JournalEntry & { readonly kind: 'terminal' }): FailureSummary[] {
  return reason === undefined
    ? []
    : [{ message: reason.message, ...(reason.code === undefined ? {} : { code: reason.code }) }];
}
