import { type Fact, type Failure, failureOf, type JsonValue, type Value } from '@baton/core';
import { type AnyRun, type Event, isOpenDelegate } from '@baton/engine';
import type { NumberedCommand } from '@baton/persistence';

/** Commands this version does not know are recorded and change nothing: a newer client may be about. */
export function eventOf(command: NumberedCommand, run: AnyRun, nowMs: number): Event | undefined {
  switch (command.command) {
    case 'cancel':
      return { type: 'cancel', revert: command.arguments?.['revert'] !== false };
    case 'suspend':
    case 'resume':
      return { type: command.command };
    case 'answer-delegate':
      return answerOf(command, run);
    case 'extend-delegate':
      return extensionOf(command.arguments ?? {}, nowMs);
    default:
      return undefined;
  }
}

function extensionOf(
  { requestId, dueAtMs }: Readonly<Record<string, JsonValue>>,
  nowMs: number,
): Event | undefined {
  if (typeof requestId !== 'string' || typeof dueAtMs !== 'number') return undefined;
  return { type: 'extended', requestId, delayMs: Math.max(0, dueAtMs - nowMs) };
}

/** Of what no delegate waits for, or nobody understands, nothing is made; tasks are answered by their workers alone. */
function answerOf({ arguments: given = {}, reason }: NumberedCommand, run: AnyRun): Event | undefined {
  const { requestId, value, failure, cancelled } = given;
  if (typeof requestId !== 'string' || !isOpenDelegate(run, requestId)) return undefined;
  if (cancelled === true) {
    const why = failureOf('DELEGATE_CANCELLED', reason ?? 'nobody will answer', { retryable: false });
    return { type: 'cancelled', requestId, failure: why };
  }
  if (isFailure(failure)) return { type: 'failed', requestId, failure };
  return isValue(value) ? { type: 'completed', requestId, value } : undefined;
}

/** What becomes of a request that waits for a person (P-932), and of which atom. */
export function answerToParked({
  command,
  arguments: given,
}: NumberedCommand): { readonly atom: string; readonly answer: 'rerun' | 'fail' } | undefined {
  const atom = given?.['atom'];
  if (typeof atom !== 'string') return undefined;
  if (command === 'rerun-task') return { atom, answer: 'rerun' };
  return command === 'fail-task' ? { atom, answer: 'fail' } : undefined;
}

/** Our clients wrote it; the store is trusted as far as that. */
function isFailure(given: unknown): given is Failure {
  return isRecord(given) && typeof given['message'] === 'string' && Array.isArray(given['types']);
}

function isValue(given: unknown): given is Value {
  return isRecord(given) && ('data' in given || 'bytes' in given || 'ref' in given);
}

function isRecord(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null;
}

export function commandFact({ n, command, by, reason }: NumberedCommand): Fact {
  return {
    fact: 'command',
    n,
    command,
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}
