/** How control moves: activations begin, end, and lead on, until the turn has nothing left to follow. */
import {
  type Arguments,
  failureOf,
  type Failure,
  type FlowOutcome,
  InvariantError,
  type JsonValue,
} from '@baton/core';
import { isRouteCommand, type RouteCommand } from '@baton/flow';
import { delayOf, isWorthRepeating } from '../attempts.js';
import { ExpressionError } from '../expression-error.js';
import type { Outcome } from '../protocol.js';
import { merged } from './context.js';
import { noteLost, noteUnreachable, verdictOf } from './joins.js';
import { leavingOf, rendered } from './outcome.js';
import type { RoutedAtom } from './routed-graph.js';
import { argumentsFor, executeCommandOf } from './routed-request.js';
import {
  type Activation,
  activationOf,
  isOver,
  nextIdOf,
  type Pending,
  type RoutedState,
  type WaitingJoin,
} from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import type { Place } from './surroundings.js';

/** C-1701. */
export const activationsMax = 100_000;

/** Follows what was taken as long as the run goes on, and ends it when nothing is left. */
export function follow(turn: RoutedTurn): void {
  const { state } = turn;
  while (state.flow === 'RUNNING') {
    const pending = state.backlog[0];
    if (!pending) break;
    if (isRouteCommand(pending.taken.to)) obey(turn, pending, pending.taken.to);
    else arrive(turn, pending);
  }
  endIfOver(turn);
}

function obey(turn: RoutedTurn, { taken, by }: Pending, command: RouteCommand): void {
  turn.fact({ fact: 'arrival', at: command, by });
  const { message } = taken;
  if (command === 'suspend') turn.flow('SUSPENDING', message === undefined ? {} : { message });
  else endFlow(turn, command === 'fail' ? 'FAILURE' : 'SUCCESS', message);
}

function arrive(turn: RoutedTurn, { taken, by }: Pending): void {
  const { state } = turn;
  const atom = state.graph.byName.get(taken.to);
  if (!atom)
    throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${state.flowId} has no atom ${taken.to}`);
  if (atom.join === undefined) {
    const id = nextIdOf(state, atom);
    turn.fact({ fact: 'arrival', at: atom.name, activation: id, by });
    return begin(turn, activationOf(state, id));
  }
  const known = state.latest[atom.index];
  turn.fact({ fact: 'arrival', at: atom.name, activation: known?.id ?? atom.name, by });
  const join = state.joins.get(atom.index);
  if (!join) return;
  if (!known) noteUnreachable(turn, join);
  judge(turn, join);
}

export function beginAt(turn: RoutedTurn, atom: RoutedAtom): void {
  const id = nextIdOf(turn.state, atom);
  turn.fact({ fact: 'arrival', at: atom.name, activation: id });
  begin(turn, activationOf(turn.state, id));
}

function judge(turn: RoutedTurn, join: WaitingJoin): void {
  const verdict = verdictOf(join);
  if (verdict === 'begin') begin(turn, join.activation);
  else if (verdict === 'fail') settle(turn, join.activation, { failure: impossible(turn.state, join) });
}

function impossible({ graph }: RoutedState, { activation, arrived, lost }: WaitingJoin): Failure {
  const names = Array.from(lost, (index) => graph.atoms[index]?.name ?? '').join(', ');
  const message = `${activation.id} waits for ${activation.atom.join ?? 1} of ${activation.atom.sources.length}; ${arrived.size} came, ${names} never will`;
  return failureOf('JOIN_IMPOSSIBLE', message, { phase: 'decider', atom: activation.id, retryable: false });
}

/** An activation has all it waited for. A decision point has nothing to run. */
function begin(turn: RoutedTurn, activation: Activation): void {
  const { state } = turn;
  if (state.activations.size > activationsMax)
    return endFlow(turn, 'FAILURE', `LIMIT: more than ${activationsMax} activations`);
  if (activation.atom.definition.task === undefined) return settle(turn, activation, {});
  evaluating(turn, activation, () => {
    const asked = argumentsFor(state, activation);
    if ('failure' in asked) return settle(turn, activation, asked);
    turn.activation(activation, 'RUNNING', { attempt: 1, args: asked.args });
    turn.command(executeCommandOf(activation));
  });
}

/** An attempt has ended, or there was nothing to attempt. */
export function settle(turn: RoutedTurn, activation: Activation, outcome: Outcome): void {
  const { state } = turn;
  const judged = 'failure' in outcome ? { failure: located(activation, outcome.failure) } : outcome;
  const isRecordedOnly =
    state.flow !== 'RUNNING' && state.flow !== 'SUSPENDING' && state.flow !== 'SUSPENDED';
  if ('failure' in judged && !isRecordedOnly && tryAgain(turn, activation, judged.failure)) return;
  const to = 'failure' in judged ? 'FAILURE' : 'SUCCESS';
  const { keepResult } = activation.atom.definition;
  const kept = keepResult === false && to === 'SUCCESS' ? {} : judged;
  if (isRecordedOnly) return turn.activation(activation, to, kept);
  evaluating(turn, activation, () => {
    turn.activation(activation, to, { ...kept, ...leavingOf(state, activation, { state: to, ...judged }) });
    for (const join of noteLost(turn, activation)) judge(turn, join);
  });
}

function located(activation: Activation, failure: Failure): Failure {
  const { id, attempt } = activation;
  return { ...failure, phase: failure.phase ?? 'execute', atom: id, ...(attempt > 0 && { attempt }) };
}

/** An expression that fails ends the run with its activation, handlers not asked; or is a failure of the activation (C-808). */
function evaluating(turn: RoutedTurn, activation: Activation, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { onExpressionError } = turn.state.graph.definition;
    const failure = failureOf('EXPRESSION', error.message, {
      phase: 'decider',
      atom: activation.id,
      retryable: false,
    });
    const isFirst = activation.failure?.code !== 'EXPRESSION';
    if (onExpressionError === 'fail-atom' && isFirst && !isOver(activation.state)) {
      activation.failure = failure;
      return settle(turn, activation, { failure });
    }
    turn.activation(activation, 'FAILURE', { failure });
    endFlow(turn, 'FAILURE', failure.message);
  }
}

/** Begins another attempt, if the policy has one left; false: the failure stands. */
function tryAgain(turn: RoutedTurn, activation: Activation, failure: Failure): boolean {
  const { attempts } = activation.atom.definition;
  if (!attempts || activation.state !== 'RUNNING' || activation.attempt >= attempts.max) return false;
  if (!isWorthRepeating(attempts, failure)) return false;
  const delayMs = delayOf(attempts, activation.attempt, failure);
  turn.activation(activation, 'DELAYED', { failure });
  if (delayMs === 0) {
    repeat(turn, activation);
    return true;
  }
  const id = `${activation.id}/0.${activation.attempt + 1}`;
  turn.fact({ fact: 'timer', id, state: 'set', atom: activation.id, delayMs });
  turn.command({ type: 'startTimer', id, delayMs });
  return true;
}

export function repeat(turn: RoutedTurn, activation: Activation): void {
  turn.activation(activation, 'RUNNING', { attempt: activation.attempt + 1 });
  turn.command(executeCommandOf(activation));
}

/** C-426, once nothing is under way; or the run is suspended. */
function endIfOver(turn: RoutedTurn): void {
  const { state } = turn;
  const { flow, outstanding, backlog, unfinished } = state;
  if (flow === 'SUCCESS' || flow === 'FAILURE') {
    if (outstanding.size === 0 && turn.facts.length > 0) tellEnd(turn, flow);
    return;
  }
  if ((flow !== 'RUNNING' && flow !== 'SUSPENDING') || outstanding.size > 0) return;
  if (unfinished === 0 && backlog.length === 0) {
    endFlow(turn, state.unhandled.size > 0 ? 'FAILURE' : 'SUCCESS');
    return endIfOver(turn);
  }
  if (flow === 'SUSPENDING' && state.withdrawn.size + outstanding.size >= state.withdrawn.size) {
    turn.flow('SUSPENDED');
    return turn.command({ type: 'suspended' });
  }
  if (state.timers.size === 0 && state.withdrawn.size === 0 && backlog.length === 0)
    throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${state.flowId} waits for nothing`);
}

/** The run is decided; what runs already may end, and changes nothing any more (C-432, C-433). */
export function endFlow(turn: RoutedTurn, outcome: 'SUCCESS' | 'FAILURE', message?: JsonValue): void {
  const { state } = turn;
  const ended = outputOf(state, outcome, message);
  for (const activation of [...state.activations.values()]) stopWaiting(turn, activation);
  turn.flow(ended.outcome, {
    output: ended.output,
    ...(ended.message !== undefined && { message: ended.message }),
  });
}

/** What has not begun, or waits for its next attempt, does not happen. */
function stopWaiting(turn: RoutedTurn, activation: Activation): void {
  const { state, timer } = activation;
  if (timer !== undefined) {
    turn.fact({ fact: 'timer', id: timer, state: 'cancelled' });
    turn.command({ type: 'cancelTimer', id: timer });
  }
  if (state === 'WAITING' || state === 'PENDING') turn.activation(activation, 'CANCELLED');
  if (state === 'DELAYED') turn.activation(activation, 'FAILURE');
}

interface Ended {
  readonly outcome: 'SUCCESS' | 'FAILURE';
  readonly output: Arguments;
  readonly message?: JsonValue | undefined;
}

function outputOf(state: RoutedState, outcome: 'SUCCESS' | 'FAILURE', message: JsonValue | undefined): Ended {
  const place: Place = { state, context: finalContextOf(state) };
  const { output, outputOnError } = state.graph.definition;
  try {
    if (outcome === 'FAILURE')
      return {
        outcome,
        message,
        output: { result: { value: { data: message ?? null } }, ...rendered(place, outputOnError) },
      };
    return { outcome, message, output: output ? rendered(place, output) : wholeOf(place) };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const why = `${outcome === 'SUCCESS' ? 'output' : 'output-on-error'}: ${error.message}`;
    return { outcome: 'FAILURE', message: why, output: { result: { value: { data: why } } } };
  }
}

function wholeOf({ context }: Place): Arguments {
  return Object.fromEntries(Array.from(context, ([name, { value }]) => [name, value]));
}

/** C-427. */
function finalContextOf({ activations, graph }: RoutedState): Place['context'] {
  const last = [...activations.values()].filter(
    ({ state, next }) => isOver(state) && next.every(({ to }) => isRouteCommand(to)),
  );
  const inDocumentOrder = last.sort((a, b) => a.atom.index - b.atom.index);
  return merged(
    inDocumentOrder.map(({ outbound }) => outbound),
    graph.definition.merge,
  );
}

function tellEnd(turn: RoutedTurn, outcome: FlowOutcome): void {
  const failures = outcome === 'SUCCESS' ? [] : routedFailuresOf(turn.state);
  turn.command({ type: 'finish', outcome, failures });
}

/** Failures that nothing handled; of a run that a transition had fail, what that said. */
export function routedFailuresOf({ unhandled, activations, message }: RoutedState): readonly Failure[] {
  const failures = Array.from(unhandled, (id) => activations.get(id)?.failure).filter(
    (failure) => failure !== undefined,
  );
  if (failures.length > 0) return failures;
  return [
    failureOf(
      'FAILED',
      typeof message === 'string' ? message : JSON.stringify(message ?? 'the flow said so'),
    ),
  ];
}
