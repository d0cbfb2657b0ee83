/** `baton job …`: post jobs, look at them, wait for them; suspend, resume, cancel and delete them, and repair those that have ended (`repair.ts`). */
import { InputError, checkId, durationMs } from '@baton/core';
import type { FlowState, JournalEntry } from '@baton/core';
import {
  checkedDefinition,
  type Client,
  type Earlier,
  type OutageListener,
  type PostOptions,
} from '@baton/client';
import { isRouted } from '@baton/flow';
import { priorities, type Priority } from '@baton/jobboard';
import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { flowGlyphs, jobGlyphs } from '../glyphs.js';
import type { Invocation } from '../invocation.js';
import { entryLines, reportText } from '../job-text.js';
import { loadFlow } from '../load-flow.js';
import { notifyFlag, notifyTargets } from '../notify-flag.js';
import { clean } from '../output.js';
import { environmentFlag, environmentOf, jsonMap, storeValues } from '../store-values.js';
import { surplusSymbols } from '../surplus-symbols.js';
import type { Run } from '../run.js';
import { type CommandFlags, giveToEach, noteOf } from './give-to-each.js';
import { addOperateCommands } from './operate.js';
import { addRepairCommands } from './repair.js';
import { addReport } from './job-report.js';

export function addJobCommands(program: Command, run: Run): void {
  const job = program.command('job').description('post jobs, look at them, wait for them');
  addPost(job, run);
  job
    .command('list')
    .alias('ls')
    .description('jobs on the board, and the ones that ended last')
    .addOption(new Option('--state <state>', 'only these').choices(['open', 'ended', 'all']).default('all'))
    .option('--limit <n>', 'ended jobs shown', '20')
    .action(run(list));
  job
    .command('get <id>')
    .alias('describe')
    .description('one job: owner, atoms, failures, results')
    .action(run(get));
  addReport(job, run);
  job
    .command('watch <id>')
    .description('follow a job to its end')
    .option('--exit-status', 'exit code 3 unless SUCCESS')
    .action(run(watch));
  job
    .command('wait <id...>')
    .description('wait until jobs have ended; exit code 3 unless all are SUCCESS')
    .option('--timeout <duration>', 'longest wait, for example 10m')
    .action(run(wait));
  job
    .command('cancel <id...>')
    .description('stop jobs and undo what they did')
    .option('--no-revert', 'leave what was done as it is')
    .option('--reason <text>', 'kept with the command')
    .action(run(cancel));
  job
    .command('suspend <id...>')
    .description('let jobs pause: what runs is finished, nothing is begun before `job resume`')
    .option('--reason <text>', 'kept with the command')
    .action(run(suspend));
  job
    .command('resume <id...>')
    .description('let suspended jobs go on')
    .option('--env <json|@file|->', 'of routed flows: keys of the environment that are new from now on')
    .option('--reason <text>', 'kept with the command')
    .action(run(resume));
  addOperateCommands(job, run);
  addRepairCommands(job, run);
  job
    .command('delete <id...>')
    .alias('rm')
    .description(
      'delete jobs that have ended, and their child runs; an hour later what is stored of them is purged, but large values and definitions',
    )
    .action(
      run((invocation, jobIds) =>
        giveToEach(invocation, jobIds, {
          ...{ verb: 'delete', done: 'deleted' },
          give: (client, jobId) => client.delete(jobId),
        }),
      ),
    );
}

function addPost(job: Command, run: Run): void {
  job
    .command('post [flow]')
    .description(
      'post a flow (a .yaml or .json file, or a .js module exporting one: file.js#name); prints the id of the job',
    )
    .option('--from <id>', 'instead of a flow and its values: those that this job was posted with')
    .option(
      '--set <name=value>',
      'value of a symbol: JSON where it parses, else text; n=\'"5"\' is the text 5 (repeatable)',
      collect,
    )
    .option('--store <json|@file|->', 'values of symbols')
    .option('--env <name|json|@file|->', environmentFlag)
    .option('--target <atom>', 'of an ordered flow only what this atom needs, and itself')
    .option('--key <key>', 'idempotency key, becomes the id of the job')
    .option('--priority <priority>', 'very_high, high, normal, low or very_low')
    .option('--name <name>', 'shown in lists')
    .option(notifyFlag.flags, notifyFlag.about, collect)
    .option('--wait', 'wait for the end; exit code 3 unless SUCCESS')
    .option('--timeout <duration>', 'longest wait, for example 10m; with --wait')
    .action(run(post));
}

interface PostFlags {
  readonly from?: string;
  readonly set?: readonly string[];
  readonly store?: string;
  readonly env?: string;
  readonly target?: string;
  readonly key?: string;
  readonly priority?: string;
  readonly name?: string;
  readonly notify?: readonly string[];
  readonly wait?: boolean;
  readonly timeout?: string;
}

/** Every flag is looked at before anything is stored: a command line that is wrong posts nothing. */
async function post(
  invocation: Invocation,
  [reference]: readonly string[],
  flags: PostFlags,
): Promise<number> {
  if (flags.timeout !== undefined && flags.wait !== true)
    throw new InputError('BATON_INPUT_INVALID', '--timeout says how long to --wait: give both, or neither');
  const until = timeoutOf(flags);
  const priority = flags.priority === undefined ? undefined : priorityOf(flags.priority);
  if (flags.key !== undefined) checkKey(flags.key);
  const { what, ...given } = await whatToPost(reference, flags);
  const client = await invocation.client();
  const jobId = await client.post(what, {
    ...given,
    ...(flags.key === undefined ? {} : { key: flags.key }),
    ...(priority === undefined ? {} : { priority }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...notifyTargets(flags.notify),
  });
  if (flags.wait !== true) {
    invocation.output.one({ jobId }, { text: jobId, name: jobId });
    return exitCodes.ok;
  }
  // at once: whoever interrupts the wait, or it is interrupted, can look the job up
  tell(`posted ${jobId}\n`);
  // the job is posted whether or not this can be found out
  const { conductors } = await client.cluster().catch(() => ({ conductors: undefined }));
  if (conductors?.length === 0) tell(`no conductor is up: job ${jobId} waits on the board for one\n`);
  return waitFor(client, invocation, [jobId], until);
}

interface WhatToPost extends Pick<PostOptions, 'store' | 'env'> {
  readonly what: ReturnType<typeof checkedDefinition> | Earlier;
}

async function whatToPost(reference: string | undefined, flags: PostFlags): Promise<WhatToPost> {
  const { from } = flags;
  if ((reference === undefined) === (from === undefined))
    throw new InputError('BATON_INPUT_INVALID', 'give a flow, or --from with the id of a job');
  const surplusFlag = (['set', 'store', 'env', 'target'] as const).find((flag) => flags[flag] !== undefined);
  if (from !== undefined && surplusFlag !== undefined)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `--${surplusFlag} is what job ${from} was given: leave it out, or post a flow instead of --from`,
    );
  if (from !== undefined) return { what: { from } };
  const flow = await loadFlow(reference ?? '');
  if (flags.store === '-' && flags.env === '-')
    throw new InputError('BATON_INPUT_INVALID', 'only one of --store and --env can be standard input');
  const store = storeValues(flags.store, flags.set);
  const env = flags.env === undefined ? undefined : environmentOf(flags.env);
  const definition = checkedDefinition(flow, store, flags.target);
  // a routed flow takes its inputs and no others, so the check has refused them
  const surplus = isRouted(definition) ? [] : surplusSymbols(definition, Object.keys(store));
  for (const line of surplus) tell(`${clean(line)}\n`);
  return { what: definition, store, ...(env !== undefined && { env }) };
}

/** What takes the id as an argument would take a dash for a flag. */
function checkKey(key: string): void {
  checkId('job', key);
  if (key.startsWith('-'))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `--key ${key} must not begin with -: \`job get\` would take it for a flag`,
    );
}

function priorityOf(text: string): Priority {
  const priority = text.toUpperCase() as Priority;
  if (priorities.includes(priority)) return priority;
  throw new InputError(
    'BATON_INPUT_INVALID',
    `--priority ${JSON.stringify(text)} must be one of ${priorities.join(', ').toLowerCase()}`,
  );
}

interface Until {
  readonly timeoutMs?: number;
}

function timeoutOf({ timeout }: { readonly timeout?: string }): Until {
  return timeout === undefined ? {} : { timeoutMs: durationMs(timeout, '--timeout') };
}

/** A row of `list`: an open job has a priority, one that has ended a flow state. */
interface ListedJob {
  readonly jobId: string;
  readonly state: keyof typeof jobGlyphs;
  readonly flowState?: FlowState;
  readonly name: string;
  readonly priority?: string;
  readonly owner?: string | undefined;
  readonly claims?: number | undefined;
  /** Unknown of a job whose post could not be read when its end was written down. */
  readonly createdAtMs?: number | undefined;
}

async function list(
  invocation: Invocation,
  _: readonly string[],
  flags: { readonly state: string; readonly limit: string },
): Promise<number> {
  const limit = Number(flags.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new InputError('BATON_INPUT_INVALID', '--limit must be a whole number from 1 to 10000');
  const client = await invocation.client();
  const [open, ended] = await Promise.all([
    flags.state === 'ended' ? [] : client.jobs(),
    flags.state === 'open' ? [] : client.ended({ limit }),
  ]);
  const rows: ListedJob[] = [
    ...open.map((job) => ({
      jobId: job.jobId,
      state: job.state,
      name: job.posting.name,
      priority: job.posting.priority,
      owner: job.owner?.member,
      claims: job.version,
      createdAtMs: job.posting.createdAtMs,
    })),
    ...ended.map((flow) => ({
      jobId: flow.flowId,
      state: 'COMPLETE' as const,
      flowState: flow.outcome ?? flow.state,
      name: flow.name,
      owner: flow.owner,
      claims: flow.claims,
      createdAtMs: flow.postedAtMs,
    })),
  ];
  invocation.output.rows(rows, [
    { title: 'ID', of: (row) => row.jobId },
    { title: 'JOB', of: (row) => `${jobGlyphs[row.state]} ${row.state}` },
    { title: 'FLOW', of: ({ flowState }) => flowState && `${flowGlyphs[flowState]} ${flowState}` },
    { title: 'NAME', of: (row) => row.name },
    { title: 'OWNER', of: (row) => row.owner },
    { title: 'CLAIMS', of: (row) => row.claims },
    { title: 'POSTED', of: ({ createdAtMs: at }) => at && new Date(at).toISOString() },
  ]);
  return exitCodes.ok;
}

async function get(invocation: Invocation, [jobId]: readonly string[]): Promise<number> {
  const report = await (await invocation.client()).job(jobId ?? '');
  const text = reportText(report, invocation.settings.get('jobboard.board'));
  invocation.output.one(report, { text, name: report.jobId });
  return exitCodes.ok;
}

async function watch(
  invocation: Invocation,
  [jobId]: readonly string[],
  flags: { readonly exitStatus?: boolean },
): Promise<number> {
  const client = await invocation.client();
  let outcome: string | undefined;
  for await (const entry of client.watch(jobId ?? '', outageTeller())) {
    invocation.output.item(plainEntry(entry), entryLines(entry));
    if (entry.kind === 'terminal') outcome = entry.outcome;
  }
  if (invocation.output.format === 'name') invocation.output.one({}, { text: '', name: jobId ?? '' });
  return flags.exitStatus === true && outcome !== 'SUCCESS' ? exitCodes.jobFailed : exitCodes.ok;
}

async function wait(
  invocation: Invocation,
  jobIds: readonly string[],
  flags: { readonly timeout?: string },
): Promise<number> {
  const until = timeoutOf(flags);
  return waitFor(await invocation.client(), invocation, jobIds, until);
}

async function waitFor(
  client: Client,
  invocation: Invocation,
  jobIds: readonly string[],
  until: Until,
): Promise<number> {
  const options = { ...until, ...outageTeller() };
  const ends = await Promise.all(jobIds.map((jobId) => client.wait(jobId, options)));
  invocation.output.rows(ends, [
    { title: 'ID', of: (end) => end.jobId },
    { title: 'OUTCOME', of: (end) => `${flowGlyphs[end.outcome]} ${end.outcome}` },
  ]);
  return ends.every((end) => end.outcome === 'SUCCESS') ? exitCodes.ok : exitCodes.jobFailed;
}

function cancel(
  invocation: Invocation,
  jobIds: readonly string[],
  { revert, ...flags }: CommandFlags & { readonly revert: boolean },
): Promise<number> {
  return giveToEach(invocation, jobIds, {
    verb: 'cancel',
    give: (client, jobId) => client.cancel(jobId, { revert, ...noteOf(flags) }),
  });
}

function suspend(invocation: Invocation, jobIds: readonly string[], flags: CommandFlags): Promise<number> {
  return giveToEach(invocation, jobIds, {
    verb: 'suspend',
    give: (client, jobId) => client.suspend(jobId, noteOf(flags)),
  });
}

function resume(
  invocation: Invocation,
  jobIds: readonly string[],
  { env, ...flags }: CommandFlags & { readonly env?: string },
): Promise<number> {
  const options = { ...noteOf(flags), ...(env !== undefined && { env: jsonMap('--env', env) }) };
  return giveToEach(invocation, jobIds, {
    verb: 'resume',
    give: (client, jobId) => client.resume(jobId, options),
  });
}

function plainEntry(entry: JournalEntry): object {
  return { ...entry, fence: { generation: entry.fence.generation, zxid: entry.fence.zxid.toString(16) } };
}

/** Says once that a service is away, and once that all who wait hear of it again. */
function outageTeller(): OutageListener {
  let waiting = 0;
  return {
    onOutage: ({ message }) => {
      if (waiting++ === 0) tell(`${message}: waiting for it\n`);
    },
    onRecovery: () => {
      if (--waiting === 0) tell('it answers again\n');
    },
  };
}

/** To a person, beside what the command prints. */
function tell(text: string): void {
  process.stderr.write(text);
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
