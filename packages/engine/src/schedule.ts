/** Starting what may start: tasks by requests to the driver, retry controllers in the engine itself (engine.md 8.4). */
import { toFailure } from '@baton/core';
import { settle } from './settle.js';
import { resolveArguments } from './arguments.js';
import { giveUpWaiting, submitAttempt, waitOn } from './attempts.js';
import type { AtomNode, NodeId, RetryNode } from './compiled.js';
import { decide } from './decide.js';
import { finishIfOver, isFatal } from './finish.js';
import type { Argument, Outcome } from './protocol.js';
import { readyFor } from './readiness.js';
import { backoffMs, controllerOf } from './retry-controllers.js';
import {
  attemptNumber,
  type AttemptNumber,
  neverBegan,
  roomOf,
  roundOf,
  type RunState,
} from './run-state.js';
import { cancelTimer, goOnLater, startTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';

/**
 * Starts whatever may start, round by round, until only answers can bring it on; then looks whether the run is over. A round goes
 * by priority, then document order (E-113, E-812), and each candidate is looked at again when its turn comes (E-848).
 */
export function advance(turn: TurnDraft): void {
  const { state } = turn;
  const { ready } = state.readiness;
  giveUpWaiting(turn);
  // while suspending deciders are still asked, though nothing is started (E-501)
  while (!isFatal(state) && (mayStart(state) || turn.reissued.length > 0 || turn.begins)) {
    const round = decide(turn);
    const idle = ready.size === 0 && turn.reissued.length === 0;
    if (!idle || turn.begins) turn.entering('SCHEDULING');
    // a run that begins passes through all states, though there is nothing to wait for
    if (idle && turn.begins) {
      turn.entering('WAITING');
      turn.entering('ANALYZING');
    }
    turn.begins = false;
    if (state.flow !== 'RUNNING') break;
    startRound(turn, round.atoms);
    giveUpWaiting(turn);
    if (round.isCut) {
      goOnLater(turn);
      break;
    }
  }
  dropReissues(turn);
  finishIfOver(turn);
}

function mayStart(state: RunState): boolean {
  return state.readiness.ready.size > 0 && roomOf(state) > 0;
}

/** An atom that is taken up again has its place in the first round like those that begin. */
function startRound(turn: TurnDraft, atoms: readonly NodeId[]): void {
  if (turn.reissued.length === 0) {
    for (const id of atoms) start(turn, turn.node(id));
    return;
  }
  const { places } = turn.state.compiled.roundOrder;
  const reissued = new Set(turn.reissued.splice(0));
  const all = [...atoms, ...reissued].sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  for (const id of all)
    if (reissued.has(id)) askAgain(turn, turn.node(id));
    else start(turn, turn.node(id));
}

/** Suspended before its first round: what was outstanding stays to be asked for. */
function dropReissues(turn: TurnDraft): void {
  for (const id of turn.reissued.splice(0))
    if (turn.state.outstanding.has(id)) turn.fact({ fact: 'withdrawn', atom: turn.node(id).name });
}

function askAgain(turn: TurnDraft, node: AtomNode): void {
  const { timer, requestId } = turn.run(node.id);
  if (node.kind === 'task' && turn.state.waiting.has(node.id)) return waitOn(turn, node);
  // one that waits for its next attempt is asked for when its timer fires; one that nobody wants any more was given up
  if (timer === undefined && requestId !== undefined) submit(turn, node);
}

/** Asks again for everything that is outstanding, under the same request ids (E-1303, E-1308). */
export function reissue(turn: TurnDraft): void {
  const { outstanding, waiting } = turn.state;
  for (const id of new Set([...outstanding.members(), ...waiting])) askAgain(turn, turn.node(id));
}

function start(turn: TurnDraft, node: AtomNode): void {
  switch (readyFor(turn.state, node.id)) {
    case 'execute':
      turn.atom(node, 'RUNNING', nextAttempt(turn, node, 'execute'));
      return submit(turn, node);
    case 'revert':
      return revert(turn, node);
    case 'retry':
      if (node.kind === 'retry') beginRound(turn, node);
      return;
    case undefined:
      return;
  }
}

function revert(turn: TurnDraft, node: AtomNode): void {
  const run = turn.run(node.id);
  if (run.timer !== undefined) cancelTimer(turn, run.timer);
  turn.atom(node, 'REVERTING', nextAttempt(turn, node, 'revert'));
  // the last attempt may have failed for want of a worker, and one before it have done something
  if (run.tries.began) return submit(turn, node);
  // its body was never called, so there is nothing to undo (E-861)
  if (neverBegan(run.failure?.phase)) turn.atom(node, 'REVERTED');
  else submit(turn, node);
}

/** The scope of a retry is clean and it shall try again: after its delay, all of it is reset and it executes (E-853). */
function beginRound(turn: TurnDraft, node: RetryNode): void {
  const { executions } = turn.retry(node);
  const { backoff } = node.retry;
  if (backoff && !turn.run(node.id).waited) {
    const id = `${node.name}/${executions}`;
    return startTimer(turn, node, id, backoffMs(backoff, executions, `${turn.state.flowId}/${id}`));
  }
  turn.atom(node, 'RETRYING');
  turn.intention(node, 'EXECUTE');
  turn.fact({ fact: 'scope', of: node.name, to: 'RESET' });
  turn.atom(node, 'RUNNING', nextAttempt(turn, node, 'execute'));
  submit(turn, node);
}

/** Rounds count the executions of the innermost controller; within one the attempts go up, so request ids never repeat. */
export function nextAttempt(turn: TurnDraft, node: AtomNode, action: 'execute' | 'revert'): AttemptNumber {
  const last = turn.run(node.id)[action];
  const round = roundOf(turn.state, node);
  return attemptNumber(round, last.round === round ? last.attempt + 1 : 1);
}

/** Has the method of an atom run that just entered RUNNING or REVERTING. */
export function submit(turn: TurnDraft, node: AtomNode): void {
  if (node.kind === 'retry') return submitRetry(turn, node);
  return submitAttempt(turn, node);
}

/** A controller is evaluated at once, in this turn; only in deterministic runs its answer waits in the queue (E-1404). */
function submitRetry(turn: TurnDraft, node: RetryNode): void {
  const { requestId = '' } = turn.run(node.id);
  const outcome = evaluate(turn, node);
  if (turn.state.deterministic) turn.command({ type: 'evaluated', atom: node.name, requestId, outcome });
  else settle(turn, node, outcome);
}

function evaluate(turn: TurnDraft, node: RetryNode): Outcome {
  const { state, failure, undo } = turn.run(node.id);
  const { flowFailures = {} } = undo;
  const action = state === 'REVERTING' ? 'revert' : 'execute';
  const resolved = resolveArguments(turn.state, node, action);
  if ('failure' in resolved) return resolved;
  const call = { args: resolved.args, history: turn.retry(node).history, failure };
  const controller = controllerOf(turn.state, node);
  try {
    if (action === 'execute') return valueOutcome(controller.execute(call));
    return valueOutcome(controller.revert?.({ ...call, flowFailures }));
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

function valueOutcome(value: Argument['value'] | undefined): Outcome {
  return value === undefined ? {} : { value };
}
