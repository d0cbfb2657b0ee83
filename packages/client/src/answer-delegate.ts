/** Answering a delegate: an atom that waits for a person or another system. The first answer to an attempt counts (C-1108, C-1109). */
import { failureOf, InputError, type JsonValue, valueLimits } from '@baton/core';
import { answerFault, encodeUserValue, type Expects } from '@baton/flow';
import type { JobBoard } from '@baton/jobboard';
import type { OperatorCommand, Persistence } from '@baton/persistence';
import { checkWaiting, type Clocks, type DelegateAttempt, meant } from './delegates.js';
import { type CommandOptions, giveCommand } from './give-command.js';
import type { JobReport } from './job-report.js';

/** What it gives, why it fails, or that nobody wants it any more: then it is CANCELLED, and so is its flow (C-426); in an ordered flow it has failed. */
export type DelegateAnswer =
  { readonly value: unknown } | { readonly failure: DelegateFailure } | { readonly cancelled: true };

export interface DelegateFailure {
  /** For `retry-on` and `stop-on`. */
  readonly type?: string;
  readonly message: string;
  /** For expressions: `self.failure.data`. */
  readonly data?: JsonValue;
}

/** Only an answer that names its attempt, and of an ordered flow its round, can be repeated safely: a failure may open the next one at once. */
export type AnswerDelegateOptions = DelegateAttempt & Pick<CommandOptions, 'by' | 'reason'> & DelegateAnswer;

interface Services extends Clocks {
  readonly board: JobBoard;
  readonly persistence: Persistence;
}

/**
 * Stores the answer; gives the number of the command.
 * @throws NotFoundError `BATON_NOT_FOUND_ATOM`; ConflictError `BATON_CONFLICT_NOT_WAITING`, `BATON_CONFLICT_KEY_REUSED` when that attempt
 *   has been given another answer; InputError `BATON_INPUT_INVALID` also for a value that is not as expected, `BATON_INPUT_TOO_LARGE`; and what
 *   `giveCommand` does
 */
export async function answerDelegate(
  services: Services,
  report: JobReport,
  { atom, attempt, round, by, reason, ...answer }: AnswerDelegateOptions,
): Promise<number> {
  const { jobId } = report;
  const which = { atom, ...(attempt !== undefined && { attempt }), ...(round !== undefined && { round }) };
  const { requestId, ...delegate } = meant(report, which);
  const command: OperatorCommand = {
    command: 'answer-delegate',
    arguments: { requestId, ...(await answerData(services, answer, delegate.unit.expects)) },
  };
  const check = () => checkWaiting(services, report, delegate);
  const who = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
  return giveCommand(services, { jobId, command, options: { ...who, key: `answer ${requestId}` }, check });
}

/** It stands in the journal itself, as the failures of tasks do. */
function checkSize(data: JsonValue | undefined): void {
  const bytes = data === undefined ? 0 : Buffer.byteLength(JSON.stringify(data));
  const max = valueLimits.inlineBytesMax;
  if (bytes > max)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `the data of the failure have ${bytes} bytes; at most ${max} are allowed`,
    );
}

async function answerData(
  { persistence }: Services,
  answer: DelegateAnswer,
  expects: Expects | undefined,
): Promise<Readonly<Record<string, JsonValue>>> {
  if (['value', 'failure', 'cancelled'].filter((kind) => kind in answer).length !== 1)
    throw new InputError(
      'BATON_INPUT_INVALID',
      'answerDelegate takes a value, a failure or cancelled, one of them',
    );
  if ('cancelled' in answer) return { cancelled: true };
  if ('failure' in answer) return { failure: failureData(answer.failure) };
  const encoded = encodeUserValue(answer.value, 'value');
  if ('problem' in encoded) throw new InputError('BATON_INPUT_INVALID', `the answer: ${encoded.problem}`);
  const { value } = encoded;
  const fault = expects && answerFault(expects, 'data' in value ? value.data : undefined);
  if (fault !== undefined) throw new InputError('BATON_INPUT_INVALID', `the answer: ${fault}`);
  return { value: { ...(await persistence.payloads.externalise(value)) } as JsonValue };
}

function failureData({ type, message, data }: DelegateFailure): JsonValue {
  checkSize(data);
  const failure = failureOf('DELEGATE_FAILED', message, data === undefined ? {} : { details: data });
  const types = type === undefined ? failure.types : [type, ...failure.types];
  return JSON.parse(JSON.stringify({ ...failure, types })) as JsonValue;
}
