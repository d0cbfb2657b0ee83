/** What a person does about a run of which something failed or was cancelled, or that is to be undone (C-1308 to C-1311). */
import { ConflictError, type FlowState } from '@baton/core';
import { noteOf } from '../operator-note.js';
import type { RerunEvent, RevertEvent, SkipEvent } from '../protocol.js';
import { repairUndo } from './rollback.js';
import { begin } from './activate.js';
import { cancelAndUndo } from './end.js';
import { revive } from './joins.js';
import { leavingOf } from './outcome.js';
import { patchedEnvironment } from './patched-environment.js';
import type { Activation, RoutedState } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import { evaluating } from './settle.js';

/** @throws ConflictError `BATON_CONFLICT_HALF_UNDONE`, `BATON_CONFLICT_NOT_REPAIRABLE`; `BATON_CONFLICT_NOT_RESETTABLE` for a join that never began */
export function rerun(
  turn: RoutedTurn,
  { from, reset = false, input = {}, env, ...given }: RerunEvent,
): void {
  const { state } = turn;
  const again = from === undefined ? allToRerun(state) : toRerun(state, from);
  if (again.length === 0) return;
  const patched = patchedEnvironment(state, env);
  if (!isOpenTo(turn, ['FAILURE', 'CANCELLED'])) return;
  if (patched) turn.fact({ fact: 'variables', env: patched });
  const args = Object.fromEntries(Object.entries(input).map(([name, data]) => [name, { value: { data } }]));
  for (const activation of again)
    turn.activation(activation, 'PENDING', {
      ...(Object.keys(args).length > 0 && { args }),
      ...(!reset && activation.fanOut && { keepsItems: true }),
      ...noteOf(given),
    });
  revive(turn);
  // what begins may end the run
  for (const activation of again) if (activation.state === 'PENDING') begin(turn, activation);
}

function toRerun({ activations, brokenJoins, flowId }: RoutedState, id: string): readonly Activation[] {
  const activation = activations.get(id);
  if (!activation || !isWrong(activation)) return [];
  if (!brokenJoins.has(id)) return [activation];
  throw new ConflictError(
    'BATON_CONFLICT_NOT_RESETTABLE',
    `${id} of ${flowId} is a join that never began: run again what it waits for, and it comes about by itself`,
  );
}

/** What nothing handled, and what was cancelled; joins come about by themselves. */
function allToRerun({ activations, unhandled, brokenJoins }: RoutedState): readonly Activation[] {
  return [...activations.values()].filter(
    ({ id, state }) => (state === 'CANCELLED' || unhandled.has(id)) && !brokenJoins.has(id),
  );
}

function isWrong({ state }: Activation): boolean {
  return state === 'FAILURE' || state === 'CANCELLED';
}

/** An activation that is left out publishes and leads on, as its definition says (C-413). */
export function skip(turn: RoutedTurn, { atom, ...given }: SkipEvent): void {
  const activation = turn.state.activations.get(atom);
  if (activation?.state !== 'FAILURE' || !isOpenTo(turn, ['FAILURE'])) return;
  evaluating(turn, activation, () => {
    turn.activation(activation, 'SKIPPED', {
      ...leavingOf(turn, activation, { state: 'SKIPPED' }),
      ...noteOf(given),
    });
    revive(turn);
  });
}

/** Of what the run did everything is undone, whatever its definition says of failures (E-1323). */
export function revert(turn: RoutedTurn, { again = false }: RevertEvent): void {
  const failed = turn.state.flow === 'FAILURE' && again ? [...(turn.state.rollback?.failed ?? [])] : [];
  for (const atom of failed) repairUndo(turn, { type: 'retryRevert', atom });
  if (failed.length > 0) return;
  if (isOpenTo(turn, ['SUCCESS', 'FAILURE', 'CANCELLED'])) cancelAndUndo(turn, 'reverted');
}

/** The run goes on, of which it is decided how it ends; or it has not ended, and nothing is decided. False: neither. */
function isOpenTo(turn: RoutedTurn, ended: readonly FlowState[]): boolean {
  const { flow, flowId, rollback } = turn.state;
  if (rollback && rollback.failed.size > 0 && flow === 'FAILURE')
    throw new ConflictError(
      'BATON_CONFLICT_HALF_UNDONE',
      `reverting ${[...rollback.failed].join(', ')} of ${flowId} failed: what is left of it is to be reverted again, or accepted once it was cleaned up by hand`,
    );
  if (rollback) return false;
  if (!ended.includes(flow)) return flow === 'RUNNING';
  turn.flow('RUNNING');
  return true;
}
