import {
  attemptOf,
  type DelegateProgress,
  type Environment,
  type Fact,
  type Failure,
  failureOf,
  familyOf,
  type JsonValue,
  toFailure,
  type Value,
} from '@baton/core';
import {
  type AnyRun,
  type Event,
  isAwaited,
  isOpenChild,
  isOpenDelegate,
  stepAny,
  type Turn,
  undoRequestOf,
} from '@baton/engine';
import type { NumberedCommand } from '@baton/persistence';
import type { OwnedState } from './owned-state.js';

/** Why nothing comes of a command. */
interface Refusal {
  readonly refused: string;
}

/** Commands this version does not know are recorded and change nothing: a newer client may be about. */
export function eventOf(
  command: NumberedCommand,
  state: OwnedState,
  nowMs: number,
): Event | Refusal | undefined {
  const { run } = state;
  switch (command.command) {
    case 'cancel':
      return { type: 'cancel', revert: revertOf(command) };
    case 'stop':
      return stopOf(command);
    case 'suspend':
      return isObeyed('suspend', command, state) ? suspension(command.arguments ?? {}) : undefined;
    case 'resume':
      return isObeyed('resume', command, state) ? resumption(command.arguments ?? {}) : undefined;
    case 'rerun':
    case 'skip':
    case 'revert':
      return repairOf(command, command.command);
    case 'revert-retry':
      return repairOf(command, 'retryRevert');
    case 'revert-accept':
      return repairOf(command, 'acceptRevert');
    case 'answer-delegate':
      return answerOf(command, run);
    case 'extend-delegate':
      return extensionOf(command.arguments ?? {}, nowMs);
    case 'pause-delegate':
    case 'resume-delegate':
      return delegateChanged(command, run);
    case 'event':
      return eventArrived(command, state);
    case 'child-settled':
      return childSettled(command.arguments ?? {}, run);
    case 'child-changed':
      return childChanged(command.arguments ?? {}, run);
    default:
      return undefined;
  }
}

function suspension({ isShared }: Readonly<Record<string, JsonValue>>): Event {
  return { type: 'suspend', isShared: isShared === true };
}

function resumption({ env }: Readonly<Record<string, JsonValue>>): Event {
  return { type: 'resume', ...(isRecord(env) && { env: env as Environment }) };
}

function revertOf({ arguments: given }: NumberedCommand): boolean | 'always' {
  const revert = given?.['revert'];
  return revert === 'always' ? revert : revert !== false;
}

function stopOf({ arguments: given, reason }: NumberedCommand): Event | undefined {
  const outcome = given?.['state'];
  if (outcome !== 'SUCCESS' && outcome !== 'FAILURE') return undefined;
  return { type: 'stop', outcome, ...(reason !== undefined && { message: reason }) };
}

/** What its giver has tried on the run as it was (`repairJob` of @baton/client). */
function repairOf({ arguments: given, by, reason }: NumberedCommand, type: Event['type']): Event {
  const who = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
  return { ...given, ...who, type } as Event;
}

/** The engine refuses what a person wants of a run that is not in the state for it, before it changes anything. */
export function stepped(run: AnyRun, event: Event): Turn | Refusal {
  try {
    return stepAny(run, event);
  } catch (error) {
    if (familyOf(error) !== 'conflict') throw error;
    return { refused: toFailure(error).message };
  }
}

function extensionOf(
  { requestId, dueAtMs }: Readonly<Record<string, JsonValue>>,
  nowMs: number,
): Event | undefined {
  if (typeof requestId !== 'string' || typeof dueAtMs !== 'number') return undefined;
  return { type: 'extended', requestId, delayMs: Math.max(0, dueAtMs - nowMs) };
}

function delegateChanged(
  { command, arguments: given = {} }: NumberedCommand,
  run: AnyRun,
): Event | undefined {
  const { requestId } = given;
  if (typeof requestId !== 'string' || !isOpenDelegate(run, requestId)) return undefined;
  return {
    ...{ type: 'delegateChanged', requestId },
    state: command === 'pause-delegate' ? 'SUSPENDED' : 'RUNNING',
  };
}

/** Sent from outside; which of its waits it ends is seen when it is applied. */
function eventArrived(
  { n, arguments: given = {} }: NumberedCommand,
  { run, missed }: OwnedState,
): Event | Refusal | undefined {
  const { name, key, value, first = n } = given;
  if (typeof name !== 'string' || typeof key !== 'string' || !isValue(value)) return undefined;
  if (typeof first !== 'number') return undefined;
  // told again to two waits, it ends those there are when the first of these commands is applied
  if (first !== n && !missed.has(first)) return { refused: 'the event has ended a wait before' };
  const event = { name, key };
  // noted at once: the same turn may take the next one in
  if (isAwaited(run, event)) missed.delete(first);
  else missed.add(first);
  return missed.has(first)
    ? { refused: 'nothing waited for the event' }
    : { type: 'eventArrived', event, value };
}

/** Of what no delegate waits for, or nobody understands, nothing is made; tasks are answered by their workers alone. */
function answerOf({ arguments: given = {}, reason }: NumberedCommand, run: AnyRun): Event | undefined {
  const { requestId, value, failure, cancelled } = given;
  if (typeof requestId !== 'string' || !isOpenDelegate(run, requestId)) return undefined;
  if (cancelled === true) {
    const why = failureOf('DELEGATE_CANCELLED', reason ?? 'nobody will answer', { retryable: false });
    return { type: 'cancelled', requestId, failure: why };
  }
  return outcomeOf(requestId, value, failure);
}

/** One that is told again, or that nobody waits for any more, changes nothing. */
function childSettled(given: Readonly<Record<string, JsonValue>>, run: AnyRun): Event | undefined {
  const { requestId, value, failure, cancelled } = given;
  if (typeof requestId !== 'string') return undefined;
  const undoRequestId = undoRequestOf(run, requestId);
  if (undoRequestId !== undefined) return childUndone(given, undoRequestId);
  if (!isOpenChild(run, requestId)) return undefined;
  return cancelled === true ? { type: 'childCancelled', requestId } : outcomeOf(requestId, value, failure);
}

/** What ended before it was told to be undone says nothing of that; `stuck`: it will never be run again. */
function childUndone(
  { undo, failure, stuck }: Readonly<Record<string, JsonValue>>,
  requestId: string,
): Event | undefined {
  if (undo !== attemptOf(requestId) && stuck !== true) return undefined;
  return isFailure(failure) ? { type: 'failed', requestId, failure } : { type: 'completed', requestId };
}

function childChanged(
  { requestId, state, order }: Readonly<Record<string, JsonValue>>,
  run: AnyRun,
): Event | undefined {
  if (typeof requestId !== 'string' || !isOpenChild(run, requestId)) return undefined;
  const isKnown = state === 'SUSPENDED' || state === 'RUNNING';
  return isKnown ? { type: 'childChanged', requestId, state, order: Number(order ?? 0) } : undefined;
}

/** A person's is, always. */
function isObeyed(type: 'suspend' | 'resume', command: NumberedCommand, state: OwnedState): boolean {
  const order = orderOf(command);
  return order === undefined || state.obeys(type, order);
}

function orderOf({ arguments: given }: NumberedCommand): number | undefined {
  const order = given?.['order'];
  return typeof order === 'number' ? order : undefined;
}

function outcomeOf(requestId: string, value: unknown, failure: unknown): Event | undefined {
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

/** `refused`: why nothing came of it. */
export function commandFact(given: NumberedCommand, refused?: string): Fact {
  const { n, command, by, reason } = given;
  const order = orderOf(given);
  const first = given.arguments?.['first'];
  const progress = progressOf(given);
  return {
    fact: 'command',
    n,
    command,
    ...(progress && { progress }),
    ...(refused === undefined ? {} : { refused }),
    ...(typeof first === 'number' && { first }),
    ...(order === undefined ? {} : { order }),
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function progressOf({ command, arguments: given = {} }: NumberedCommand): DelegateProgress | undefined {
  const { requestId, fraction, note } = given;
  if (command !== 'progress-delegate' || typeof requestId !== 'string') return undefined;
  return {
    requestId,
    ...(typeof fraction === 'number' && { fraction }),
    ...(typeof note === 'string' && { note }),
  };
}
