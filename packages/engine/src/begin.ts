/** How a run begins, stops and goes on (engine.md sections 10 and 13). Each answers whether anything was changed. */
import { assertNever, ConflictError, flowOutcomes } from '@baton/core';
import { finish, tellEnd } from './finish.js';
import type { RevertEvent } from './protocol.js';
import { repairRevert } from './repair-revert.js';
import { resolve, revertAll } from './resolve.js';
import type { StopEvent } from './protocol.js';
import { reissue } from './schedule.js';
import type { TurnDraft } from './turn-draft.js';
import { abortOpening } from './waiting.js';

/**
 * From every stored state to RUNNING (E-1315 to E-1319). What was left unresolved is resolved first, then everything that is
 * outstanding is asked for again, in one round with what is ready (E-811, E-1303, E-1308).
 */
export function run(turn: TurnDraft): boolean {
  const { state } = turn;
  if (state.flow === 'CANCELLED') return false;
  if (state.flow === 'FAILURE') checkNotHalfUndone(turn);
  prepare(turn);
  turn.flow('RUNNING');
  takeUp(turn);
  return true;
}

/** E-803. Nothing may start before `run`. */
export function prepare(turn: TurnDraft): false {
  switch (turn.state.flow) {
    case 'REVERTED':
      resetAll(turn);
      break;
    case 'RUNNING':
    case 'SUSPENDING':
      turn.flow('RESUMING');
      turn.flow('SUSPENDED');
      break;
    case 'RESUMING':
      turn.flow('SUSPENDED');
      break;
    case 'PENDING':
    case 'SUCCESS':
    case 'FAILURE':
    case 'SUSPENDED':
    case 'CANCELLED':
      break;
    default:
      return assertNever(turn.state.flow);
  }
  return false;
}

/** E-806: checked before anything is changed. */
export function reset(turn: TurnDraft): false {
  const { flow, flowId } = turn.state;
  if (flow !== 'PENDING' && flow !== 'SUCCESS' && flow !== 'REVERTED')
    throw new ConflictError(
      'BATON_CONFLICT_NOT_RESETTABLE',
      `${flowId} is ${flow}; only a flow that is done can be reset`,
    );
  resetAll(turn);
  return false;
}

function resetAll(turn: TurnDraft): void {
  turn.fact({ fact: 'scope', to: 'RESET' });
  if (turn.state.flow !== 'PENDING') turn.flow('PENDING');
}

/** E-1307, E-1312, then what is outstanding. */
export function takeUp(turn: TurnDraft): void {
  turn.entering('RESUMING');
  const { runs, compiled, outstanding, waiting } = turn.state;
  for (const id of [...turn.state.failed].toSorted((a, b) => a - b)) {
    const failure = runs[id]?.state === 'FAILURE' ? runs[id].failure : undefined;
    if (failure) resolve(turn, turn.node(id), failure);
  }
  for (const node of compiled.atoms.values()) {
    if (runs[node.id]?.state !== 'RETRYING') continue;
    turn.intention(node, 'EXECUTE');
    turn.fact({ fact: 'scope', of: node.name, to: 'RESET' });
  }
  for (const id of outstanding.members()) turn.reissued.push(id);
  for (const id of waiting) turn.reissued.push(id);
  // while the run was suspended nobody was told that he waits in vain
  turn.intentionsChanged ||= waiting.size > 0;
  turn.begins = true;
}

/** A new owner: nothing changes, but it has to know what is outstanding, were it only to tell the end. */
export function adopt(turn: TurnDraft): boolean {
  const { flow } = turn.state;
  const outcome = flowOutcomes.find((known) => known === flow);
  if (outcome !== undefined) tellEnd(turn, outcome);
  if (flow !== 'RUNNING' && flow !== 'SUSPENDING' && flow !== 'SUSPENDED') return false;
  reissue(turn);
  return flow !== 'SUSPENDED';
}

/** At the word of who may resume it: no delegate that is paused has it go on (E-1001). */
export function suspend(turn: TurnDraft): boolean {
  const { flow } = turn.state;
  if (flow !== 'RUNNING' && flow !== 'SUSPENDING' && flow !== 'SUSPENDED') return false;
  const paused = [...turn.state.paused];
  for (const id of paused) turn.fact({ fact: 'paused', atom: turn.node(id).name, state: 'RUNNING' });
  return turn.suspend() || paused.length > 0;
}

export function resume(turn: TurnDraft): boolean {
  const { flow } = turn.state;
  return flow === 'SUSPENDED' || flow === 'SUSPENDING' ? run(turn) : false;
}

/** C-1305. What runs is told to stop; what ran is undone, unless only the end is wanted. */
export function cancel(turn: TurnDraft, revert: boolean): boolean {
  const { flow } = turn.state;
  if (flow === 'SUCCESS' || flow === 'FAILURE' || flow === 'REVERTED' || flow === 'CANCELLED') return false;
  if (!revert) {
    abortExecutions(turn);
    finish(turn, 'CANCELLED');
    return false;
  }
  if (flow !== 'RUNNING') run(turn);
  revertAll(turn);
  abortExecutions(turn);
  return true;
}

/** C-1306. What runs is told to stop, as when it is cancelled; atoms that have not begun never do. */
export function stop(turn: TurnDraft, { outcome, message }: StopEvent): false {
  const { flow, flowId, revertingAll } = turn.state;
  if (flow === 'SUCCESS' || flow === 'FAILURE' || flow === 'REVERTED' || flow === 'CANCELLED') return false;
  if (revertingAll) throw beingUndone(flowId);
  if (flow === 'PENDING') turn.flow('RUNNING');
  abortExecutions(turn);
  finish(turn, outcome, { ...(message !== undefined && { message }), isStopped: true });
  return false;
}

export function beingUndone(flowId: string): ConflictError {
  return new ConflictError(
    'BATON_CONFLICT_NOT_REPAIRABLE',
    `${flowId} is being undone: let it end, or cancel it without revert to leave the rest in place`,
  );
}

/** Undoes a run wherever it stands, finished or stopped (E-1323); one that was undone already begins afresh, with nothing to undo. */
export function revertRun(turn: TurnDraft, { again = false }: RevertEvent): boolean {
  const { flow, revertFailed, compiled } = turn.state;
  if (flow === 'CANCELLED') return false;
  const failed = again ? Array.from(revertFailed, (id) => compiled.nodes[id]?.name ?? '') : [];
  for (const atom of failed) repairRevert(turn, { type: 'retryRevert', atom });
  if (failed.length > 0) return true;
  if (flow === 'FAILURE') checkNotHalfUndone(turn);
  prepare(turn);
  revertAll(turn);
  turn.flow('RUNNING');
  takeUp(turn);
  return true;
}

function abortExecutions(turn: TurnDraft): void {
  for (const id of turn.state.outstanding.members()) {
    const { state, timer, requestId } = turn.run(id);
    const node = turn.node(id);
    if (turn.state.waiting.has(id)) abortOpening(turn, node);
    else if (state === 'RUNNING' && timer === undefined && requestId !== undefined)
      turn.command({ type: 'abort', atom: node.name, requestId });
  }
}

/** Running again would hide what is still in place (E-1310). */
export function checkNotHalfUndone({ state }: TurnDraft): void {
  const failed = Array.from(state.revertFailed, (id) => state.compiled.nodes[id]?.name);
  if (failed.length > 0)
    throw new ConflictError(
      'BATON_CONFLICT_HALF_UNDONE',
      `reverting ${failed.join(', ')} of ${state.flowId} failed; it runs again only after the revert was retried or accepted`,
    );
}
