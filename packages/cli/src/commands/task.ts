/**
 * `baton task …`: decide about a task that is parked, because its worker was lost and it must not run twice unasked; or about an atom whose revert
 * failed, because nobody but a person knows what is left of it.
 */
import type { Client } from '@baton/client';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { type CommandFlags, noteOf } from './give-to-each.js';
import { addTaskRun } from './task-run.js';

type About = CommandFlags & { readonly atom: string };

interface Decision {
  readonly about: string;
  give(client: Client, jobId: string, options: About): Promise<unknown>;
}

const decisions: Readonly<Record<string, Decision>> = {
  rerun: {
    about: 'send a parked task to a worker again',
    give: (client, jobId, options) => client.decideParked(jobId, { ...options, decision: 'rerun' }),
  },
  fail: {
    about: 'let a parked task fail with WORKER_LOST; its flow goes on from there',
    give: (client, jobId, options) => client.decideParked(jobId, { ...options, decision: 'fail' }),
  },
  'revert-retry': {
    about: 'call the revert of an atom again that failed; its job goes on being undone',
    give: (client, jobId, options) => client.decideRevert(jobId, { ...options, decision: 'retry' }),
  },
  'revert-accept': {
    about: 'take an atom whose revert failed for undone by hand; its job goes on being undone',
    give: (client, jobId, options) => client.decideRevert(jobId, { ...options, decision: 'accept' }),
  },
};

export function addTaskCommands(program: Command, run: Run): void {
  const task = program.command('task').description('tasks of a job, and one without');
  addTaskRun(task, run);
  for (const [verb, decision] of Object.entries(decisions))
    task
      .command(`${verb} <id> <atom>`)
      .description(decision.about)
      .option('--reason <text>', 'kept with the command')
      .action(
        run<CommandFlags>((invocation, args, flags) => decide(invocation, args, { verb, decision, flags })),
      );
}

async function decide(
  invocation: Invocation,
  [jobId = '', atom = '']: readonly string[],
  {
    verb,
    decision,
    flags,
  }: { readonly verb: string; readonly decision: Decision; readonly flags: CommandFlags },
): Promise<number> {
  await decision.give(await invocation.client(), jobId, { atom, ...noteOf(flags) });
  invocation.output.rows(
    [{ jobId, atom, [verb]: 'requested' }],
    [
      { title: 'ID', of: () => jobId },
      { title: 'TASK', of: () => atom },
      { title: verb.toUpperCase(), of: () => 'requested' },
    ],
  );
  return exitCodes.ok;
}
