/** Undoing a run: in reverse order of the ways that control took, as much at a time as may be (C-1321, C-1322). */
import { type ActivationFact, failureOf } from '@baton/core';
import { noteOf } from '../operator-note.js';
import type { Outcome, RepairEvent } from '../protocol.js';
import { requestCommandOf } from './routed-request.js';
import { type Activation, activationOf, findUnit, isItem, type Item, type Rollback } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';

/** The next thing to do about it; undefined: nothing, for now. After a revert that failed nothing more is undone, as in an ordered flow. */
export function nextToUndo(turn: RoutedTurn, rollback: Rollback): (() => void) | undefined {
  if (rollback.failed.size > 0) return undefined;
  for (const [id, left] of rollback.fanOuts) {
    const activation = activationOf(turn.state, id);
    const { fanOut, limits } = activation;
    const item = fanOut?.items[left.at(-1) ?? -1];
    const running = fanOut?.running ?? 0;
    if (item && running < (limits.parallel ?? Infinity)) return () => begin(turn, item);
    if (!item && running === 0) return () => turn.activation(activation, 'REVERTED');
  }
  const [id] = rollback.ready;
  return id === undefined ? undefined : () => begin(turn, activationOf(turn.state, id));
}

function begin(turn: RoutedTurn, unit: Activation | Item, more: Pick<ActivationFact, 'note'> = {}): void {
  turn.activation(unit, 'REVERTING', { ...(unit.reverts > 0 && { attempt: unit.reverts + 1 }), ...more });
  if (unit.requestId !== undefined) turn.command(requestCommandOf(turn.state, unit));
}

/** A revert has ended. */
export function undone(turn: RoutedTurn, unit: Activation | Item, outcome: Outcome): void {
  if (!('failure' in outcome)) {
    if (unit.runs.length <= 1) return turn.activation(unit, 'REVERTED');
    return begin(turn, unit);
  }
  const { failure } = outcome;
  const phase = failure.phase ?? 'revert';
  turn.activation(unit, 'REVERT_FAILURE', { failure: { ...failure, phase, atom: unit.id } });
}

/**
 * A person has what could not be undone reverted once more (E-1321), or takes it as undone (E-1322): an activation, an item, or all items of a fan-out that
 * failed. When no failed revert is left, the run goes on from where it stood; else it ends as FAILURE again. Anything else: nothing.
 */
export function repairUndo(turn: RoutedTurn, { type, atom, ...given }: RepairEvent): void {
  const { state } = turn;
  const failed = findUnit(state, atom);
  if (failed?.state !== 'REVERT_FAILURE' || (state.flow !== 'FAILURE' && state.flow !== 'RUNNING')) return;
  if (state.flow === 'FAILURE') turn.flow('RUNNING');
  const fanOut = isItem(failed) ? failed.parent : failed.fanOut && failed;
  const units = isItem(failed) ? [failed] : (failed.fanOut?.items ?? [failed]);
  if (fanOut?.state === 'REVERT_FAILURE') turn.activation(fanOut, 'REVERTING');
  for (const unit of units) {
    if (unit.state !== 'REVERT_FAILURE') continue;
    if (type === 'acceptRevert') turn.activation(unit, 'REVERTED', noteOf(given));
    else begin(turn, unit, noteOf(given));
  }
}

/** Of items of which not all could be undone, the failure of the whole. */
export function giveUpFanOuts(turn: RoutedTurn, rollback: Rollback): void {
  for (const id of [...rollback.fanOuts.keys()]) {
    const failure = failureOf('ITEMS_NOT_UNDONE', `of ${id} not all items were undone`, { phase: 'revert' });
    turn.activation(activationOf(turn.state, id), 'REVERT_FAILURE', { failure: { ...failure, atom: id } });
  }
}

export function isUndone({ ready, fanOuts, failed }: Rollback): boolean {
  return failed.size > 0 || (ready.size === 0 && fanOuts.size === 0);
}
