/** `baton environment …`: what jobs may be posted with by name (`job post --env NAME`). */
import type { EnvironmentReport } from '@baton/client';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import { clean } from '../output.js';
import type { Run } from '../run.js';
import { jsonMap } from '../store-values.js';
import { changeOf, type RevisionFlag } from './schedule.js';

const revision = 'only if this is its revision, as `environment get` tells it';

export function addEnvironmentCommands(program: Command, run: Run): void {
  const environment = program
    .command('environment')
    .description('what expressions of routed flows read as env, by name');
  environment.command('list').alias('ls').description('all of the board').action(run(list));
  environment.command('get <name>').alias('show').description('one, with its values').action(run(get));
  environment
    .command('set <name> <json|@file|->')
    .description('make one, or change it to exactly this; jobs that are posted already are as they are')
    .option('--if-revision <n>', `${revision}; 0: only if it is new`)
    .action(run(set));
  environment
    .command('delete <name>')
    .alias('rm')
    .description('delete it; jobs that were posted with it keep what it was')
    .option('--if-revision <n>', revision)
    .action(run(remove));
}

async function list(invocation: Invocation): Promise<number> {
  const client = await invocation.client();
  invocation.output.rows(await client.environments.list(), [
    { title: 'NAME', of: ({ name }) => name },
    { title: 'REVISION', of: (row) => row.revision },
    { title: 'BY', of: ({ by }) => by },
    { title: 'CHANGED', of: ({ changedAtMs }) => new Date(changedAtMs).toISOString() },
    { title: 'KEYS', of: ({ env }) => Object.keys(env).join(', ') },
  ]);
  return exitCodes.ok;
}

async function get(invocation: Invocation, [name = '']: readonly string[]): Promise<number> {
  const client = await invocation.client();
  return showOne(invocation, await client.environments.get(name));
}

async function set(
  invocation: Invocation,
  [name = '', given = '']: readonly string[],
  flag: RevisionFlag,
): Promise<number> {
  const env = jsonMap('the environment', given);
  const { environments } = await invocation.client();
  await environments.set(name, env, changeOf(flag));
  return showOne(invocation, await environments.get(name));
}

async function remove(
  invocation: Invocation,
  [name = '']: readonly string[],
  flag: RevisionFlag,
): Promise<number> {
  const { environments } = await invocation.client();
  await environments.delete(name, changeOf(flag));
  invocation.output.rows(
    [{ name, delete: 'done' }],
    [
      { title: 'NAME', of: () => name },
      { title: 'DELETE', of: () => 'done' },
    ],
  );
  return exitCodes.ok;
}

function showOne({ output }: Invocation, environment: EnvironmentReport): number {
  const { name, revision: n, by, changedAtMs, env } = environment;
  const who = by === undefined ? '' : ` by ${by}`;
  const values = JSON.stringify(env, undefined, 2).split('\n');
  const lines = [`${name}  revision ${n}${who}, ${new Date(changedAtMs).toISOString()}`, ...values];
  output.one(environment, { text: lines.map(clean).join('\n'), name });
  return exitCodes.ok;
}
