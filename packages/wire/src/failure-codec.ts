import type { Failure, FailurePhase } from '@baton/core';
import { baton } from '../gen/messages.js';
import { inverse } from './inverse.js';
import { parseJson, stringifyJson } from './json-text.js';

type V1Failure = baton.v1.Failure.$Properties;

const { FailurePhase: V1Phase } = baton.v1;
const phaseToWire: Record<FailurePhase, baton.v1.FailurePhase> = {
  decider: V1Phase.FAILURE_PHASE_DECIDER,
  arguments: V1Phase.FAILURE_PHASE_ARGUMENTS,
  queue: V1Phase.FAILURE_PHASE_QUEUE,
  execute: V1Phase.FAILURE_PHASE_EXECUTE,
  result: V1Phase.FAILURE_PHASE_RESULT,
  revert: V1Phase.FAILURE_PHASE_REVERT,
};
const phaseFromWire = inverse(phaseToWire);

export function encodeFailure(failure: Failure): V1Failure {
  return {
    ...failure,
    types: [...failure.types],
    phase: failure.phase === undefined ? V1Phase.FAILURE_PHASE_UNSPECIFIED : phaseToWire[failure.phase],
    causes: (failure.causes ?? []).map(encodeFailure),
    detailsJson: failure.details === undefined ? null : stringifyJson(failure.details),
  };
}

/** A phase this version does not know is left out: it only explains. (Nesting is bounded by the reader of protobufjs.) */
export function decodeFailure(failure: V1Failure): Failure {
  const { code, atom, attempt, round, worker, retryAfterMs, stack, causes, detailsJson } = failure;
  const phase = phaseFromWire.get(failure.phase ?? V1Phase.FAILURE_PHASE_UNSPECIFIED);
  return {
    version: 1,
    message: failure.message ?? '',
    types: failure.types ?? [],
    retryable: failure.retryable ?? false,
    ...(isSet(code) && { code }),
    ...(phase !== undefined && { phase }),
    ...(isSet(atom) && { atom }),
    ...(isSet(attempt) && { attempt }),
    ...(isSet(round) && { round }),
    ...(isSet(worker) && { worker }),
    ...(isSet(retryAfterMs) && { retryAfterMs }),
    ...(isSet(stack) && { stack }),
    ...(causes?.length && { causes: causes.map(decodeFailure) }),
    ...(isSet(detailsJson) && { details: parseJson(detailsJson, 'details of a failure') }),
  };
}

function isSet<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
