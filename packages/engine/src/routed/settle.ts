/** The end of an activation. */
import { failureOf } from '@baton/core';
import { ExpressionError } from '../expression-error.js';
import type { Outcome } from '../protocol.js';
import { cancelChild } from './child-command.js';
import { endFlow } from './end.js';
import { noteLost } from './joins.js';
import { leavingOf } from './outcome.js';
import { type Activation, isOver, type Unit } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';

/**
 * It is known what an activation came to: what it publishes, and where control goes on. `hasNoAnswer`: an expression of the activation has
 * failed already, and another one that does leaves no handler to ask.
 */
export function settle(
  turn: RoutedTurn,
  activation: Activation,
  outcome: Outcome,
  hasNoAnswer = false,
): void {
  const to = 'failure' in outcome ? 'FAILURE' : 'SUCCESS';
  const { keepResult } = activation.atom.definition;
  const kept = keepResult === false && to === 'SUCCESS' ? {} : outcome;
  if (turn.isDecided) return turn.activation(activation, to, kept);
  if (activation.totalTimer !== undefined) turn.cancelTimer(activation.totalTimer);
  evaluating(
    turn,
    activation,
    () => {
      turn.activation(activation, to, { ...kept, ...leavingOf(turn, activation, { state: to, ...outcome }) });
      noteLost(turn, activation);
    },
    hasNoAnswer,
  );
}

/** An expression that fails ends the run with its activation, handlers not asked; or is a failure of the activation (C-808). */
export function evaluating(turn: RoutedTurn, activation: Activation, work: () => void, isLast = false): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { onExpressionError } = turn.state.graph.definition;
    const failure = failureOf(error.code, error.message, {
      phase: 'decider',
      atom: activation.id,
      retryable: false,
    });
    if (onExpressionError === 'fail-atom' && !isLast) {
      abandon(turn, activation);
      return settle(turn, activation, { failure }, true);
    }
    abandon(turn, activation);
    turn.activation(activation, 'FAILURE', { failure });
    endFlow(turn, 'FAILURE', failure.message);
  }
}

/** What runs of an activation is told to stop; its answers change nothing any more. */
export function abandon(turn: RoutedTurn, activation: Activation): void {
  stop(turn, activation);
  for (const item of activation.fanOut?.items ?? []) {
    if (item.timer !== undefined) turn.cancelTimer(item.timer);
    stop(turn, item);
    if (!isOver(item.state) && item.state !== 'PENDING') turn.activation(item, 'CANCELLED');
  }
  if (activation.timer !== undefined) turn.cancelTimer(activation.timer);
  if (activation.totalTimer !== undefined) turn.cancelTimer(activation.totalTimer);
}

function stop(turn: RoutedTurn, unit: Unit): void {
  if (turn.state.children.has(unit.id)) cancelChild(turn, unit);
  else turn.abort(unit);
}
