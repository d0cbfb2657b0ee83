/** How a run begins, stops and goes on (engine.md sections 10 and 13). Each answers whether anything was changed. */
import { assertNever, ConflictError } from '@baton/core';
import { finish } from './finish.js';
import { revertAll } from './resolve.js';
import { reissue } from './schedule.js';
import type { TurnDraft } from './turn-draft.js';

/** From every stored state to RUNNING (E-1315 to E-1319). */
export function run(turn: TurnDraft): boolean {
  const { state } = turn;
  switch (state.flow) {
    case 'CANCELLED':
      return false;
    case 'PENDING':
    case 'SUCCESS':
      break;
    case 'FAILURE':
      checkNotHalfUndone(turn);
      break;
    case 'REVERTED':
      turn.fact({ fact: 'scope', to: 'RESET' });
      turn.flow('PENDING');
      break;
    case 'RUNNING':
    case 'SUSPENDING':
      turn.flow('RESUMING');
      turn.flow('SUSPENDED');
      break;
    case 'RESUMING':
      turn.flow('SUSPENDED');
      break;
    case 'SUSPENDED':
      break;
    default:
      return assertNever(state.flow);
  }
  turn.flow('RUNNING');
  reissue(turn);
  return true;
}

/** A new owner: nothing changes, but it has to know what is outstanding. */
export function adopt(turn: TurnDraft): boolean {
  const { flow } = turn.state;
  if (flow !== 'RUNNING' && flow !== 'SUSPENDING') return false;
  reissue(turn);
  return true;
}

export function suspend(turn: TurnDraft): boolean {
  if (turn.state.flow !== 'RUNNING') return false;
  turn.flow('SUSPENDING');
  return true;
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

/** Undoes a finished flow (E-1323). */
export function revertFinished(turn: TurnDraft): boolean {
  const { flow } = turn.state;
  if (flow !== 'SUCCESS' && flow !== 'FAILURE') return false;
  checkNotHalfUndone(turn);
  turn.flow('RUNNING');
  revertAll(turn);
  return true;
}

function abortExecutions(turn: TurnDraft): void {
  for (const [requestId, id] of turn.state.outstanding)
    if (turn.run(id).state === 'RUNNING' && turn.run(id).timer === undefined)
      turn.command({ type: 'abort', atom: turn.node(id).name, requestId });
}

/** Running again would hide what is still in place (E-1310). */
function checkNotHalfUndone({ state }: TurnDraft): void {
  const failed = Array.from(state.revertFailed, (id) => state.compiled.nodes[id]?.name);
  if (failed.length > 0)
    throw new ConflictError(
      'BATON_CONFLICT_HALF_UNDONE',
      `reverting ${failed.join(', ')} of ${state.flowId} failed; it runs again only after the revert was retried or accepted`,
    );
}
