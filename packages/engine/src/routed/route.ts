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
import { goOnLater } from '../timers.js';
import type { Pending } from './backlog.js';
import { merged } from './context.js';
import { noteLost, noteUnreachable, verdictOf } from './joins.js';
import { checkSize } from './data-size.js';
import { dataOfAll, leavingOf, rendered } from './outcome.js';
import { argumentsFor, executeCommandOf } from './routed-request.js';
import {
  type Activation,
  activationOf,
  isOver,
  nextIdOf,
  type RoutedState,
  type WaitingJoin,
} from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import type { Place } from './surroundings.js';

/** C-1701. */
export const activationsMax = 100_000;

/** What one turn follows; the rest of a cycle that waits for nobody, or of a wide clause, has others of its own (C-211). */
const stepsMax = 250;

/** Follows what was taken as long as the run goes on, and ends it when nothing is left. */
export function follow(turn: RoutedTurn): void {
  const { state } = turn;
  for (let steps = 0; state.flow === 'RUNNING'; steps++) {
    const join = nextDecided(turn);
    const pending = state.backlog.first;
    if (!join && !pending) break;
    if (steps === stepsMax || turn.isDear) return goOnLater(turn);
    if (join) leaveJoin(turn, join);
    else if (pending && isRouteCommand(pending.to)) obey(turn, pending, pending.to);
    else if (pending) arrive(turn, pending);
  }
  endIfOver(turn);
}

/** Follows on what an earlier turn left, whoever ran that. */
export function followOn(turn: RoutedTurn): void {
  if (turn.state.flow === 'RUNNING') for (const join of turn.state.joins.values()) turn.judge(join);
}

function obey(turn: RoutedTurn, { message, by }: Pending, command: RouteCommand): void {
  turn.fact({ fact: 'arrival', at: command, ...(by && { by }) });
  if (command === 'suspend') turn.flow('SUSPENDING', message === undefined ? {} : { message });
  else endFlow(turn, command === 'fail' ? 'FAILURE' : 'SUCCESS', message);
}

function arrive(turn: RoutedTurn, { to, by }: Pending): void {
  const { state } = turn;
  const atom = state.graph.byName.get(to);
  if (!atom) throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${state.flowId} has no atom ${to}`);
  const origin = by && { by };
  if (atom.join === undefined) {
    const id = nextIdOf(state, atom);
    turn.fact({ fact: 'arrival', at: atom.name, activation: id, ...origin });
    return begin(turn, activationOf(state, id));
  }
  const known = state.latest[atom.index];
  turn.fact({ fact: 'arrival', at: atom.name, activation: known?.id ?? atom.name, ...origin });
  const join = state.joins.get(atom.index);
  if (!join) return;
  if (!known) noteUnreachable(turn, join);
  turn.judge(join);
}

/** The first join of those not judged yet that waits no longer. */
function nextDecided(turn: RoutedTurn): WaitingJoin | undefined {
  for (let join = turn.nextUndecided(); join; join = turn.nextUndecided())
    if (join.activation.state === 'WAITING' && verdictOf(join) !== 'wait') return join;
  return undefined;
}

function leaveJoin(turn: RoutedTurn, join: WaitingJoin): void {
  if (verdictOf(join) === 'begin') begin(turn, join.activation);
  else settle(turn, join.activation, { failure: impossible(turn.state, join) });
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
    const asked = argumentsFor(turn, activation);
    if ('failure' in asked) return settle(turn, activation, asked);
    turn.activation(activation, 'RUNNING', { attempt: 1, args: asked.args });
    turn.command(executeCommandOf(activation));
  });
}

/**
 * An attempt has ended, or there was nothing to attempt. `hasNoAnswer`: an expression of the activation has failed already, and another
 * one that does leaves no handler to ask.
 */
export function settle(
  turn: RoutedTurn,
  activation: Activation,
  outcome: Outcome,
  hasNoAnswer = false,
): void {
  const { state } = turn;
  const judged = 'failure' in outcome ? { failure: located(activation, outcome.failure) } : outcome;
  const isRecordedOnly =
    state.flow !== 'RUNNING' && state.flow !== 'SUSPENDING' && state.flow !== 'SUSPENDED';
  if ('failure' in judged && !isRecordedOnly && tryAgain(turn, activation, judged.failure)) return;
  const to = 'failure' in judged ? 'FAILURE' : 'SUCCESS';
  const { keepResult } = activation.atom.definition;
  const kept = keepResult === false && to === 'SUCCESS' ? {} : judged;
  if (isRecordedOnly) return turn.activation(activation, to, kept);
  evaluating(
    turn,
    activation,
    () => {
      turn.activation(activation, to, { ...kept, ...leavingOf(turn, activation, { state: to, ...judged }) });
      noteLost(turn, activation);
    },
    hasNoAnswer,
  );
}

function located(activation: Activation, failure: Failure): Failure {
  const { id, attempt } = activation;
  return { ...failure, phase: failure.phase ?? 'execute', atom: id, ...(attempt > 0 && { attempt }) };
}

/** An expression that fails ends the run with its activation, handlers not asked; or is a failure of the activation (C-808). */
function evaluating(turn: RoutedTurn, activation: Activation, work: () => void, isLast = false): void {
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
    if (onExpressionError === 'fail-atom' && !isLast) return settle(turn, activation, { failure }, true);
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
    if (turn.state.flow === 'RUNNING') repeat(turn, activation);
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
  if (flow === 'SUSPENDING') {
    turn.flow('SUSPENDED');
    return turn.command({ type: 'suspended' });
  }
  if (state.timers.size === 0 && state.withdrawn.size === 0 && backlog.length === 0)
    throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${state.flowId} waits for nothing`);
}

/** The run is decided; what runs already may end, and changes nothing any more (C-432, C-433). */
export function endFlow(turn: RoutedTurn, outcome: 'SUCCESS' | 'FAILURE', message?: JsonValue): void {
  const { state } = turn;
  const ended = outputOf(turn, outcome, message);
  for (const id of [...state.timers.keys()]) turn.cancelTimer(id);
  for (const activation of [...state.activations.values()]) stopWaiting(turn, activation);
  turn.flow(ended.outcome, {
    output: ended.output,
    ...(ended.message !== undefined && { message: ended.message }),
  });
}

/** What has not begun, or waits for its next attempt, does not happen. */
function stopWaiting(turn: RoutedTurn, activation: Activation): void {
  const { state } = activation;
  if (state === 'WAITING' || state === 'PENDING') turn.activation(activation, 'CANCELLED');
  if (state === 'DELAYED') turn.activation(activation, 'FAILURE');
}

interface Ended {
  readonly outcome: 'SUCCESS' | 'FAILURE';
  readonly output: Arguments;
  readonly message?: JsonValue | undefined;
}

function outputOf(
  { state, budget }: RoutedTurn,
  outcome: 'SUCCESS' | 'FAILURE',
  message: JsonValue | undefined,
): Ended {
  const place: Place = { state, budget, context: finalContextOf(state) };
  const { output, outputOnError } = state.graph.definition;
  try {
    if (outcome === 'FAILURE')
      return {
        outcome,
        message,
        output: sized({ result: { value: { data: message ?? null } }, ...rendered(place, outputOnError) }),
      };
    return { outcome, message, output: sized(output ? rendered(place, output) : wholeOf(place)) };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const why = `${outcome === 'SUCCESS' ? 'output' : 'output-on-error'}: ${error.message}`;
    return { outcome: 'FAILURE', message: why, output: { result: { value: { data: why } } } };
  }
}

/** The output itself. @throws ExpressionError `TOO_LARGE` */
function sized(output: Arguments): Arguments {
  checkSize(dataOfAll(output), 'the output');
  return output;
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
  turn.command({ type: 'finish', outcome, failures: routedFailuresOf(turn.state) });
}

/** Of a run that failed: the failures that nothing handled; of one that a transition had fail, what that said. */
export function routedFailuresOf({ flow, unhandled, activations, message }: RoutedState): readonly Failure[] {
  if (flow !== 'FAILURE') return [];
  const failures = Array.from(unhandled, (id) => activations.get(id)?.failure).filter(
    (failure) => failure !== undefined,
  );
  if (failures.length > 0) return failures;
  if (message === undefined) return [failureOf('FAILED', 'a transition led to fail')];
  return [failureOf('FAILED', typeof message === 'string' ? message : JSON.stringify(message))];
}
