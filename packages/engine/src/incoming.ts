/** What a driver reports. False: nobody waits for it; it is superseded, repeated, or the run is over (E-856, E-857). */
import { concluded, submitAttempt, waitOn } from './attempts.js';
import { run } from './begin.js';
import type { NodeId } from './compiled.js';
import type { Event, Outcome } from './protocol.js';
import { awaiting } from './run-state.js';
import { laterTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';
import { openDelegate, opening, pause, waitingFor } from './waiting.js';

/** The answer to a request. */
export function answered(turn: TurnDraft, requestId: string, outcome: Outcome): boolean {
  const { state } = turn;
  const isGoing = state.flow === 'RUNNING' || state.flow === 'SUSPENDING';
  const asked = isGoing ? opening(state, requestId) : undefined;
  if (asked) {
    turn.fact({ fact: 'opened', activation: asked.name });
    if ('failure' in outcome) concluded(turn, asked, outcome);
    return true;
  }
  const id = awaiting(state, requestId);
  if (id === undefined || (state.waiting.has(id) ? !openDelegate(state, requestId) : !isGoing)) return false;
  // whoever answers what he paused has it go on before
  const isAwake = goOnWith(turn, id) || isGoing;
  concluded(turn, turn.node(id), outcome);
  // what follows from an answer that comes while the run is suspended does so when it goes on
  return isAwake;
}

/** A delegate that is paused, or no more; the last of them has the run go on (C-1107). */
export function delegateChanged(
  turn: TurnDraft,
  { requestId, state }: Extract<Event, { type: 'delegateChanged' }>,
): boolean {
  if (state === 'SUSPENDED') return pause(turn, requestId);
  const node = openDelegate(turn.state, requestId);
  return node !== undefined && goOnWith(turn, node.id);
}

/** Whether the run goes on with it. */
function goOnWith(turn: TurnDraft, id: NodeId): boolean {
  const { paused } = turn.state;
  if (!paused.has(id)) return false;
  if (paused.size === 1) return run(turn);
  turn.fact({ fact: 'paused', atom: turn.node(id).name, state: 'RUNNING' });
  return false;
}

/** An event happened outside; what begins to wait for the next one in this turn does not have this one. */
export function eventArrived(
  turn: TurnDraft,
  { event, value }: Extract<Event, { type: 'eventArrived' }>,
): boolean {
  const arrived = waitingFor(turn.state, event).map((requestId) => answered(turn, requestId, { value }));
  return arrived.includes(true);
}

/** A request nobody began to work on was taken back; its atom stays as it is (E-823). */
export function withdrawn(turn: TurnDraft, requestId: string): boolean {
  const id = opening(turn.state, requestId)?.id ?? awaiting(turn.state, requestId);
  if (id === undefined || turn.state.flow !== 'SUSPENDING') return false;
  turn.fact({ fact: 'withdrawn', atom: turn.node(id).name });
  return true;
}

/** A timer is due. */
export function timerFired(turn: TurnDraft, timer: string): boolean {
  if (timer === laterTimer) return turn.state.flow === 'RUNNING';
  const id = turn.state.timers.get(timer);
  if (id === undefined) return false;
  turn.fact({ fact: 'timer', id: timer, state: 'fired' });
  const node = turn.node(id);
  if (node.kind !== 'task' || turn.run(id).state !== 'RUNNING') return true;
  if (!turn.state.waiting.has(id)) submitAttempt(turn, node);
  else if (turn.state.flow === 'RUNNING') waitOn(turn, node);
  return true;
}
