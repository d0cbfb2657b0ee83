/** Commands to several jobs at once. */
import type { Client, CommandOptions } from '@baton/client';
import { checkId } from '@baton/core';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import { reportError } from '../report-error.js';

export interface CommandFlags {
  readonly reason?: string;
}

export function noteOf({ reason }: CommandFlags): CommandOptions {
  return { by: 'cli', ...(reason !== undefined && { reason }) };
}

/** Gives a command to each job. One that cannot be given it does not hide what became of the others. */
export async function giveToEach(
  invocation: Invocation,
  jobIds: readonly string[],
  {
    verb,
    done = 'requested',
    give,
  }: { readonly verb: string; readonly done?: string; give(client: Client, jobId: string): Promise<unknown> },
): Promise<number> {
  for (const jobId of jobIds) checkId('job', jobId);
  const client = await invocation.client();
  const answers = await Promise.allSettled(jobIds.map((jobId) => give(client, jobId)));
  const stored = jobIds.filter((_, index) => answers[index]?.status === 'fulfilled');
  invocation.output.rows(
    stored.map((jobId) => ({ jobId, [verb]: done })),
    [
      { title: 'ID', of: (row) => row['jobId'] },
      { title: verb.toUpperCase(), of: () => done },
    ],
  );
  const failed: unknown[] = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [answer.reason] : [],
  );
  for (const error of failed.slice(0, -1))
    reportError(error, { json: invocation.output.isJson, write: (text) => process.stderr.write(text) });
  if (failed.length > 0) throw failed.at(-1);
  return exitCodes.ok;
}
