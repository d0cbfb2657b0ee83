/** What whoever shall answer a delegate says before: how far it is, that it waits for something, that it goes on (C-1106, C-1107). */
import { InputError, type JsonValue } from '@baton/core';
import { checkWaiting, type Clocks, type DelegateAttempt, meant } from './delegates.js';
import { type CommandOptions, giveCommand } from './give-command.js';
import type { JobReport } from './job-report.js';

interface Progress {
  /** From 0 to 1. */
  readonly fraction?: number;
  /** At most 1,024 characters. */
  readonly note?: string;
}

/** `paused`: its atom is suspended, and its run with it, until it is `false`, or answered. */
export type DelegateUpdate = { readonly paused: boolean } | { readonly progress: Progress };

export type UpdateDelegateOptions = DelegateAttempt & Pick<CommandOptions, 'by' | 'reason'> & DelegateUpdate;

const NOTE_MAX = 1_024;

/**
 * Stores it; gives the number of the command.
 * @throws NotFoundError `BATON_NOT_FOUND_ATOM`; ConflictError `BATON_CONFLICT_NOT_WAITING`; InputError `BATON_INPUT_INVALID`; and what
 *   `giveCommand` does
 */
export async function updateDelegate(
  services: Parameters<typeof giveCommand>[0] & Clocks,
  report: JobReport,
  { atom, attempt, round, by, reason, ...update }: UpdateDelegateOptions,
): Promise<number> {
  const { jobId } = report;
  const which = { atom, ...(attempt !== undefined && { attempt }), ...(round !== undefined && { round }) };
  const { requestId, ...delegate } = meant(report, which);
  const command = commandOf(requestId, update);
  const check = () => checkWaiting(services, report, delegate);
  const options = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
  return giveCommand(services, { jobId, command, options, check });
}

function commandOf(
  requestId: string,
  update: DelegateUpdate,
): { readonly command: string; readonly arguments: Readonly<Record<string, JsonValue>> } {
  const { paused, progress } = update as { readonly paused?: boolean; readonly progress?: Progress };
  if ((paused === undefined) === (progress === undefined))
    throw new InputError('BATON_INPUT_INVALID', 'updateDelegate takes paused or progress, one of them');
  if (progress === undefined)
    return { command: paused === true ? 'pause-delegate' : 'resume-delegate', arguments: { requestId } };
  const { fraction, note } = progress;
  if (fraction !== undefined && !(fraction >= 0 && fraction <= 1))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `progress.fraction must be from 0 to 1, got ${String(fraction)}`,
    );
  if (note !== undefined && note.length > NOTE_MAX)
    throw new InputError('BATON_INPUT_TOO_LARGE', `progress.note must not be longer than ${NOTE_MAX}`);
  if (fraction === undefined && note === undefined)
    throw new InputError('BATON_INPUT_INVALID', 'progress takes a fraction, a note, or both');
  const given = { ...(fraction !== undefined && { fraction }), ...(note !== undefined && { note }) };
  return { command: 'progress-delegate', arguments: { requestId, ...given } };
}
