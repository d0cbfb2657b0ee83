/** What a driver reports. False: nobody waits for it; it is superseded, repeated, or the run is over (E-856, E-857). */
import { submitAttempt, tryAgain } from './attempts.js';
import type { Outcome } from './protocol.js';
import { awaiting } from './run-state.js';
import { settle } from './settle.js';
import { laterTimer } from './timers.js';
import type { TurnDraft } from './turn-draft.js';

/** The answer to a request. */
export function answered(turn: TurnDraft, requestId: string, outcome: Outcome): boolean {
  const { state } = turn;
  const id = awaiting(state, requestId);
  if (id === undefined || (state.flow !== 'RUNNING' && state.flow !== 'SUSPENDING')) return false;
  const node = turn.node(id);
  const again = 'failure' in outcome && node.kind === 'task' && tryAgain(turn, node, outcome.failure);
  if (!again) settle(turn, node, outcome);
  return true;
}

/** A request nobody began to work on was taken back; its atom stays as it is (E-823). */
export function withdrawn(turn: TurnDraft, requestId: string): boolean {
  const id = awaiting(turn.state, requestId);
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
  if (node.kind === 'task' && turn.run(id).state === 'RUNNING') submitAttempt(turn, node);
  return true;
}
