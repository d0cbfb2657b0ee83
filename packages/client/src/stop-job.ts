/** Having a job end where it stands. */
import { type CommandOptions, giveCommand } from './give-command.js';

export interface StopOptions extends Omit<CommandOptions, 'reason'> {
  /** How it ends. */
  readonly state: 'SUCCESS' | 'FAILURE';
  /** Why: kept with the command, and the message of the run. At most 1 KiB. */
  readonly message?: string;
}

/**
 * Nothing more begins, and nothing is undone (C-1306): of a routed flow what runs is finished and recorded, and child runs are cancelled; of an ordered flow
 * what runs is told to stop. Its owner refuses it while the run is being undone. Stored like a cancel; gives its number. @throws as `giveCommand`
 */
export function stopJob(
  services: Parameters<typeof giveCommand>[0],
  jobId: string,
  { state, message, ...options }: StopOptions,
): Promise<number> {
  const command = { command: 'stop', arguments: { state } };
  const note = { ...options, ...(message !== undefined && { reason: message }) };
  return giveCommand(services, { jobId, command, options: note });
}
