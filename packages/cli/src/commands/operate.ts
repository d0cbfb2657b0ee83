/** `baton job stop`: what a person does about a job that goes on, beside letting it pause and undoing it. */
import type { StopOptions } from '@baton/client';
import { type Command, Option } from 'commander';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { giveToEach } from './give-to-each.js';

export function addOperateCommands(job: Command, run: Run): void {
  job
    .command('stop <id...>')
    .description('have jobs end here, with nothing undone')
    .addOption(
      new Option('--state <state>', 'how they end').choices(['success', 'failure']).makeOptionMandatory(),
    )
    .option('--message <text>', 'why: kept with the command, and what the job says of its end')
    .action(run(stop));
}

function stop(
  invocation: Invocation,
  jobIds: readonly string[],
  { state, message }: { readonly state: string; readonly message?: string },
): Promise<number> {
  const options = {
    ...{ state: state.toUpperCase() as StopOptions['state'], by: 'cli' },
    ...(message !== undefined && { message }),
  };
  return giveToEach(invocation, jobIds, {
    verb: 'stop',
    give: (client, jobId) => client.stop(jobId, options),
  });
}
