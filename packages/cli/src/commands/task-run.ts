/** `baton task run`: one task without a flow. */
import { taskEnd } from '@baton/client';
import { InputError, durationMs } from '@baton/core';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { flowGlyphs } from '../glyphs.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { storeValues } from '../store-values.js';

interface Flags {
  readonly set?: readonly string[];
  readonly store?: string;
  readonly taskVersion?: string;
  readonly key?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
}

export function addTaskRun(task: Command, run: Run): void {
  task
    .command('run <name>')
    .description('run one task without a flow; prints the id of its job, or with --wait what it returned')
    .option(
      '--set <name=value>',
      'value of a parameter: JSON where it parses, else text (repeatable)',
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .option('--store <json|@file|->', 'values of parameters')
    .option('--task-version <version>', 'major.minor that its worker must have (default: 1.0)')
    .option('--key <key>', 'idempotency key, becomes the id of the job')
    .option('--wait', 'wait for the end; exit code 3 unless SUCCESS')
    .option('--timeout <duration>', 'longest wait, for example 10m; with --wait')
    .action(run(runTask));
}

async function runTask(
  invocation: Invocation,
  [name = '']: readonly string[],
  { set, store, taskVersion: version, key, wait = false, timeout }: Flags,
): Promise<number> {
  if (timeout !== undefined && !wait)
    throw new InputError('BATON_INPUT_INVALID', '--timeout says how long to --wait: give both, or neither');
  const until = timeout === undefined ? {} : { timeoutMs: durationMs(timeout, '--timeout') };
  const input = storeValues(store, set);
  const client = await invocation.client();
  const { jobId } = await client.runTask(name, input, {
    ...(version !== undefined && { version }),
    ...(key !== undefined && { key }),
  });
  if (!wait) {
    invocation.output.one({ jobId }, { text: jobId, name: jobId });
    return exitCodes.ok;
  }
  // at once: whoever interrupts the wait can look the job up
  process.stderr.write(`posted ${jobId}\n`);
  const end = await taskEnd(client, jobId, until);
  const isDone = end.outcome === 'SUCCESS';
  const text = isDone
    ? JSON.stringify(end.result, undefined, 2)
    : [`${flowGlyphs[end.outcome]} ${end.outcome}`, ...end.failures.map(({ message }) => message)].join('\n');
  invocation.output.one(end, { text, name: jobId });
  return isDone ? exitCodes.ok : exitCodes.jobFailed;
}
