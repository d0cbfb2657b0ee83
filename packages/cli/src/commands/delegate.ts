/** `baton delegate …`: atoms that wait for a person or another system: which there are, and answering them. */
import { DelegateTokens } from '@baton/client/delegate-tokens';
import { atomNameOf, attemptOf, durationMs, flowIdOf, InputError, NotFoundError, roundOf } from '@baton/core';
import type { DelegateAnswer, DelegateUpdate } from '@baton/client';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import { clean } from '../output.js';
import type { Run } from '../run.js';

interface Flags {
  readonly value?: string;
  readonly type?: string;
  readonly message?: string;
  readonly data?: string;
  readonly fraction?: string;
  readonly note?: string;
  readonly for?: string;
  readonly reason?: string;
  readonly attempt?: string;
  readonly round?: string;
}

const attempt =
  'which attempt it answers (default: the last one); with it, and its round, the same answer may be given again';
const round =
  'of an ordered flow: the round of that attempt, as listed (default: the last one); needed from the second on';
const listedMax = 1_000;

export function addDelegateCommands(program: Command, run: Run): void {
  const delegate = program.command('delegate').description('atoms that wait for an answer from outside');
  delegate.command('list').description('what waits for an answer, newest job first').action(run(list));
  answering(delegate, 'complete', 'give the answer; the first one to an attempt counts')
    .option('--value <json>', 'what it gives (default: null)')
    .action(
      run<Flags>((invocation, args, flags) =>
        answer(invocation, args, { value: jsonOf('--value', flags.value ?? 'null') }, flags),
      ),
    );
  answering(delegate, 'fail', 'let it fail; its flow goes on from there')
    .requiredOption('--message <text>', 'why')
    .option('--type <type>', 'for retry-on and stop-on of the flow')
    .option('--data <json>', 'for conditions of the flow: self.failure.data')
    .action(
      run<Flags>((invocation, args, flags) => {
        const { message = '', data, type } = flags;
        const failure = {
          ...{ message, ...(type !== undefined && { type }) },
          ...(data !== undefined && { data: jsonOf('--data', data) }),
        };
        return answer(invocation, args, { failure }, flags);
      }),
    );
  answering(
    delegate,
    'cancel',
    'nobody will answer: a routed flow ends CANCELLED, an ordered one takes it as failed',
  ).action(run<Flags>((invocation, args, flags) => answer(invocation, args, { cancelled: true }, flags)));
  answering(delegate, 'progress', 'tell how far it is')
    .option('--fraction <number>', 'from 0 to 1')
    .option('--note <text>', 'in words')
    .action(
      run<Flags>((invocation, args, flags) => {
        const { fraction, note } = flags;
        const progress = {
          ...(fraction !== undefined && { fraction: Number(fraction) }),
          ...(note !== undefined && { note }),
        };
        return update(invocation, args, { progress }, flags);
      }),
    );
  answering(delegate, 'pause', 'suspend it, and its flow with it').action(
    run<Flags>((invocation, args, flags) => update(invocation, args, { paused: true }, flags)),
  );
  answering(delegate, 'resume', 'have it go on, and its flow once nothing of it is paused').action(
    run<Flags>((invocation, args, flags) => update(invocation, args, { paused: false }, flags)),
  );
  answering(delegate, 'extend', 'have it waited for longer')
    .requiredOption('--for <duration>', 'by how much: 30m, 2h, 3d')
    .action(run(extend));
}

async function extend(
  invocation: Invocation,
  args: readonly string[],
  { reason, for: by = '', ...wanted }: Flags,
): Promise<number> {
  const { jobId, ...which } = delegateOf(invocation, args, wanted);
  const client = await invocation.client();
  const why = reason === undefined ? {} : { reason };
  const most = { byMs: durationMs(by, '--for'), mostMs: invocation.settings.get('delegate.wait_max') };
  const { dueAtMs } = await client.extendDelegate(jobId, { ...which, ...most, by: 'cli', ...why });
  invocation.output.rows(
    [{ jobId, atom: which.atom, dueAtMs }],
    [
      { title: 'ID', of: () => jobId },
      { title: 'ATOM', of: ({ atom }) => atom },
      { title: 'UNTIL', of: (row) => timeOf(row.dueAtMs) },
    ],
  );
  return exitCodes.ok;
}

function answering(delegate: Command, verb: string, description: string): Command {
  return delegate
    .command(`${verb} <id> [atom]`)
    .description(`${description}; named by job and atom, or by its token alone`)
    .option('--attempt <n>', attempt)
    .option('--round <n>', round)
    .option('--reason <text>', 'kept with the command');
}

async function list(invocation: Invocation): Promise<number> {
  const client = await invocation.client();
  const { delegates, next } = await client.delegates({ limit: listedMax });
  invocation.output.rows(delegates, [
    { title: 'ID', of: ({ jobId }) => jobId },
    { title: 'ATOM', of: ({ atom }) => atom },
    { title: 'WAITS FOR', of: (row) => clean(row.delegate) },
    { title: 'ATTEMPT', of: (row) => row.attempt },
    { title: 'ROUND', of: (row) => row.round },
    { title: 'SINCE', of: ({ sinceMs }) => timeOf(sinceMs) },
    { title: 'UNTIL', of: ({ dueAtMs }) => dueAtMs && timeOf(dueAtMs) },
  ]);
  if (next !== undefined) process.stderr.write(`the first ${listedMax}; there are more\n`);
  return exitCodes.ok;
}

async function answer(
  invocation: Invocation,
  args: readonly string[],
  given: DelegateAnswer,
  { reason, ...wanted }: Flags,
): Promise<number> {
  const { jobId, ...which } = delegateOf(invocation, args, wanted);
  const client = await invocation.client();
  const why = reason === undefined ? {} : { reason };
  await client.answerDelegate(jobId, { ...which, ...given, by: 'cli', ...why });
  return stored(invocation, { jobId, atom: which.atom, what: 'answer' });
}

async function update(
  invocation: Invocation,
  args: readonly string[],
  given: DelegateUpdate,
  { reason, ...wanted }: Flags,
): Promise<number> {
  const { jobId, ...which } = delegateOf(invocation, args, wanted);
  const client = await invocation.client();
  const why = reason === undefined ? {} : { reason };
  await client.updateDelegate(jobId, { ...which, ...given, by: 'cli', ...why });
  return stored(invocation, { jobId, atom: which.atom, what: 'update' });
}

function stored(
  { output }: Invocation,
  { jobId, atom, what }: { readonly jobId: string; readonly atom: string; readonly what: string },
): number {
  output.rows(
    [{ jobId, atom, [what]: 'stored' }],
    [
      { title: 'ID', of: () => jobId },
      { title: 'ATOM', of: () => atom },
      { title: what.toUpperCase(), of: () => 'stored' },
    ],
  );
  return exitCodes.ok;
}

function delegateOf(
  { settings }: Invocation,
  [first = '', atom]: readonly string[],
  { attempt: attemptWanted, round: roundWanted }: Pick<Flags, 'attempt' | 'round'>,
): { readonly jobId: string; readonly atom: string; readonly attempt?: number; readonly round?: number } {
  if (atom !== undefined)
    return {
      ...{ jobId: first, atom },
      ...(attemptWanted !== undefined && { attempt: Number(attemptWanted) }),
      ...(roundWanted !== undefined && { round: Number(roundWanted) }),
    };
  if (attemptWanted !== undefined || roundWanted !== undefined)
    throw new InputError(
      'BATON_INPUT_INVALID',
      'a token is for one attempt: leave out --attempt and --round',
    );
  const keys = settings.maybe('delegate.keys');
  if (keys === undefined)
    throw new InputError(
      'BATON_INPUT_INVALID',
      'name the job and its atom; to know a token, this command needs the keys (delegate.keys)',
    );
  const requestId = new DelegateTokens(keys).requestOf(first);
  if (requestId === undefined)
    throw new NotFoundError('BATON_NOT_FOUND_DELEGATE', 'this is no token of these keys');
  const which = { atom: atomNameOf(requestId), attempt: attemptOf(requestId), round: roundOf(requestId) };
  return { jobId: flowIdOf(requestId), ...which };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function jsonOf(flag: string, text: string) {
  try {
    return JSON.parse(text) as null;
  } catch {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${flag} is no JSON: ${text}; a text is quoted twice: '"yes"'`,
    );
  }
}
