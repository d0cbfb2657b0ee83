/** `baton config show`, `baton errors`: what is configured and what the words mean. */
import { errorCodes } from '@baton/core';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { variableOf } from '../settings.js';

export function addConfigCommands(program: Command, run: Run): void {
  const config = program.command('config').description('configuration');
  config.command('show').description('every setting, where it came from, and its variable').action(run(show));
  program.command('errors').description('every error code with cause, check and remedy').action(run(errors));
}

async function show(invocation: Invocation): Promise<number> {
  invocation.output.rows(
    invocation.settings.table().map((row) => ({ ...row, variable: variableOf(row.key) })),
    [
      { title: 'KEY', of: (row) => row.key },
      { title: 'VALUE', of: (row) => row.value },
      { title: 'ORIGIN', of: (row) => row.origin },
      { title: 'VARIABLE', of: (row) => row.variable },
      { title: 'ABOUT', of: (row) => row.about },
    ],
  );
  return exitCodes.ok;
}

async function errors(invocation: Invocation): Promise<number> {
  invocation.output.rows(
    Object.entries(errorCodes).map(([code, doc]) => ({ code, ...doc })),
    [
      { title: 'CODE', of: (row) => row.code },
      { title: 'CAUSE', of: (row) => row.cause },
      { title: 'REMEDY', of: (row) => row.remedy },
    ],
  );
  return exitCodes.ok;
}
