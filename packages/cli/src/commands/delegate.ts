/** `baton delegate …`: answers an atom that waits for a person or another system. */
import { InputError } from '@baton/core';
import type { DelegateAnswer } from '@baton/client';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';

interface Flags {
  readonly value?: string;
  readonly message?: string;
  readonly data?: string;
  readonly reason?: string;
  readonly attempt?: string;
}

const attempt =
  'which attempt it answers (default: the last one); with it the same answer may be given again';

export function addDelegateCommands(program: Command, run: Run): void {
  const delegate = program.command('delegate').description('atoms that wait for an answer from outside');
  delegate
    .command('complete <id> <atom>')
    .description('give the answer; the first one to an attempt counts')
    .option('--value <json>', 'what it gives (default: null)')
    .option('--attempt <n>', attempt)
    .option('--reason <text>', 'kept with the command')
    .action(
      run<Flags>((invocation, args, flags) =>
        answer(invocation, args, { value: jsonOf('--value', flags.value ?? 'null') }, flags),
      ),
    );
  delegate
    .command('fail <id> <atom>')
    .description('let it fail; its flow goes on from there')
    .requiredOption('--message <text>', 'why')
    .option('--data <json>', 'for conditions of the flow: self.failure.data')
    .option('--attempt <n>', attempt)
    .option('--reason <text>', 'kept with the command')
    .action(
      run<Flags>((invocation, args, flags) => {
        const { message = '', data } = flags;
        const failure = { message, ...(data !== undefined && { data: jsonOf('--data', data) }) };
        return answer(invocation, args, { failure }, flags);
      }),
    );
}

async function answer(
  invocation: Invocation,
  [jobId = '', atom = '']: readonly string[],
  given: DelegateAnswer,
  { reason, attempt: wanted }: Flags,
): Promise<number> {
  const client = await invocation.client();
  const which = wanted === undefined ? {} : { attempt: Number(wanted) };
  const why = reason === undefined ? {} : { reason };
  await client.answerDelegate(jobId, { atom, ...which, ...given, by: 'cli', ...why });
  invocation.output.rows(
    [{ jobId, atom, answer: 'stored' }],
    [
      { title: 'ID', of: () => jobId },
      { title: 'ATOM', of: () => atom },
      { title: 'ANSWER', of: () => 'stored' },
    ],
  );
  return exitCodes.ok;
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
