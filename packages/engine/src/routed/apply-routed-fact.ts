/** The only place where the state of a routed run changes: one fact at a time, checked against the transition tables (C-330). */
import {
  type ActivationFact,
  activationTransitions,
  type ArrivalFact,
  checkTransition,
  type Fact,
  type Failure,
  type FlowFact,
  flowOutcomes,
  type FlowState,
  flowTransitions,
  InvariantError,
  type LostFact,
  requestIdOf,
  type TimerFact,
  type VariablesFact,
} from '@baton/core';
import { awaitedOutside } from '@baton/flow';
import type { Witness } from '../apply-fact.js';
import { applyRollback, applyUndo, noteOver } from './apply-undo.js';
import { isBuiltIn } from '../built-in-tasks.js';
import { outbound } from './context.js';
import { joinOf, verdictOf } from './joins.js';
import {
  type Activation,
  activationOf,
  contextOf,
  findUnit,
  isItem,
  isOver,
  isUndo,
  type Item,
  type ItemVariables,
  lastAttemptOf,
  newActivation,
  newFanOut,
  nextIdOf,
  passOver,
  type RoutedState,
  totalTimerOf,
  type Unit,
  unitOf,
} from './routed-state.js';

/** @throws InvariantError `BATON_INVARIANT_TRANSITION` when a fact does not fit the state. */
export function applyRoutedFact(state: RoutedState, fact: Fact, witness?: Witness): void {
  switch (fact.fact) {
    case 'flow':
      return applyFlow(state, fact, witness);
    case 'variables':
      return applyVariables(state, fact);
    case 'arrival':
      return applyArrival(state, fact);
    case 'activation':
      return applyActivation(state, fact, witness);
    case 'lost':
      return applyLost(state, fact);
    case 'rollback':
      return applyRollback(state, fact);
    case 'held':
      state.held.add(fact.activation);
      return;
    case 'opened':
      unitOf(state, fact.activation).openId = undefined;
      state.outstanding.delete(fact.activation);
      return;
    case 'timer':
      return applyTimer(state, fact);
    case 'withdrawn':
      state.outstanding.delete(fact.atom);
      state.withdrawn.add(fact.atom);
      return;
    case 'childCancelled':
      state.cancelledChildren.add(fact.requestId);
      return;
    case 'request':
    case 'command':
      return;
    case 'atom':
    case 'attempt':
    case 'intention':
    case 'scope':
    case 'history':
    case 'paused':
      return misfit(state, `${fact.fact} is of an ordered flow`);
  }
}

function applyFlow(state: RoutedState, fact: FlowFact, witness?: Witness): void {
  if (state.flow !== fact.from) misfit(state, `the flow is ${state.flow}, so it cannot leave ${fact.from}`);
  checkTransition(flowTransitions, fact.from, fact.to, state.flowId);
  state.flow = fact.to;
  const isReopened = (flowOutcomes as readonly FlowState[]).includes(fact.from);
  state.isStopped = fact.isStopped === true;
  if (isReopened || fact.message !== undefined) state.message = fact.message;
  if (isReopened || fact.output !== undefined) state.output = fact.output;
  if (fact.from === 'PENDING' && fact.to === 'RUNNING')
    for (const index of state.graph.start) state.backlog.add({ to: state.graph.atoms[index]?.name ?? '' });
  if (fact.to === 'RUNNING') {
    for (const id of state.withdrawn) state.outstanding.add(id);
    state.withdrawn.clear();
  }
  if (fact.to === 'RUNNING' && fact.from === 'SUSPENDED') {
    state.resumes++;
    for (const id of state.children) unitOf(state, id).order = state.resumes;
  }
  // a run that is over follows nothing any more
  if (fact.to === 'SUCCESS' || fact.to === 'FAILURE' || fact.to === 'CANCELLED') state.backlog.clear();
  witness?.changed({ of: 'flow', from: fact.from, to: fact.to });
}

function applyVariables(state: RoutedState, { env, vars }: VariablesFact): void {
  if (env) {
    state.env = env;
    state.isEnvPatched = state.flow !== 'PENDING';
    state.isEnvMade = true;
  }
  state.vars = vars ?? state.vars;
}

function applyArrival(state: RoutedState, { at, activation: id, by }: ArrivalFact): void {
  if (state.backlog.take()?.to !== at) misfit(state, `nothing led to ${at}`);
  if (id === undefined) return;
  const activation = state.activations.get(id) ?? begun(state, at, id);
  // a join that has started looks back no more (C-508)
  if (by === undefined || isOver(activation.state) || activation.state === 'RUNNING') return;
  activation.triggeredBy.push(by);
  const { atom } = activation;
  const from = activationOf(state, by.activation);
  if (atom.join === undefined) activation.inbound = from.outbound;
  state.joins.get(atom.index)?.arrived.add(from.atom.index);
}

function begun(state: RoutedState, name: string, id: string): Activation {
  const atom = state.graph.byName.get(name);
  if (!atom || nextIdOf(state, atom) !== id) return misfit(state, `${id} cannot begin`);
  const activation = newActivation(id, atom);
  state.activations.set(id, activation);
  state.latest[atom.index] = activation;
  state.counts[atom.index] = (state.counts[atom.index] ?? 0) + 1;
  state.live[atom.index] = (state.live[atom.index] ?? 0) + 1;
  state.unfinished++;
  if (atom.join !== undefined) state.joins.set(atom.index, joinOf(state, activation));
  return activation;
}

function applyActivation(state: RoutedState, fact: ActivationFact, witness?: Witness): void {
  const unit = unitOf(state, fact.activation);
  const { from, to } = fact;
  if (unit.state !== from) misfit(state, `${fact.activation} is ${unit.state}, not ${from}`);
  if (checkTransition(activationTransitions, from, to, fact.activation) === 'ignore') return;
  if (to === 'SUSPENDED' || (from === 'SUSPENDED' && to === 'RUNNING')) {
    unit.state = to;
    return witness?.changed({ of: 'activation', atom: fact.activation, from, to });
  }
  if (isUndo(to)) stopWaiting(state, unit);
  else if (isItem(unit)) count(state, unit, fact);
  else if (isOver(from)) reopen(state, unit, fact);
  else leave(state, unit, fact);
  unit.state = to;
  if (isUndo(to)) applyUndo(state, unit, fact);
  else if (to === 'RUNNING') begin(state, unit, fact);
  else if (to !== 'PENDING' && to !== 'WAITING') conclude(state, unit, fact);
  witness?.changed({ of: 'activation', atom: fact.activation, from, to });
}

function conclude(state: RoutedState, unit: Activation | Item, fact: ActivationFact): void {
  const { value, failure, delay, from, to } = fact;
  unit.hasRun ||= from === 'RUNNING' && mayHaveBegun(unit, failure);
  unit.value = value;
  unit.failure = failure ?? unit.failure;
  unit.delay = delay;
  if (!isOver(to)) return;
  if (isItem(unit)) state.items.delete(unit.id);
  else end(state, unit, fact);
}

/** An expression that fails has no say in whether its task ran. */
function mayHaveBegun({ attempt }: Unit, failure: Failure | undefined): boolean {
  return attempt > 0 && failure?.phase !== 'arguments' && failure?.phase !== 'queue';
}

function leave(state: RoutedState, activation: Activation, { from, to }: ActivationFact): void {
  stopWaiting(state, activation);
  state.held.delete(activation.id);
  if (from !== 'WAITING') return;
  const { index } = activation.atom;
  const join = state.joins.get(index);
  if (join && isOver(to) && verdictOf(join) !== 'begin') state.brokenJoins.add(activation.id);
  activation.inbound = contextOf(state, activation);
  state.joins.delete(index);
}

/** A person has it run again, or skipped; or its join may come about after all. What it left behind has been followed, and is forgotten. */
function reopen(state: RoutedState, activation: Activation, fact: ActivationFact): void {
  const { id, atom } = activation;
  const { index } = atom;
  state.unhandled.delete(id);
  state.brokenJoins.delete(id);
  state.unfinished++;
  state.live[index] = (state.live[index] ?? 0) + 1;
  activation.value = activation.failure = activation.delay = undefined;
  activation.isExpired = false;
  // it may lead where nothing was to come any more: who decides about it looks again
  for (const join of state.joins.values()) join.lost.clear();
  if (fact.to === 'WAITING') state.joins.set(index, joinOf(state, activation));
  if (fact.to !== 'PENDING') return;
  activation.spent = lastAttemptOf(activation);
  activation.again = { args: fact.args ?? {}, keepsItems: fact.keepsItems === true };
}

/** An item begins, waits for its next attempt, or is over. */
function count(state: RoutedState, item: Item, { from, to }: ActivationFact): void {
  stopWaiting(state, item);
  const { id, parent } = item;
  const { fanOut } = parent;
  if (!fanOut) return misfit(state, `${id} is of no fan-out`);
  if (from === 'PENDING') fanOut.begun++;
  passOver(fanOut);
  if (fanOut.begun === fanOut.items.length) state.fanOuts.delete(parent);
  if (to === 'RUNNING' && from === 'PENDING') fanOut.running++;
  if (isOver(to) && from !== 'PENDING') fanOut.running--;
  if (to === 'FAILURE') fanOut.failed++;
}

function stopWaiting(state: RoutedState, unit: Unit): void {
  state.outstanding.delete(unit.id);
  state.due.delete(unit.id);
  state.delegates.delete(unit.id);
  state.children.delete(unit.id);
  state.withdrawn.delete(unit.id);
  unit.requestId = unit.openId = undefined;
  if (unit.timer !== undefined) state.timers.delete(unit.timer);
  unit.timer = undefined;
}

/** An attempt begins; without a number the unit only has waited, and its outcome is judged. */
function begin(state: RoutedState, unit: Activation | Item, fact: ActivationFact): void {
  unit.delay = undefined;
  const { attempt, args, limits, items, flow } = fact;
  if (attempt === undefined) return;
  unit.attempt = attempt;
  unit.value = unit.failure = undefined;
  if (args !== undefined) unit.args = args;
  if (flow !== undefined) unit.flow = flow;
  unit.order = 0;
  if (limits !== undefined) unit.limits = limits;
  const fanned = isItem(unit) ? undefined : (items ?? unit.fanOut?.items.map(({ variables }) => variables));
  // the first attempt of a rerun that is given no items keeps those it has
  const isKept = attempt === unit.spent + 1 && !items;
  if (fanned && !isItem(unit)) return fanOut(state, unit, fanned, isKept);
  if (unit.atom.definition.flow !== undefined) unit.runs = [...unit.runs, attempt];
  const { open } = unit.atom.definition;
  const request = { flowId: state.flowId, atom: unit.id, round: 0, attempt };
  unit.requestId = requestIdOf({ ...request, action: 'execute' });
  waitingOf(state, unit).add(unit.id);
  if (open === undefined) return;
  unit.openId = requestIdOf({ ...request, action: 'open' });
  state.outstanding.add(unit.id);
}

/** With what else answers it is waited for. */
function waitingOf({ outstanding, due, delegates, children }: RoutedState, { atom }: Unit): Set<string> {
  const { task, flow } = atom.definition;
  if (awaitedOutside(atom.definition) !== undefined) return delegates;
  if (flow !== undefined) return children;
  return isBuiltIn(task) ? due : outstanding;
}

function fanOut(
  state: RoutedState,
  activation: Activation,
  items: readonly ItemVariables[],
  isKept: boolean,
): void {
  activation.fanOut = newFanOut(activation, items, isKept);
  for (const item of activation.fanOut.items) if (!isOver(item.state)) state.items.set(item.id, item);
  if (items.length > 0) state.fanOuts.add(activation);
}

function end(state: RoutedState, activation: Activation, fact: ActivationFact): void {
  const { published = {}, globals = {}, next = [] } = fact;
  if (activation.totalTimer !== undefined) state.timers.delete(activation.totalTimer);
  activation.totalTimer = undefined;
  for (const { id } of activation.fanOut?.items ?? []) state.items.delete(id);
  state.fanOuts.delete(activation);
  activation.published = published;
  activation.next = next;
  activation.outbound = outbound(activation.inbound, published, state.graph.definition.merge);
  for (const [name, global] of Object.entries(globals)) state.globals.set(name, global);
  const { index } = activation.atom;
  state.live[index] = (state.live[index] ?? 1) - 1;
  state.unfinished--;
  noteEnd(state, activation);
  if (fact.to === 'FAILURE' && !next.some(({ event }) => event === 'error'))
    state.unhandled.add(activation.id);
  for (const { to, event, message } of next) {
    if (to === 'noop') continue;
    const by = { activation: activation.id, event };
    state.backlog.add(message === undefined ? { to, by } : { to, by, message });
  }
}

function noteEnd(state: RoutedState, activation: Activation): void {
  const { rollback } = state;
  if (!rollback) return;
  const { id, failure } = activation;
  if (failure) rollback.failures = { ...rollback.failures, [id]: failure };
  noteOver(state, activation);
}

function applyLost(state: RoutedState, { join, atoms }: LostFact): void {
  const waiting = state.joins.get(activationOf(state, join).atom.index);
  for (const name of atoms) {
    const atom = state.graph.byName.get(name);
    if (atom) waiting?.lost.add(atom.index);
  }
}

function applyTimer(state: RoutedState, fact: TimerFact): void {
  if (fact.state === 'set') {
    const unit = unitOf(state, fact.atom ?? '');
    if (fact.id === totalTimerOf(unit) && !isItem(unit)) unit.totalTimer = fact.id;
    else unit.timer = fact.id;
    state.timers.set(fact.id, unit.id);
    return;
  }
  const unit = findUnit(state, state.timers.get(fact.id) ?? '');
  state.timers.delete(fact.id);
  if (!unit) return;
  if (unit.timer === fact.id) unit.timer = undefined;
  else if (!isItem(unit)) {
    unit.totalTimer = undefined;
    unit.isExpired = fact.state === 'fired';
  }
}

function misfit(state: RoutedState, why: string): never {
  throw new InvariantError('BATON_INVARIANT_TRANSITION', `${state.flowId}: ${why}`);
}
