/** The only place where the state of a routed run changes: one fact at a time, checked against the transition tables (C-330). */
import {
  type ActivationFact,
  activationTransitions,
  type ArrivalFact,
  checkTransition,
  type Fact,
  type FlowFact,
  flowTransitions,
  InvariantError,
  type LostFact,
  requestIdOf,
  type TimerFact,
} from '@baton/core';
import type { Witness } from '../apply-fact.js';
import { outbound } from './context.js';
import {
  type Activation,
  activationOf,
  contextOf,
  isOver,
  newActivation,
  nextIdOf,
  type RoutedState,
} from './routed-state.js';

/** @throws InvariantError `BATON_INVARIANT_TRANSITION` when a fact does not fit the state. */
export function applyRoutedFact(state: RoutedState, fact: Fact, witness?: Witness): void {
  switch (fact.fact) {
    case 'flow':
      return applyFlow(state, fact, witness);
    case 'variables':
      state.vars = fact.vars;
      return;
    case 'arrival':
      return applyArrival(state, fact);
    case 'activation':
      return applyActivation(state, fact, witness);
    case 'lost':
      return applyLost(state, fact);
    case 'timer':
      return applyTimer(state, fact);
    case 'withdrawn':
      state.outstanding.delete(fact.atom);
      state.withdrawn.add(fact.atom);
      return;
    case 'request':
    case 'command':
      return;
    case 'atom':
    case 'attempt':
    case 'intention':
    case 'scope':
    case 'history':
      return misfit(state, `${fact.fact} is of an ordered flow`);
  }
}

function applyFlow(state: RoutedState, fact: FlowFact, witness?: Witness): void {
  if (state.flow !== fact.from) misfit(state, `the flow is ${state.flow}, so it cannot leave ${fact.from}`);
  checkTransition(flowTransitions, fact.from, fact.to, state.flowId);
  state.flow = fact.to;
  if (fact.message !== undefined) state.message = fact.message;
  if (fact.output !== undefined) state.output = fact.output;
  if (fact.from === 'PENDING' && fact.to === 'RUNNING')
    for (const index of state.graph.start) state.backlog.add({ to: state.graph.atoms[index]?.name ?? '' });
  if (fact.to === 'RUNNING') {
    for (const id of state.withdrawn) state.outstanding.add(id);
    state.withdrawn.clear();
  }
  // a run that is over follows nothing any more
  if (fact.to === 'SUCCESS' || fact.to === 'FAILURE' || fact.to === 'CANCELLED') state.backlog.clear();
  witness?.changed({ of: 'flow', from: fact.from, to: fact.to });
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
  if (atom.join !== undefined)
    state.joins.set(atom.index, { activation, arrived: new Set(), lost: new Set() });
  return activation;
}

function applyActivation(state: RoutedState, fact: ActivationFact, witness?: Witness): void {
  const activation = activationOf(state, fact.activation);
  const { from, to } = fact;
  if (activation.state !== from) misfit(state, `${fact.activation} is ${activation.state}, not ${from}`);
  if (checkTransition(activationTransitions, from, to, fact.activation) === 'ignore') return;
  leave(state, activation, fact);
  activation.state = to;
  if (to === 'RUNNING') submit(state, activation, fact);
  if (fact.failure !== undefined) activation.failure = fact.failure;
  if (isOver(to)) end(state, activation, fact);
  witness?.changed({ of: 'activation', atom: fact.activation, from, to });
}

function leave(state: RoutedState, activation: Activation, { from }: ActivationFact): void {
  if (from === 'WAITING') {
    activation.inbound = contextOf(state, activation);
    state.joins.delete(activation.atom.index);
  }
  state.outstanding.delete(activation.id);
  state.withdrawn.delete(activation.id);
  activation.requestId = undefined;
  if (activation.timer !== undefined) state.timers.delete(activation.timer);
  activation.timer = undefined;
}

function submit(state: RoutedState, activation: Activation, { attempt = 1, args }: ActivationFact): void {
  const { flowId, outstanding } = state;
  if (args !== undefined) activation.args = args;
  activation.attempt = attempt;
  activation.failure = undefined;
  activation.requestId = requestIdOf({ flowId, atom: activation.id, action: 'execute', round: 0, attempt });
  outstanding.add(activation.id);
}

function end(state: RoutedState, activation: Activation, fact: ActivationFact): void {
  const { value, published = {}, globals = {}, next = [] } = fact;
  activation.value = value;
  activation.published = published;
  activation.next = next;
  activation.outbound = outbound(activation.inbound, published, state.graph.definition.merge);
  for (const [name, global] of Object.entries(globals)) state.globals.set(name, global);
  const { index } = activation.atom;
  state.live[index] = (state.live[index] ?? 1) - 1;
  state.unfinished--;
  if (fact.to === 'FAILURE' && !next.some(({ event }) => event === 'error'))
    state.unhandled.add(activation.id);
  for (const { to, event, message } of next) {
    if (to === 'noop') continue;
    const by = { activation: activation.id, event };
    state.backlog.add(message === undefined ? { to, by } : { to, by, message });
  }
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
    const activation = activationOf(state, fact.atom ?? '');
    activation.timer = fact.id;
    state.timers.set(fact.id, activation.id);
    return;
  }
  const activation = state.activations.get(state.timers.get(fact.id) ?? '');
  state.timers.delete(fact.id);
  if (activation) activation.timer = undefined;
}

function misfit(state: RoutedState, why: string): never {
  throw new InvariantError('BATON_INVARIANT_TRANSITION', `${state.flowId}: ${why}`);
}
