/** The end of a run: when it is over, what it gives, what becomes of what has not ended. */
import {
  type Arguments,
  failureOf,
  type Failure,
  type FlowOutcome,
  flowOutcomes,
  InvariantError,
  type JsonValue,
} from '@baton/core';
import { isRouteCommand } from '@baton/flow';
import { ExpressionError } from '../expression-error.js';
import { merged } from './context.js';
import { checkSize } from './data-size.js';
import type { StopEvent } from '../protocol.js';
import { dataOfAll, rendered } from './outcome.js';
import { cancelChild, hasRunningChild } from './child-command.js';
import { giveUpFanOuts, isUndone } from './rollback.js';
import {
  type Activation,
  activationOf,
  isOver,
  type Item,
  type Rollback,
  type RoutedState,
  unitOf,
} from './routed-state.js';
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
  if (state.rollback && isUndone(state.rollback) && state.withdrawn.size === 0)
    return endUndone(turn, state.rollback);
  if (unfinished === 0 && backlog.length === 0 && !state.rollback) {
    const cancelled = [...state.activations.values()].some((each) => each.state === 'CANCELLED');
    const isToUndo = state.graph.definition.rollback === 'completed';
    if (cancelled && isToUndo) return cancelAndUndo(turn);
    if (cancelled) {
      turn.flow('CANCELLED');
      return tellEnd(turn, 'CANCELLED');
    }
    endFlow(turn, state.unhandled.size > 0 ? 'FAILURE' : 'SUCCESS');
    return state.rollback ? undefined : endIfOver(turn);
  }
  if (flow === 'SUSPENDING') {
    if (hasRunningChild(state)) return;
    turn.flow('SUSPENDED');
    return turn.command({ type: 'suspended' });
  }
  const { timers, withdrawn, children } = state;
  if (timers.size + withdrawn.size + children.size + backlog.length === 0)
    throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${state.flowId} waits for nothing`);
}

/**
 * The run is decided; what runs already may end, and changes nothing any more (C-432, C-433). One that failed and is to be undone ends when
 * that is done.
 */
export function endFlow(turn: RoutedTurn, outcome: 'SUCCESS' | 'FAILURE', message?: JsonValue): void {
  const ended = outputOf(turn, outcome, message);
  const what = { output: ended.output, ...(ended.message !== undefined && { message: ended.message }) };
  // first of all: whoever has to go on with half of this turn knows that the run is decided
  if (outcome === 'FAILURE' && turn.state.graph.definition.rollback === 'completed')
    turn.fact({ fact: 'rollback', ...what });
  else turn.flow(ended.outcome, what);
  stopAll(turn);
}

/** A person has it end here (C-1306): as `endFlow`, and nothing is undone, neither of it nor of its child runs. */
export function stopFlow(turn: RoutedTurn, { outcome, message }: StopEvent): void {
  const { outcome: to, ...what } = outputOf(turn, outcome, message);
  turn.flow(to, {
    output: what.output,
    ...(what.message !== undefined && { message: what.message }),
    isStopped: true,
  });
  stopAll(turn);
}

/** Of a stopped run no worker has this: it never began. */
export function neverBegin(turn: RoutedTurn, id: string): void {
  turn.fact({ fact: 'withdrawn', atom: id });
  stopWaiting(turn, activationOf(turn.state, activationIdOf(id)));
}

/** A person wants it undone (C-1305): what runs is told to stop, and undone when it has. */
export function cancelAndUndo(turn: RoutedTurn, message = 'cancelled'): void {
  const { state } = turn;
  // a half-stored cancel comes again
  if (!state.rollback) turn.fact({ fact: 'rollback', output: {}, message, isCancelled: true });
  stopAll(turn);
  turn.stopSuspending();
  if (state.flow === 'SUSPENDED') turn.flow('RUNNING');
  for (const id of state.outstanding) {
    const { requestId = '', state: at } = unitOf(state, id);
    if (at === 'RUNNING') turn.command({ type: 'abort', atom: id, requestId });
  }
}

function endUndone(turn: RoutedTurn, rollback: Rollback): void {
  const { output, message } = rollback.fact;
  giveUpFanOuts(turn, rollback);
  const outcome = rollback.failed.size > 0 ? 'FAILURE' : 'REVERTED';
  turn.flow(outcome, { output, ...(message !== undefined && { message }) });
  tellEnd(turn, outcome);
}

/** A decided run has a new owner, who may know only a part of the turn that decided it. */
export function endAgain(turn: RoutedTurn): void {
  const { flow, outstanding, rollback } = turn.state;
  const outcome = flowOutcomes.find((known) => known === flow);
  if (outcome || rollback) stopAll(turn);
  if (outcome && outstanding.size === 0 && turn.facts.length === 0) tellEnd(turn, outcome);
}

function stopAll(turn: RoutedTurn): void {
  for (const id of [...turn.state.timers.keys()]) turn.cancelTimer(id);
  for (const activation of [...turn.state.activations.values()]) stopWaiting(turn, activation);
}

/** What has not begun, or waits for its next attempt, does not happen. */
function stopWaiting(turn: RoutedTurn, activation: Activation): void {
  const { state, requestId, failure, fanOut } = activation;
  for (const item of fanOut?.items ?? []) {
    const isIdle = item.state === 'RUNNING' && item.requestId === undefined;
    if (item.state === 'DELAYED') turn.activation(item, 'FAILURE');
    else if (!letGo(turn, item) && isIdle) turn.activation(item, 'CANCELLED');
  }
  if (letGo(turn, activation)) return;
  const isIdle = state === 'RUNNING' && requestId === undefined && !(fanOut && fanOut.running > 0);
  if (state === 'WAITING' || state === 'PENDING' || isIdle) turn.activation(activation, 'CANCELLED');
  if (state === 'DELAYED') turn.activation(activation, failure ? 'FAILURE' : 'CANCELLED');
}

/** Its request was taken back before any worker had it, so there is nothing to undo. */
const neverBegan = {
  failure: failureOf('CANCELLED', 'was cancelled before it began', { phase: 'queue', retryable: false }),
};

/** An answer from outside, or a child run, is not waited for (C-1306); nor is what no worker has. */
function letGo(turn: RoutedTurn, unit: Activation | Item): boolean {
  const { id } = unit;
  const { delegates, children, withdrawn, due } = turn.state;
  const hasBegun = delegates.has(id) || (!withdrawn.has(id) && !due.has(id));
  if (hasBegun && !delegates.has(id) && !children.has(id)) return false;
  if (children.has(id)) cancelChild(turn, unit);
  if (delegates.has(id)) turn.abort(unit);
  turn.activation(unit, 'CANCELLED', hasBegun ? {} : neverBegan);
  return true;
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

/**
 * Of a run that failed: the failures that nothing handled, then those of reverts; of one that a transition had fail, what that said. A run that
 * was cancelled, those of activations that were cancelled by themselves; it need not have any.
 */
export function routedFailuresOf(state: RoutedState): readonly Failure[] {
  const { flow, unhandled, activations, message, rollback } = state;
  if (flow === 'CANCELLED')
    return [...activations.values()].flatMap((each) => (each.state === flow && each.failure) || []);
  if (flow !== 'FAILURE' && flow !== 'REVERTED') return [];
  const failures = [
    ...Array.from(unhandled, (id) => activations.get(id)?.failure),
    ...Array.from(rollback?.failed ?? [], (id) => revertFailureOf(state, id)),
  ].filter((failure) => failure !== undefined);
  if (failures.length > 0 || rollback?.fact.isCancelled === true) return failures;
  if (message === undefined) return [failureOf('FAILED', 'a transition led to fail')];
  return [failureOf('FAILED', typeof message === 'string' ? message : JSON.stringify(message))];
}

/** Of a unit: itself, or the one whose item it is. */
function activationIdOf(id: string): string {
  return id.replace(/\[\d+\]$/, '');
}

function revertFailureOf(state: RoutedState, id: string): Failure | undefined {
  const activation = state.activations.get(activationIdOf(id));
  const item = activation?.fanOut?.items.find((one) => one.id === id);
  return (item ?? activation)?.revertFailure;
}
