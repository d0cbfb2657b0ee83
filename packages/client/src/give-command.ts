/** Giving a command to a job: stored first, then its owner is told; applied between two turns of the owner, or not at all when the run ends first. */
import { ConflictError, type Environment, type FlowOutcome } from '@baton/core';
import type { JobBoard } from '@baton/jobboard';
import type { JobRecord, OperatorCommand, Persistence } from '@baton/persistence';
import { checkBoard } from './home-board.js';
import { unknownJob } from './unknown-job.js';

export interface CommandOptions {
  /** Who, and why: at most 1 KiB each. */
  readonly by?: string;
  readonly reason?: string;
  /** The same command again under the same key is the one given before, also when the job has ended since. At most 1 KiB. */
  readonly key?: string;
  /** Only if this is the sequence number of the run when the command is stored; the run may move on before it is applied. */
  readonly ifSeq?: number;
}

export interface CancelOptions extends CommandOptions {
  /** Undo what ran (default), or stop where it is. */
  readonly revert?: boolean;
}

export interface ResumeOptions extends CommandOptions {
  /** Routed flows: keys of the environment that are from now on as they are here. */
  readonly env?: Environment;
}

export interface GivenCommand {
  readonly jobId: string;
  readonly command: Pick<OperatorCommand, 'command' | 'arguments'>;
  readonly options: CommandOptions;
  /** Asked when the command is new and the job goes on; throws what is in the way. */
  readonly check?: () => Promise<void>;
}

/**
 * Gives its number.
 * @throws NotFoundError `BATON_NOT_FOUND_JOB`; ConflictError `BATON_CONFLICT_ENDED`, `BATON_CONFLICT_SEQUENCE`, `BATON_CONFLICT_OTHER_BOARD`,
 *   `BATON_CONFLICT_KEY_REUSED`; InputError `BATON_INPUT_TOO_LARGE`; UnavailableError
 */
export async function giveCommand(
  services: Services,
  { jobId, command, options, check }: GivenCommand,
): Promise<number> {
  const { board, persistence } = services;
  const { key, ifSeq: _, ...who } = options;
  const asked = { ...command, ...who };
  const { before, ended } = await openForCommands(services, { jobId, command: asked, options });
  if (before !== undefined) {
    await board.announce(jobId);
    return before;
  }
  if (ended !== undefined)
    throw new ConflictError('BATON_CONFLICT_ENDED', `job ${jobId} has ended already: ${ended}`);
  await check?.();
  const n = await persistence.commands.append(jobId, asked, key);
  await board.announce(jobId);
  return n;
}

interface Services {
  readonly board: JobBoard;
  readonly persistence: Persistence;
}

/**
 * What stands in the way of a command to a job. `before`: the number under which it is stored already, and then nothing does; `ended`: how the job
 * has. @throws as `giveCommand`, but for `BATON_CONFLICT_ENDED`
 */
export async function openForCommands(
  { board, persistence }: Services,
  {
    jobId,
    command,
    options: { key, ifSeq },
  }: { readonly jobId: string; readonly command: OperatorCommand; readonly options: CommandOptions },
): Promise<{
  readonly before: number | undefined;
  readonly record: JobRecord | undefined;
  readonly ended: FlowOutcome | undefined;
}> {
  const [head, record, before] = await Promise.all([
    persistence.journal.head(jobId),
    persistence.jobs.get(jobId),
    key === undefined ? undefined : persistence.commands.find(jobId, command, key),
  ]);
  if (record?.state === 'DELETED') throw unknownJob(jobId);
  if (before !== undefined) return { before, record, ended: undefined };
  if (head === undefined) throw unknownJob(jobId);
  const { entry } = head;
  if (ifSeq !== undefined && entry.seq !== ifSeq)
    throw new ConflictError(
      'BATON_CONFLICT_SEQUENCE',
      `job ${jobId} is at ${entry.seq}, and the command is for ${ifSeq}`,
    );
  checkBoard(record, board.name);
  return { before, record, ended: entry.kind === 'terminal' ? entry.outcome : undefined };
}
