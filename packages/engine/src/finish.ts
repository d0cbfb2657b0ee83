import { type Failure, failureOf, type FlowFact, type FlowOutcome, InvariantError } from '@baton/core';
import type { RunState } from './run-state.js';
import { cancelTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';

/**
 * A failed revert, or any failure of a flow that resolves none (E-822) unless all of it is undone: nothing more is started. Without
 * resolution that holds in this run only: the next one goes on with what does not depend on the failed atom (E-1318).
 */
export function isFatal({ compiled, failedNow, revertFailed, revertingAll }: RunState): boolean {
  return revertFailed.size > 0 || (compiled.options.neverResolve && failedNow.size > 0 && !revertingAll);
}

/** Ends the run, or suspends it, once nothing is outstanding and nothing may start (E-817 to E-821). */
export function finishIfOver(turn: TurnDraft): void {
  const { state } = turn;
  if ((state.flow !== 'RUNNING' && state.flow !== 'SUSPENDING') || state.outstanding.size > 0) return;
  if (isFatal(state)) return finish(turn, 'FAILURE');
  const { timers, readiness, withdrawn, waiting } = state;
  if (timers.size > 0 || readiness.ready.size > 0 || withdrawn.size > 0 || waiting.size > 0) {
    if (state.flow !== 'SUSPENDING') return;
    turn.flow('SUSPENDED');
    return turn.command({ type: 'suspended' });
  }
  if (isLeftFailed(state)) return finish(turn, 'FAILURE');
  if (state.unfinished > 0) checkUndone(state);
  const outcome = state.unfinished === 0 ? 'SUCCESS' : 'REVERTED';
  turn.entering(outcome);
  finish(turn, outcome);
}

export function finish(
  turn: TurnDraft,
  outcome: FlowOutcome,
  more?: Pick<FlowFact, 'message' | 'isStopped'>,
): void {
  for (const id of [...turn.state.timers.keys()]) cancelTimer(turn, id);
  turn.flow(outcome, more);
  tellEnd(turn, outcome);
}

export function tellEnd(turn: TurnDraft, outcome: FlowOutcome): void {
  const failures = outcome === 'SUCCESS' ? [] : failuresOf(turn.state);
  turn.command({ type: 'finish', outcome, failures });
}

/** Failed, never resolved, and not undone since. */
function isLeftFailed({ compiled, failed, runs }: RunState): boolean {
  return compiled.options.neverResolve && [...failed].some((id) => runs[id]?.state === 'FAILURE');
}

/**
 * Of a run that a person had fail, what he said of it; then failures recorded on atoms, those of `execute` first, each in the order they came (E-809,
 * E-1115).
 */
export function failuresOf(state: RunState): readonly Failure[] {
  const executes = Array.from(state.failed, (id) => state.runs[id]?.failure);
  const reverts = Array.from(state.revertFailed, (id) => state.runs[id]?.undo.failure);
  const { flow, message } = state;
  const said = flow === 'FAILURE' && message !== undefined ? failureOf('FAILED', message) : undefined;
  return [said, ...executes, ...reverts].filter((failure) => failure !== undefined);
}

/** Unfinished atoms and nothing left to do can only mean that a scope was undone; else the engine lost one on the way. */
function checkUndone(state: RunState): void {
  if (state.runs.some((run) => run?.intention === 'REVERT')) return;
  const stuck = [...state.compiled.atoms.values()].find(({ id }) => state.runs[id]?.state === 'PENDING');
  throw new InvariantError(
    'BATON_INVARIANT_UNREACHABLE',
    `${state.flowId} is stuck: ${stuck?.name ?? 'an atom'} can never start, and nothing is outstanding`,
  );
}
