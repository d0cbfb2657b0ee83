/** Failures of an attempt, as the journal keeps them. */
import {
  failureOf,
  toFailure,
  type BatonError,
  type Failure,
  type FailurePhase,
  type TaskRequest,
} from '@baton/core';
import type { AbortKind } from './abort-reason.js';
import type { AttemptEnd } from './attempt.js';

export type Outcome = Pick<AttemptEnd, 'outcome' | 'sizeBytes'>;

/** What it was first told to stop for. */
export interface Aborted {
  readonly kind: AbortKind;
  readonly reason: BatonError;
}

export interface Place {
  readonly request: TaskRequest;
  readonly worker: string;
}

/** Codes of the failure of an attempt that did not end well after it was told to stop. */
const ABORT_CODES: Readonly<Record<AbortKind, string>> = {
  timeout: 'TIMEOUT',
  cancel: 'CANCELLED',
  lost: 'WORKER_LOST',
  drain: 'WORKER_DRAINED',
};

/** Above this a failure loses its stacks and causes: they are for people, and a message has a limit. */
const FAILURE_BYTES_MAX = 64 * 1024;

/** Before the body is called: nothing was done, so nothing will be undone (E-861). A revert that did not begin has failed like any other. */
export function unbegunPhase({ action }: Pick<TaskRequest, 'action'>): FailurePhase {
  return action === 'execute' ? 'queue' : action;
}

export function statedFailure(
  place: Place,
  code: string,
  message: string,
  { phase = place.request.action, retryable }: { readonly phase?: FailurePhase; readonly retryable: boolean },
): Outcome {
  return sized(failureOf(code, message, { ...fieldsOf(place, phase), retryable }));
}

export function thrownFailure(place: Place, thrown: unknown): Outcome {
  return sized({ ...toFailure(thrown), ...fieldsOf(place, place.request.action) });
}

/** Why it was told to stop, with what was thrown then, if anything else, as the cause. */
export function abortFailure(
  place: Place,
  { kind, reason }: Aborted,
  { phase, thrown }: { readonly phase: FailurePhase; readonly thrown?: unknown },
): Outcome {
  const stated = failureOf(ABORT_CODES[kind], reason.message, {
    ...fieldsOf(place, phase),
    retryable: kind !== 'cancel',
  });
  const echoes = thrown === undefined || thrown === reason;
  return sized(echoes ? stated : { ...stated, causes: [toFailure(thrown)] });
}

function fieldsOf({ request, worker }: Place, phase: FailurePhase) {
  return { phase, atom: request.atom, attempt: request.attempt, round: request.round, worker };
}

function sized(failure: Failure): Outcome {
  const sizeBytes = Buffer.byteLength(JSON.stringify(failure));
  if (sizeBytes <= FAILURE_BYTES_MAX) return { outcome: { failure }, sizeBytes };
  const { stack: _stack, causes: _causes, details: _details, ...essential } = failure;
  return { outcome: { failure: essential }, sizeBytes: Buffer.byteLength(JSON.stringify(essential)) };
}
