/** The attempt policy of a task: repeats without any revert, unlike a retry controller (S11). */
import type { Failure } from '@baton/core';
import { failureIs } from '@baton/core';
import type { AttemptPolicy } from '@baton/flow';
import { evaluateBuiltIn, isBuiltIn } from './built-in-tasks.js';
import type { Command, ExecuteCommand, RevertCommand } from './protocol.js';
import { settle } from './settle.js';
import type { TaskNode } from './compiled.js';
import { requestOf } from './request.js';
import { backoffMs } from './retry-controllers.js';
import { cancelTimer, startTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';

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
  else submitAttempt(turn, node);
  return true;
}

/** The request of a running task; inputs that cannot be found are a failure of the atom like any other (E-807). */
export function submitAttempt(turn: TurnDraft, node: TaskNode): void {
  const request = requestOf(turn, node);
  if ('failure' in request) return settle(turn, node, request);
  const { command } = request;
  turn.command(isBuiltIn(command.task) ? evaluated(command) : command);
}

/** What the engine does itself has no worker to be asked, and nothing to undo. */
function evaluated({ type, atom, requestId, task, args }: ExecuteCommand | RevertCommand): Command {
  const outcome = type === 'revert' ? {} : evaluateBuiltIn(task, args);
  return { type: 'evaluated', atom, requestId, outcome: 'sleepMs' in outcome ? {} : outcome };
}

/**
 * Tasks that wait for another attempt which nobody wants any more end with the failure of the last one. They are looked through only
 * when an intention changed, not at every event.
 */
export function giveUpWaiting(turn: TurnDraft): void {
  if (!turn.intentionsChanged) return;
  turn.intentionsChanged = false;
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
