/** Answering a delegate: an atom that waits for a person or another system. The first answer to an attempt counts (C-1108, C-1109). */
import {
  ConflictError,
  failureOf,
  InputError,
  type JsonValue,
  NotFoundError,
  requestIdOf,
  valueLimits,
} from '@baton/core';
import { encodeUserValue } from '@baton/flow';
import type { JobBoard } from '@baton/jobboard';
import type { OperatorCommand, Persistence } from '@baton/persistence';
import { type CommandOptions, giveCommand } from './give-command.js';
import type { JobReport } from './job-report.js';

/** What it gives, or why it fails. */
export type DelegateAnswer = { readonly value: unknown } | { readonly failure: DelegateFailure };

export interface DelegateFailure {
  readonly message: string;
  /** For expressions: `self.failure.data`. */
  readonly data?: JsonValue;
}

export type AnswerDelegateOptions = Pick<CommandOptions, 'by' | 'reason'> & {
  /** As the job tells it: `approve`, `approve#2`, of a fan-out `approve[3]`. */
  readonly atom: string;
  /** Default: the last one. Only an answer that names its attempt can be repeated safely: a failure may open the next one at once. */
  readonly attempt?: number;
} & DelegateAnswer;

interface Services {
  readonly board: JobBoard;
  readonly persistence: Persistence;
}

/**
 * Stores the answer; gives the number of the command.
 * @throws NotFoundError `BATON_NOT_FOUND_ATOM`; ConflictError `BATON_CONFLICT_NOT_WAITING`, `BATON_CONFLICT_KEY_REUSED` when that attempt
 *   has been given another answer; InputError `BATON_INPUT_INVALID`, `BATON_INPUT_TOO_LARGE`; and what `giveCommand` does
 */
export async function answerDelegate(
  services: Services,
  report: JobReport,
  { atom, attempt: wanted, by, reason, ...answer }: AnswerDelegateOptions,
): Promise<number> {
  const { jobId } = report;
  const last = report.atoms.find(({ name }) => name === atom);
  if (!last) throw new NotFoundError('BATON_NOT_FOUND_ATOM', `job ${jobId} has no atom ${atom}, or not yet`);
  const attempt = wanted ?? last.attempt ?? 1;
  const requestId = requestIdOf({ flowId: jobId, atom, action: 'execute', round: 0, attempt });
  const command: OperatorCommand = {
    command: 'answer-delegate',
    arguments: { requestId, ...(await answerData(services, answer)) },
  };
  const check = (): Promise<void> => {
    if (last.delegate !== undefined && last.attempt === attempt) return Promise.resolve();
    const state = last.attempt === undefined ? last.state : `${last.state}, attempt ${last.attempt}`;
    const message = `${atom} of job ${jobId} waits for no answer to attempt ${attempt}: it is ${state}`;
    return Promise.reject(new ConflictError('BATON_CONFLICT_NOT_WAITING', message));
  };
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
): Promise<Readonly<Record<string, JsonValue>>> {
  if ('failure' in answer === 'value' in answer)
    throw new InputError('BATON_INPUT_INVALID', 'answerDelegate takes a value or a failure, one of them');
  if ('failure' in answer) {
    const { message, data } = answer.failure;
    checkSize(data);
    const failure = failureOf('DELEGATE_FAILED', message, data === undefined ? {} : { details: data });
    return { failure: JSON.parse(JSON.stringify(failure)) as JsonValue };
  }
  const encoded = encodeUserValue(answer.value, 'value');
  if ('problem' in encoded) throw new InputError('BATON_INPUT_INVALID', `the answer: ${encoded.problem}`);
  return { value: { ...(await persistence.payloads.externalise(encoded.value)) } as JsonValue };
}
