/** How control moves: what was taken is followed, joins are judged, fan-outs filled, until the turn has nothing left to do. */
import { failureOf, type Failure, InvariantError } from '@baton/core';
import { isRouteCommand, type RouteCommand } from '@baton/flow';
import { goOnLater } from '../timers.js';
import { begin, beginItem, nextToFill, serve, takeUp } from './activate.js';
import { orderChildren, pausedIn, suspend } from './child-command.js';
import type { Pending } from './backlog.js';
import { endAgain, endFlow, endIfOver } from './end.js';
import { noteUnreachable, revive, verdictOf } from './joins.js';
import { nextToUndo } from './rollback.js';
import { activationOf, nextIdOf, type RoutedState, unitOf, type WaitingJoin } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import { settle } from './settle.js';

/** What one turn follows; the rest of a cycle that waits for nobody, or of a wide clause, has others of its own (C-211). */
const stepsMax = 250;

/** Follows what was taken as long as the run goes on, and ends it when nothing is left. */
export function follow(turn: RoutedTurn): void {
  const { state } = turn;
  for (let steps = 0; state.flow === 'RUNNING'; steps++) {
    const follow = state.rollback ? nextToUndo(turn, state.rollback) : nextToFollow(turn);
    if (!follow) break;
    if (steps === stepsMax || turn.isDear) return goOnLater(turn);
    follow();
  }
  const { rollback } = state;
  endIfOver(turn);
  // it has just turned out that there is something to undo
  if (state.rollback !== rollback) follow(turn);
}

function nextToFollow(turn: RoutedTurn): (() => void) | undefined {
  const join = nextDecided(turn);
  if (join) return () => leaveJoin(turn, join);
  const [due] = turn.state.due;
  if (due !== undefined) return () => serve(turn, unitOf(turn.state, due));
  const fanOut = nextToFill(turn);
  if (fanOut) return () => beginItem(turn, fanOut);
  const pending = turn.state.backlog.first;
  if (!pending) return undefined;
  const { to } = pending;
  return isRouteCommand(to) ? () => obey(turn, pending, to) : () => arrive(turn, pending);
}

/** A new owner, or the run goes on: nothing is taken for told that may not have been stored. */
export function takeUpAll(turn: RoutedTurn): void {
  const { state } = turn;
  if (state.rollback) return endAgain(turn);
  if (state.flow === 'RUNNING') revive(turn);
  for (const unit of [...state.activations.values(), ...state.items.values()]) takeUp(turn, unit);
  if (state.held.size > 0 || pausedIn(state).length > 0) suspend(turn);
  followOn(turn);
  if (turn.isDecided && state.flow !== 'PENDING') endAgain(turn);
}

/** Follows on what an earlier turn left, whoever ran that. */
export function followOn(turn: RoutedTurn): void {
  if (turn.state.flow === 'RUNNING') for (const join of turn.state.joins.values()) turn.judge(join);
}

function obey(turn: RoutedTurn, { message, by }: Pending, command: RouteCommand): void {
  if (command === 'suspend') {
    turn.flow('SUSPENDING', message === undefined ? {} : { message });
    turn.fact({ fact: 'arrival', at: command, ...(by && { by }) });
    orderChildren(turn, 'suspendChild');
  } else endFlow(turn, command === 'fail' ? 'FAILURE' : 'SUCCESS', message);
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
