/** The end of a run: when it is over, what it gives, what becomes of what has not ended. */
import {
  type Arguments,
  failureOf,
  type Failure,
  type FlowOutcome,
  InvariantError,
  type JsonValue,
} from '@baton/core';
import { isRouteCommand } from '@baton/flow';
import { ExpressionError } from '../expression-error.js';
import { merged } from './context.js';
import { checkSize } from './data-size.js';
import { dataOfAll, rendered } from './outcome.js';
import { type Activation, isOver, type RoutedState } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import type { Place } from './surroundings.js';

/** C-426, once nothing is under way; or the run is suspended. */
export function endIfOver(turn: RoutedTurn): void {
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
  const ended = outputOf(turn, outcome, message);
  // first of all: whoever has to go on with half of this turn knows that the run is decided
  turn.flow(ended.outcome, {
    output: ended.output,
    ...(ended.message !== undefined && { message: ended.message }),
  });
  stopAll(turn);
}

/** A decided run has a new owner, who may know only a part of the turn that decided it. */
export function endAgain(turn: RoutedTurn): void {
  const { flow, outstanding } = turn.state;
  if (flow !== 'SUCCESS' && flow !== 'FAILURE') return;
  stopAll(turn);
  if (outstanding.size === 0 && turn.facts.length === 0) tellEnd(turn, flow);
}

function stopAll(turn: RoutedTurn): void {
  for (const id of [...turn.state.timers.keys()]) turn.cancelTimer(id);
  for (const activation of [...turn.state.activations.values()]) stopWaiting(turn, activation);
}

/** What has not begun, or waits for its next attempt, does not happen. */
function stopWaiting(turn: RoutedTurn, activation: Activation): void {
  const { state, failure, fanOut } = activation;
  const { delegates } = turn.state;
  for (const item of fanOut?.items ?? []) {
    if (item.state === 'DELAYED') turn.activation(item, 'FAILURE');
    if (delegates.has(item.id)) turn.activation(item, 'CANCELLED');
  }
  if (delegates.has(activation.id)) return turn.activation(activation, 'CANCELLED');
  const isIdle = state === 'RUNNING' && fanOut?.running === 0;
  if (state === 'WAITING' || state === 'PENDING' || isIdle) turn.activation(activation, 'CANCELLED');
  if (state === 'DELAYED') turn.activation(activation, failure ? 'FAILURE' : 'CANCELLED');
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
