/** The part of `apply-routed-fact.ts` that is about undoing a run: what is left to undo, and in which order. */
import { type ActivationFact, type Failure, openRecord, requestIdOf, type RollbackFact } from '@baton/core';
import { isBuiltIn } from '../built-in-tasks.js';
import {
  type Activation,
  isItem,
  isOver,
  isUndo,
  type Item,
  type Rollback,
  type RoutedState,
  type Unit,
} from './routed-state.js';

export function applyRollback(state: RoutedState, fact: RollbackFact): void {
  const left = new Map<string, number>();
  const failures = openRecord<Failure>();
  for (const { id, triggeredBy, failure } of state.activations.values()) {
    for (const before of namesOf(triggeredBy)) left.set(before, (left.get(before) ?? 0) + 1);
    if (failure) failures[id] = failure;
  }
  state.rollback = { fact, left, ready: new Set(), fanOuts: new Map(), failed: new Set(), failures };
  state.backlog.clear();
  for (const activation of [...state.activations.values()].reverse()) noteOver(state, activation);
}

/** It has told those that led to it. */
const passed = -1;

/** An activation is over, or undone: what led to it may be the next. */
export function noteOver(state: RoutedState, activation: Activation): void {
  const { rollback, activations } = state;
  if (!rollback || !isOver(activation.state) || (rollback.left.get(activation.id) ?? 0) !== 0) return;
  const free = [activation];
  for (let next = free.pop(); next; next = free.pop()) {
    if (isToUndo(next)) {
      rollback.ready.add(next.id);
      continue;
    }
    rollback.left.set(next.id, passed);
    for (const id of namesOf(next.triggeredBy)) {
      const left = (rollback.left.get(id) ?? 1) - 1;
      rollback.left.set(id, left);
      const before = activations.get(id);
      if (left === 0 && before) free.push(before);
    }
  }
}

function namesOf(triggeredBy: Activation['triggeredBy']): ReadonlySet<string> {
  return new Set(triggeredBy.map(({ activation }) => activation));
}

function isToUndo(activation: Activation): boolean {
  if (activation.state === 'REVERTED' || activation.state === 'SKIPPED') return false;
  return activation.fanOut ? activation.fanOut.items.some(isUndoable) : isUndoable(activation);
}

/** Whatever became of it: a task that may have begun is undone, as in an ordered flow (E-861); of a sub-flow, what its child runs did (C-1209). */
function isUndoable({ hasRun, runs, atom }: Pick<Unit, 'hasRun' | 'runs' | 'atom'>): boolean {
  const { task } = atom.definition;
  return runs.length > 0 || (hasRun && task !== undefined && !isBuiltIn(task));
}

/** REVERTING, REVERTED or REVERT_FAILURE. */
export function applyUndo(
  state: RoutedState,
  unit: Activation | Item,
  { from, to, failure, attempt = 1 }: ActivationFact,
): void {
  const { rollback } = state;
  if (!rollback) return;
  rollback.failed.delete(unit.id);
  unit.revertFailure = failure;
  // of its child runs the newest that was left is undone
  if (from === 'REVERTING' && to !== 'REVERT_FAILURE') unit.runs = unit.runs.slice(0, -1);
  if (from === 'REVERTING' && to === from) return ask(state, rollback, unit, attempt);
  if (to === 'REVERTING')
    return begin(state, rollback, unit, { attempt, isAgain: from === 'REVERT_FAILURE' });
  if (to === 'REVERT_FAILURE') rollback.failed.add(unit.id);
  if (isItem(unit)) {
    if (to === 'REVERTED') state.items.delete(unit.id);
    if (unit.parent.fanOut && from === 'REVERTING') unit.parent.fanOut.running--;
    return;
  }
  rollback.fanOuts.delete(unit.id);
  // a person may decide about those that failed
  for (const item of unit.fanOut?.items ?? [])
    if (item.state !== 'REVERT_FAILURE') state.items.delete(item.id);
  if (to === 'REVERTED') noteOver(state, unit);
}

function begin(
  state: RoutedState,
  rollback: Rollback,
  unit: Activation | Item,
  { attempt, isAgain }: { readonly attempt: number; readonly isAgain: boolean },
): void {
  rollback.ready.delete(unit.id);
  if (isItem(unit)) {
    if (!isAgain) rollback.fanOuts.get(unit.parent.id)?.pop();
    if (unit.parent.fanOut) unit.parent.fanOut.running++;
  } else if (unit.fanOut) {
    const items = unit.fanOut.items.filter((item) => isUndoable(item) && !isUndo(item.state));
    for (const item of items) state.items.set(item.id, item);
    rollback.fanOuts.set(
      unit.id,
      items.map(({ index }) => index),
    );
    return;
  }
  ask(state, rollback, unit, attempt);
}

function ask(state: RoutedState, rollback: Rollback, unit: Unit, attempt: number): void {
  const { flowId } = state;
  unit.reverts = attempt;
  unit.requestId = requestIdOf({ flowId, atom: unit.id, action: 'revert', round: 0, attempt });
  unit.flowFailures = rollback.failures;
  state.outstanding.add(unit.id);
}
