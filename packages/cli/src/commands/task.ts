/** `baton task …`: decide about a task that is parked, because its worker was lost and it must not run twice unasked. */
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';

const decisions = {
  rerun: 'send a parked task to a worker again',
  fail: 'let a parked task fail with WORKER_LOST; its flow goes on from there',
} as const;

export function addTaskCommands(program: Command, run: Run): void {
  const task = program.command('task').description('tasks of a job');
  for (const decision of ['rerun', 'fail'] as const)
    task
      .command(`${decision} <id> <atom>`)
      .description(decisions[decision])
      .option('--reason <text>', 'kept with the command')
      .action(
        run<{ readonly reason?: string }>((invocation, args, flags) =>
          decide(invocation, args, { ...flags, decision }),
        ),
      );
}

async function decide(
  invocation: Invocation,
  [jobId = '', atom = '']: readonly string[],
  { decision, reason }: { readonly decision: keyof typeof decisions; readonly reason?: string },
): Promise<number> {
  const client = await invocation.client();
  const why = reason === undefined ? {} : { reason };
  await client.decideParked(jobId, { atom, decision, by: 'cli', ...why });
  invocation.output.rows(
    [{ jobId, atom, [decision]: 'requested' }],
    [
      { title: 'ID', of: () => jobId },
      { title: 'TASK', of: () => atom },
      { title: decision.toUpperCase(), of: () => 'requested' },
    ],
  );
  return exitCodes.ok;
}
