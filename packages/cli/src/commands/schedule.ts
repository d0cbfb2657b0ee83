/** `baton schedule …`: jobs that are posted again and again. Conductors fire them. */
import { InputError } from '@baton/core';
import type { ScheduleChange, ScheduleOptions, ScheduleReport } from '@baton/client';
import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import { loadFlow } from '../load-flow.js';
import { notifyFlag, notifyTargets } from '../notify-flag.js';
import type { Run } from '../run.js';
import { environmentFlag, environmentOf, storeValues } from '../store-values.js';

const revision = 'only if this is its revision, as `schedule show` tells it';

export function addScheduleCommands(program: Command, run: Run): void {
  const schedule = program.command('schedule').description('jobs that are posted again and again');
  schedule
    .command('put <id> <flow>')
    .description('make a schedule for a flow (as `job post` takes it), or change it to exactly this')
    .option('--cron <pattern>', "five fields, or six with seconds first: '0 2 * * *'")
    .option('--time-zone <name>', 'where the pattern is read: Europe/Berlin (default: UTC)')
    .option('--start <time>', 'first slot, in ISO 8601: 2027-01-31T02:00:00Z; without a pattern the only one')
    .option('--count <n>', 'slots that fire, all in all')
    .addOption(
      new Option('--catch-up <which>', 'slots that could not be fired in time').choices([
        'none',
        'last',
        'all',
      ]),
    )
    .addOption(
      new Option('--overlap <what>', 'while the job before has not ended').choices([
        ...['allow', 'skip', 'cancel-previous'],
      ]),
    )
    .option('--set <name=value>', 'value of a symbol, as for `job post` (repeatable)', collect)
    .option('--store <json|@file|->', 'values of symbols')
    .option('--priority <priority>', 'very_high, high, normal, low or very_low')
    .option('--name <name>', 'of the jobs, shown in lists')
    .option('--env <name|json|@file|->', environmentFlag)
    .option(notifyFlag.flags, notifyFlag.about, collect)
    .option('--paused', 'it fires only after `schedule resume`')
    .option('--if-revision <n>', `${revision}; 0: only if it is new`)
    .action(run(put));
  schedule
    .command('list')
    .alias('ls')
    .description('all of the board, with what comes next')
    .action(run(list));
  schedule
    .command('show <id>')
    .alias('get')
    .description('one schedule: times, next and last slots')
    .action(run(show));
  for (const [verb, description] of [
    ['pause', 'let no slot fire until it is resumed; none of that time is caught up'],
    ['resume', 'let a paused schedule fire again'],
    ['delete', 'delete it; jobs that it has posted are left alone'],
  ] as const) {
    const command = schedule.command(`${verb} <id>`).description(description);
    if (verb === 'delete') command.alias('rm');
    command
      .option('--if-revision <n>', revision)
      .action(
        run<RevisionFlag>((invocation, [id = ''], flags) => change(invocation, id, { verb, ...flags })),
      );
  }
}

export interface RevisionFlag {
  readonly ifRevision?: string | undefined;
}

interface PutFlags
  extends RevisionFlag, Pick<ScheduleOptions, 'cron' | 'timeZone' | 'catchUp' | 'overlap' | 'name'> {
  readonly start?: string;
  readonly count?: string;
  readonly set?: readonly string[];
  readonly store?: string;
  readonly priority?: string;
  readonly env?: string;
  readonly notify?: readonly string[];
  readonly paused?: boolean;
}

async function put(
  invocation: Invocation,
  [id = '', reference = '']: readonly string[],
  { start, count, set, store, env, priority, notify, ifRevision, ...flags }: PutFlags,
): Promise<number> {
  const options = {
    ...flags,
    ...(start !== undefined && { startAtMs: timeOf(start) }),
    ...(count !== undefined && { count: Number(count) }),
    ...(priority !== undefined && { priority: priority.toUpperCase() as 'NORMAL' }),
    ...changeOf({ ifRevision }),
    ...notifyTargets(notify),
    store: storeValues(store, set),
    ...(env !== undefined && { env: environmentOf(env) }),
  };
  const flow = await loadFlow(reference);
  const client = await invocation.client();
  await client.schedules.put(id, flow, options);
  return showOne(invocation, await client.schedules.get(id));
}

async function list(invocation: Invocation): Promise<number> {
  const client = await invocation.client();
  invocation.output.rows(await client.schedules.list(), [
    { title: 'ID', of: ({ scheduleId }) => scheduleId },
    { title: 'STATE', of: ({ state }) => state },
    { title: 'NAME', of: ({ name }) => name },
    { title: 'CRON', of: ({ cron }) => cron },
    { title: 'ZONE', of: ({ timeZone }) => timeZone },
    { title: 'NEXT', of: ({ nextMs }) => time(nextMs) },
    { title: 'LAST', of: ({ slots }) => time(slots[0]?.nominalMs) },
    { title: 'FIRED', of: ({ fired, count }) => (count === undefined ? fired : `${fired}/${count}`) },
  ]);
  return exitCodes.ok;
}

async function show(invocation: Invocation, [id = '']: readonly string[]): Promise<number> {
  const client = await invocation.client();
  return showOne(invocation, await client.schedules.get(id));
}

async function change(
  invocation: Invocation,
  id: string,
  { verb, ...flag }: RevisionFlag & { readonly verb: 'pause' | 'resume' | 'delete' },
): Promise<number> {
  const { schedules } = await invocation.client();
  const options = changeOf(flag);
  await schedules[verb](id, options);
  if (verb !== 'delete') return showOne(invocation, await schedules.get(id));
  invocation.output.rows(
    [{ scheduleId: id, delete: 'done' }],
    [
      { title: 'ID', of: () => id },
      { title: 'DELETE', of: () => 'done' },
    ],
  );
  return exitCodes.ok;
}

function showOne({ output }: Invocation, schedule: ScheduleReport): number {
  output.one(schedule, { text: textOf(schedule), name: schedule.scheduleId });
  return exitCodes.ok;
}

function textOf(schedule: ScheduleReport): string {
  const { scheduleId, state, name, cron, timeZone, startAtMs, count, catchUp, overlap, nextMs, fired } =
    schedule;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['flow', `${name} (${schedule.definitionHash.slice(0, 12)})`],
    ['values', schedule.store.join(', ') || undefined],
    ['cron', cron && `${cron}  ${timeZone}`],
    ['first', time(startAtMs)],
    ['next', time(nextMs)],
    ['fired', count === undefined ? String(fired) : `${fired} of ${count}`],
    ['catch-up', catchUp],
    ['overlap', overlap],
    [
      'revision',
      schedule.by === undefined ? String(schedule.revision) : `${schedule.revision} by ${schedule.by}`,
    ],
  ];
  const slots = schedule.slots.map(({ nominalMs, decision, jobId, missed, skipped, waitsFor, isDone }) =>
    [
      `  ${time(nominalMs) ?? ''}  ${decision}`,
      decision === 'fired' ? jobId : undefined,
      isDone ? undefined : waitsFor === undefined ? 'is being posted' : `waits for the end of ${waitsFor}`,
      missed > 0 ? `${missed} missed` : undefined,
      skipped > Number(decision === 'skipped') ? `${skipped} skipped` : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  '),
  );
  return [
    `${scheduleId}  ${state}`,
    ...facts.flatMap(([key, value]) => (value === undefined ? [] : [`  ${key.padEnd(9)} ${value}`])),
    ...(slots.length > 0 ? ['last slots', ...slots] : []),
  ].join('\n');
}

function time(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** Without an offset it would mean another moment on each machine. */
function timeOf(text: string): number {
  const ms = /(Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text).getTime() : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  throw new InputError(
    'BATON_INPUT_INVALID',
    `--start ${JSON.stringify(text)} must be a time with its offset: 2027-01-31T02:00:00Z, or 2027-01-31T03:00:00+01:00`,
  );
}

export function changeOf({ ifRevision }: RevisionFlag): ScheduleChange {
  return { by: 'cli', ...(ifRevision !== undefined && { ifRevision: Number(ifRevision) }) };
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
