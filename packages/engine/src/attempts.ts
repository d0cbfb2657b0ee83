/** The attempt policy of a task: repeats without any revert, unlike a retry controller (S11). */
import { type Failure, failureIs, failureOf } from '@baton/core';
import type { AttemptPolicy } from '@baton/flow';
import { evaluateBuiltIn, isBuiltIn } from './built-in-tasks.js';
import type { Command, ExecuteCommand, Outcome, RevertCommand } from './protocol.js';
import { settle } from './settle.js';
import type { AtomNode, TaskNode } from './compiled.js';
import { requestOf } from './request.js';
import { backoffMs } from './retry-controllers.js';
import { cancelTimer, startTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';
import { stopWaiting, wait } from './waiting.js';
import { unanswered, waitOf, waitTimerOf } from './waits.js';

/** Begins another attempt after a failed one, if the policy has one left; false: the failure stands. While suspending too: a
 * running task finishes, all its attempts included. */
export function tryAgain(turn: TurnDraft, node: TaskNode, failure: Failure): boolean {
  const run = turn.run(node.id);
  const { attempts: policy } = node.task;
  if (!policy || run.state !== 'RUNNING' || run.intention !== 'EXECUTE') return false;
  if (run.tries.count >= policy.max || !isWorthRepeating(policy, failure)) return false;
  const delayMs = delayOf(policy, run.tries.count, failure);
  const attempt = run.execute.attempt + 1;
  turn.fact({ fact: 'attempt', atom: node.name, attempt, failure });
  if (delayMs > 0) startTimer(turn, node, `${node.name}/${run.execute.round}.${attempt}`, delayMs);
  // what waits for an answer is told of one while the run is suspended; the next one it begins to wait for when the run goes on
  else if (turn.state.flow !== 'SUSPENDED') submitAttempt(turn, node);
  return true;
}

/** The attempt of a task has ended: another one follows, or something is made of it. */
export function concluded(turn: TurnDraft, node: AtomNode, outcome: Outcome): void {
  if (node.kind === 'task') {
    if (turn.state.waiting.has(node.id)) stopWaiting(turn, node);
    if ('failure' in outcome && tryAgain(turn, node, outcome.failure)) return;
  }
  settle(turn, node, outcome);
}

/** An atom that waits goes on to do so, begins to, or has waited long enough; what comes due while the run is suspended is held until then (C-1029). */
export function waitOn(turn: TurnDraft, node: TaskNode): void {
  const { timer, waited, execute } = turn.run(node.id);
  const { flow } = turn.state;
  if (waited && flow === 'RUNNING') {
    const isAnswer = waitOf(node) === 'answer';
    return concluded(turn, node, isAnswer ? { failure: unanswered(node.name) } : {});
  }
  const isDelayed = timer !== undefined && timer !== waitTimerOf(node, execute);
  const isHeld = timer === undefined && !waited && flow === 'SUSPENDED';
  if (!isDelayed && !isHeld) submitAttempt(turn, node);
}

/** The request of a running task; inputs that cannot be found are a failure of the atom like any other (E-807). */
export function submitAttempt(turn: TurnDraft, node: TaskNode): void {
  const isWait = waitOf(node) !== undefined;
  // what somebody outside answered is not ours to undo
  if (isWait && turn.run(node.id).state === 'REVERTING') return settle(turn, node, {});
  const request = requestOf(turn, node);
  if ('failure' in request) return settle(turn, node, request);
  const { command } = request;
  if (isWait && command.type === 'execute') {
    const outcome = wait(turn, node, command);
    return outcome && settle(turn, node, outcome);
  }
  turn.command(isBuiltIn(command.task) ? evaluated(command) : command);
}

/** What the engine does itself has no worker to be asked, and nothing to undo. */
function evaluated({ type, atom, requestId, task, args }: ExecuteCommand | RevertCommand): Command {
  const outcome = type === 'revert' ? {} : evaluateBuiltIn(task, args);
  return { type: 'evaluated', atom, requestId, outcome: 'sleepMs' in outcome ? {} : outcome };
}

/**
 * Tasks that wait for another attempt which nobody wants any more end with the failure of the last one; what waits for an answer, an event or a time
 * ends cancelled. They are looked through only when an intention changed, not at every event.
 */
export function giveUpWaiting(turn: TurnDraft): void {
  if (!turn.intentionsChanged) return;
  turn.intentionsChanged = false;
  for (const id of turn.state.flow === 'RUNNING' ? [...turn.state.waiting] : []) {
    const node = turn.node(id);
    if (node.kind === 'task' && turn.run(id).intention !== 'EXECUTE') close(turn, node);
  }
  for (const [timer, id] of [...turn.state.timers]) {
    const node = turn.node(id);
    const { state, intention, tries } = turn.run(id);
    const { lastFailure } = tries;
    if (node.kind !== 'task' || state !== 'RUNNING' || !lastFailure || intention === 'EXECUTE') continue;
    cancelTimer(turn, timer);
    settle(turn, node, { failure: lastFailure });
  }
  giveUpWaiting(turn);
}

/** Whoever decided that it is not wanted is not asked what to make of that: it has not failed. */
function close(turn: TurnDraft, node: TaskNode): void {
  const { tries, execute, timer } = turn.run(node.id);
  const isDelayed = timer !== waitTimerOf(node, execute);
  stopWaiting(turn, node);
  const message = `${node.name} is not waited for any more`;
  const cancelled = failureOf('CANCELLED', message, { phase: 'execute', retryable: false, atom: node.name });
  const failure = isDelayed && tries.lastFailure ? tries.lastFailure : { ...cancelled, ...execute };
  turn.atom(node, 'FAILURE', { failure });
}

export function isWorthRepeating({ retryOn }: Pick<AttemptPolicy, 'retryOn'>, failure: Failure): boolean {
  return failure.retryable && (retryOn === undefined || failureIs(failure, ...retryOn));
}

export function delayOf(
  { delayMs = 0, backoff = 'constant' }: AttemptPolicy,
  tries: number,
  failure: Failure,
): number {
  const planned = backoffMs({ kind: backoff, initialMs: delayMs }, tries, '');
  return Math.max(planned, failure.retryAfterMs ?? 0);
}
