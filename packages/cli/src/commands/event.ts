/** `baton event …`: what happens outside, for the jobs that wait for it. */
import { durationMs } from '@baton/core';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { jsonValue } from '../store-values.js';

interface Flags {
  readonly key?: string;
  readonly data?: string;
  readonly keep?: string;
  readonly id?: string;
}

export function addEventCommands(program: Command, run: Run): void {
  const event = program.command('event').description('events from outside, for jobs that wait for them');
  event
    .command('send <name>')
    .description('send an event to the jobs of the board that wait for it (std.wait-event)')
    .option('--key <text>', 'tells events of one name apart (default: none)')
    .option('--data <json|@file|->', 'result of the atoms that wait (default: null)')
    .option('--keep <duration>', 'how long jobs that begin to wait later have it too: 30m, 2d (default: 0)')
    .option(
      '--id <id>',
      'the same event sent again under the same id reaches no job twice (default: a new one)',
    )
    .action(run(send));
}

async function send(
  invocation: Invocation,
  [name = '']: readonly string[],
  { key, data, keep, id }: Flags,
): Promise<number> {
  const options = {
    by: 'cli',
    ...(key !== undefined && { key }),
    ...(data !== undefined && { data: jsonValue('--data', data) }),
    ...(keep !== undefined && { keepMs: durationMs(keep, '--keep') }),
    ...(id !== undefined && { id }),
  };
  const client = await invocation.client();
  const sent = await client.sendEvent(name, options);
  invocation.output.rows(
    [sent],
    [
      { title: 'EVENT', of: ({ eventId }) => eventId },
      { title: 'JOBS', of: ({ jobs }) => jobs },
      { title: 'KEPT UNTIL', of: ({ keptUntilMs }) => keptUntilMs && new Date(keptUntilMs).toISOString() },
    ],
  );
  if (sent.jobs === 0 && sent.keptUntilMs === undefined)
    process.stderr.write('no job waits for it; with --keep one that begins to later has it too\n');
  return exitCodes.ok;
}
