/**
 * The engine of routed flows: one event in; facts to store and commands to carry out, out (control-flow.md section 2). Pure and
 * deterministic, as `step.ts` is for ordered flows.
 * Where things are: route.ts (how control moves), outcome.ts (what an activation leaves), joins.ts, surroundings.ts (what expressions
 * read), apply-routed-fact.ts (every change of the state).
 */
import { type Environment, type EventName, type Failure, flowOutcomes } from '@baton/core';
import { waitEventTask } from '@baton/flow';
import { beingUndone } from '../begin.js';
import { ExpressionError } from '../expression-error.js';
import type { Event, Outcome, StopEvent, Turn, Watch } from '../protocol.js';
import { answered, awaitAnswer, cancelled, goOn, start as startActivation } from './activate.js';
import { eventAwaited } from '../built-in-tasks.js';
import {
  cancelChildCommandOf,
  orderChildren,
  pausedIn,
  startChildCommandOf,
  suspend,
  suspendApart,
} from './child-command.js';
import { noContext } from './context.js';
import { checkSize } from './data-size.js';
import { rendered } from './outcome.js';
import { laterTimer } from '../timers.js';
import { cancelAndUndo, endFlow, neverBegin, stopFlow } from './end.js';
import { patchedEnvironment } from './patched-environment.js';
import { rerun, revert, skip } from './repair.js';
import { repairUndo, undone } from './rollback.js';
import { follow, followOn, takeUpAll } from './route.js';
import { abandon } from './settle.js';
import { openDelegateCommandOf, requestCommandOf } from './routed-request.js';
import {
  type Activation,
  activationOf,
  awaiting,
  findUnit,
  isOver,
  type Item,
  opening,
  type RoutedState,
  unitOf,
} from './routed-state.js';
import { RoutedTurn } from './routed-turn.js';
import { evaluateAt } from './surroundings.js';
import { Templates } from './templates.js';

/** Takes one event. One that is late, repeated or not for this run changes nothing and gives an empty turn (C-207). */
export function routedStep(state: RoutedState, event: Event, watch?: Watch): Turn {
  const turn = new RoutedTurn(state, watch);
  handle(turn, event);
  follow(turn);
  return turn;
}

function handle(turn: RoutedTurn, event: Event): void {
  switch (event.type) {
    case 'run':
      return run(turn);
    case 'resume':
      return resumeAsked(turn, event.env);
    case 'adopt':
      return adopt(turn);
    case 'completed':
      return take(turn, event.requestId, event.value === undefined ? {} : { value: event.value });
    case 'failed':
      return take(turn, event.requestId, { failure: event.failure });
    case 'cancelled':
      return cancelDelegate(turn, event.requestId, event.failure);
    case 'extended':
      return extendDelegate(turn, event.requestId, event.delayMs);
    case 'delegateChanged':
      return delegateChanged(turn, event);
    case 'eventArrived':
      return eventArrived(turn, event);
    case 'childCancelled':
      if (awaiting(turn.state, event.requestId)) cancel(turn, true);
      return;
    case 'childChanged':
      return childChanged(turn, event);
    case 'suspend':
      return event.isShared === true ? suspend(turn) : suspendApart(turn);
    case 'withdrawn':
      return withdrawn(turn, event.requestId);
    case 'cancel':
      return cancel(turn, event.revert);
    case 'stop':
      return stop(turn, event);
    case 'timerFired':
      return timerFired(turn, event.id);
    case 'rerun':
      return rerun(turn, event);
    case 'skip':
      return skip(turn, event);
    case 'revert':
      return revert(turn, event);
    case 'retryRevert':
    case 'acceptRevert':
      return repairUndo(turn, event);
    // not for routed runs
    case 'prepare':
    case 'reset':
      return;
  }
}

function run(turn: RoutedTurn): void {
  const { flow } = turn.state;
  if (flow === 'PENDING') return start(turn);
  return flow === 'SUSPENDED' ? resume(turn) : adopt(turn);
}

/** Its engine stopped, wherever it was. */
function adopt(turn: RoutedTurn): void {
  const { outstanding, flow } = turn.state;
  askAgain(turn, outstanding);
  if (flow !== 'SUSPENDED') orderChildren(turn, 'resumeChild');
  if (flow === 'SUSPENDING') orderChildren(turn, 'suspendChild');
  takeUpAll(turn);
}

function start(turn: RoutedTurn): void {
  let part = 'env';
  try {
    makeEnvironment(turn);
    part = 'vars';
    makeVariables(turn);
    turn.flow('RUNNING');
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    turn.flow('RUNNING');
    endFlow(turn, 'FAILURE', `${part}: ${error.message}`);
  }
}

/** Expressions in it are evaluated once, also when the owner that did it died in the middle of its turn (C-711). */
function makeEnvironment(turn: RoutedTurn): void {
  const { state, budget } = turn;
  if (state.isEnvMade || !JSON.stringify(state.env).includes('${')) return;
  const place = { state, budget, context: noContext };
  // those of the flow are kept as long as it is compiled, and its jobs all have texts of their own
  const env = new Templates().render(state.env, (inserted) => evaluateAt(place, inserted));
  checkSize(env, 'the environment');
  turn.fact({ fact: 'variables', env: env as Environment });
}

function makeVariables(turn: RoutedTurn): void {
  const { state, budget } = turn;
  const { vars } = state.graph.definition;
  if (vars) turn.fact({ fact: 'variables', vars: rendered({ state, budget, context: noContext }, vars) });
}

function resumeAsked(turn: RoutedTurn, env: Environment | undefined): void {
  const { state } = turn;
  if (state.flow !== 'SUSPENDED' && state.flow !== 'SUSPENDING') return;
  const patched = patchedEnvironment(state, env);
  turn.stopSuspending();
  if (patched) turn.fact({ fact: 'variables', env: patched });
  resume(turn);
}

function resume(turn: RoutedTurn): void {
  const { state } = turn;
  if (state.flow !== 'SUSPENDED') return;
  const again = [...state.withdrawn];
  turn.flow('RUNNING');
  askAgain(turn, again);
  for (const id of [...state.children, ...state.delegates])
    if (unitOf(state, id).state === 'SUSPENDED') turn.activation(unitOf(state, id), 'RUNNING');
  orderChildren(turn, 'resumeChild');
  const held = [...state.held];
  for (const id of held) if (!turn.isDecided) startActivation(turn, activationOf(state, id));
  // what came due while nothing was to happen (C-1029)
  for (const unit of [...state.activations.values(), ...state.items.values()]) goOn(turn, unit);
  takeUpAll(turn);
}

/** For tasks that were asked for, for every answer from outside, and for child runs. */
function askAgain(turn: RoutedTurn, tasks: Iterable<string>): void {
  const { state } = turn;
  for (const id of tasks) turn.command(requestCommandOf(state, unitOf(state, id)));
  for (const id of state.delegates) turn.command(openDelegateCommandOf(unitOf(state, id)));
  for (const id of state.children) turn.command(startChildCommandOf(state, unitOf(state, id), true));
  for (const requestId of state.cancelledChildren) turn.command(cancelChildCommandOf(state, requestId));
}

function take(turn: RoutedTurn, requestId: string, outcome: Outcome): void {
  const asked = opening(turn.state, requestId);
  if (asked) turn.fact({ fact: 'opened', activation: asked.id });
  const hasAsked = asked && !('failure' in outcome);
  const unit = asked ?? awaiting(turn.state, requestId);
  if (!unit || hasAsked) return;
  if (unit.state === 'REVERTING') return undone(turn, unit, outcome);
  if (isWaiting(turn, unit)) answered(turn, unit, outcome);
}

function cancelDelegate(turn: RoutedTurn, requestId: string, failure: Failure): void {
  const unit = awaiting(turn.state, requestId);
  if (unit && turn.state.delegates.has(unit.id) && isWaiting(turn, unit)) cancelled(turn, unit, failure);
}

/** What begins to wait for the next one in this turn does not have this one. */
function eventArrived(turn: RoutedTurn, { event, value }: Extract<Event, { type: 'eventArrived' }>): void {
  const waiting = waitingFor(turn.state, event);
  for (const requestId of waiting.map((unit) => unit.requestId ?? '')) take(turn, requestId, { value });
}

/** What an event would end now. */
export function waitingFor(state: RoutedState, event: EventName): readonly (Activation | Item)[] {
  return Array.from(state.delegates, (id) => unitOf(state, id)).filter(({ atom, args }) => {
    if (atom.definition.task !== waitEventTask) return false;
    const { name, key } = eventAwaited(args);
    return name === event.name && key === event.key;
  });
}

/** Whoever answers a delegate that is paused has it go on before; then its time may turn out to be over. */
function isWaiting(turn: RoutedTurn, unit: Activation | Item): boolean {
  const { requestId = '' } = unit;
  if (turn.state.delegates.has(unit.id)) goOnWith(turn, unit);
  return unit.requestId === requestId;
}

function extendDelegate(turn: RoutedTurn, requestId: string, delayMs: number): void {
  const unit = awaiting(turn.state, requestId);
  if (unit && turn.state.delegates.has(unit.id)) awaitAnswer(turn, unit, delayMs);
}

function withdrawn(turn: RoutedTurn, requestId: string): void {
  const { flow, isStopped } = turn.state;
  const unit = opening(turn.state, requestId) ?? awaiting(turn.state, requestId);
  if (!unit) return;
  if (isStopped) return neverBegin(turn, unit.id);
  if (flow === 'SUSPENDING') turn.fact({ fact: 'withdrawn', atom: unit.id });
}

/** A child run that is suspended suspends its parent; the last one that goes on has it go on (C-1303). */
function childChanged(
  turn: RoutedTurn,
  { requestId, state: to, order }: Extract<Event, { type: 'childChanged' }>,
): void {
  const { state } = turn;
  const unit = awaiting(state, requestId);
  if (!unit || !state.children.has(unit.id) || unit.state === to) return;
  if (to === 'SUSPENDED') {
    if (order < unit.order) return;
    turn.activation(unit, to);
    return suspend(turn);
  }
  turn.activation(unit, to);
  goOnUnlessPaused(turn);
}

function delegateChanged(
  turn: RoutedTurn,
  { requestId, state: to }: Extract<Event, { type: 'delegateChanged' }>,
): void {
  const { state } = turn;
  const unit = awaiting(state, requestId);
  if (!unit || !state.delegates.has(unit.id) || unit.state === to) return;
  if (to === 'RUNNING') return goOnWith(turn, unit);
  // a run that is suspended at somebody's word goes on at such a word only
  if (state.flow !== 'RUNNING' && pausedIn(state).length === 0) return;
  turn.activation(unit, to);
  suspend(turn);
}

/** The run first: an owner that finds only a part of the turn suspends it again, and is told again. */
function goOnWith(turn: RoutedTurn, unit: Activation | Item): void {
  if (unit.state !== 'SUSPENDED') return;
  if (pausedIn(turn.state).length === 1) {
    turn.stopSuspending();
    resume(turn);
  }
  if (unit.state === 'SUSPENDED') turn.activation(unit, 'RUNNING');
}

function goOnUnlessPaused(turn: RoutedTurn): void {
  const { state } = turn;
  if (pausedIn(state).length > 0) {
    // the others win until all of them are
    if (state.flow === 'SUSPENDING') orderChildren(turn, 'suspendChild');
    return;
  }
  turn.stopSuspending();
  resume(turn);
}

/** While suspended its effect is held until the run goes on (C-1029). */
function timerFired(turn: RoutedTurn, id: string): void {
  const { state } = turn;
  if (id === laterTimer) return followOn(turn);
  const unit = findUnit(state, state.timers.get(id) ?? '');
  if (!unit) return;
  turn.fact({ fact: 'timer', id, state: 'fired' });
  goOn(turn, unit);
}

function stop(turn: RoutedTurn, event: StopEvent): void {
  const { flow, rollback, flowId } = turn.state;
  if (flowOutcomes.some((outcome) => outcome === flow)) return;
  if (rollback) throw beingUndone(flowId);
  if (flow === 'PENDING') start(turn);
  if (!turn.isDecided) stopFlow(turn, event);
}

/** Without `rollback` what ran is never undone (C-1305), unless that has begun already; nor is there anything of a run that has not begun. */
function cancel(turn: RoutedTurn, revert: boolean | 'always'): void {
  const { state } = turn;
  const { flow } = state;
  if (flow === 'SUCCESS' || flow === 'FAILURE' || flow === 'CANCELLED' || flow === 'REVERTED') return;
  const isUndoing = state.rollback !== undefined || state.graph.definition.rollback === 'completed';
  if ((revert === 'always' || (revert && isUndoing)) && flow !== 'PENDING') return cancelAndUndo(turn);
  for (const id of state.rollback ? state.outstanding : [])
    turn.command({ type: 'abort', atom: id, requestId: unitOf(state, id).requestId ?? '' });
  for (const activation of [...state.activations.values()]) {
    if (isOver(activation.state)) continue;
    abandon(turn, activation);
    turn.activation(activation, 'CANCELLED');
  }
  turn.flow('CANCELLED');
  turn.command({ type: 'finish', outcome: 'CANCELLED', failures: [] });
}
