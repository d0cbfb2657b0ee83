/** A person decides about a task that is parked since its worker was lost. */
import { type CommandOptions, giveCommand } from './give-command.js';
import { checkParked, type JobReport } from './job-report.js';

export interface DecideParkedOptions extends CommandOptions {
  readonly atom: string;
  readonly decision: 'rerun' | 'fail';
}

/** `job`: how it stands. @throws as `giveCommand`, and `checkParked` */
export async function decideParked(
  services: Parameters<typeof giveCommand>[0],
  { jobId, job }: { readonly jobId: string; readonly job: () => Promise<JobReport> },
  { atom, decision, ...options }: DecideParkedOptions,
): Promise<number> {
  const command = { command: `${decision}-task`, arguments: { atom } };
  const check = async (): Promise<void> => {
    const { outcome, atoms } = await job();
    // without its definition nothing is known about its atoms, and its owner decides
    if (outcome === undefined && atoms.length > 0) checkParked(atom, { jobId, atoms });
  };
  return giveCommand(services, { jobId, command, options, check });
}
