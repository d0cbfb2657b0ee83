/** `baton job rerun`, `skip` and `revert`: what a person does about jobs that have ended. */
import type { DeciderDepth } from '@baton/flow';
import { type Command, Option } from 'commander';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { jsonMap, storeValues } from '../store-values.js';
import { type CommandFlags, giveToEach, noteOf } from './give-to-each.js';

export function addRepairCommands(job: Command, run: Run): void {
  job
    .command('rerun <id...>')
    .description(
      'let jobs that have ended run again: all of it, of a routed flow what failed or was cancelled',
    )
    .option('--from <atom>', 'from this atom on; of a routed flow only this activation')
    .option('--reset', 'of a fan-out all items, not only those that did not succeed')
    .option(
      '--input <name=value>',
      'of an activation: this parameter instead; JSON where it parses, else text (repeatable)',
      collect,
    )
    .option('--env <json|@file|->', 'keys of the environment that are new from now on')
    .option('--reason <text>', 'kept with the command')
    .action(run(rerun));
  job
    .command('skip <id> <atom>')
    .description('leave out an atom that failed, and let the job go on')
    .addOption(new Option('--depth <depth>', 'of an ordered flow: what else is left out').choices(depths))
    .option('--reason <text>', 'kept with the command')
    .action(run(skip));
  job
    .command('revert <id...>')
    .description('undo what jobs did that have ended')
    .option('--reason <text>', 'kept with the command')
    .action(run(revert));
}

interface RerunFlags extends CommandFlags {
  readonly from?: string;
  readonly reset?: boolean;
  readonly input?: readonly string[];
  readonly env?: string;
}

function rerun(invocation: Invocation, jobIds: readonly string[], flags: RerunFlags): Promise<number> {
  const { from, reset, input, env } = flags;
  const options = {
    ...noteOf(flags),
    ...(from !== undefined && { from }),
    ...(reset === true && { reset }),
    ...(input && { input: storeValues(undefined, input) }),
    ...(env !== undefined && { env: jsonMap('--env', env) }),
  };
  return giveToEach(invocation, jobIds, {
    verb: 'rerun',
    give: (client, jobId) => client.rerun(jobId, options),
  });
}

function skip(
  invocation: Invocation,
  [jobId = '', atom = '']: readonly string[],
  { depth, ...flags }: CommandFlags & { readonly depth?: DeciderDepth },
): Promise<number> {
  const options = { atom, ...noteOf(flags), ...(depth !== undefined && { depth }) };
  return giveToEach(invocation, [jobId], { verb: 'skip', give: (client, id) => client.skip(id, options) });
}

function revert(invocation: Invocation, jobIds: readonly string[], flags: CommandFlags): Promise<number> {
  return giveToEach(invocation, jobIds, {
    verb: 'revert',
    give: (client, jobId) => client.revert(jobId, noteOf(flags)),
  });
}

const depths: readonly DeciderDepth[] = ['all', 'atom', 'flow', 'neighbors'];

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
