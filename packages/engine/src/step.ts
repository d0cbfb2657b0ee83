/**
 * The engine: one event in; facts to store and commands to carry out, out (engine.md 8.2, DESIGN 6).
 *
 * Pure and deterministic: no clock, no randomness, no awaiting. The state is moved in and changed in place; after an error it is
 * worthless. An event costs the degree of the atoms it touches, a change of a whole scope the size of the scope.
 * Where things are: readiness.ts (what may start), schedule.ts (starting), incoming.ts and settle.ts (what came back), resolve.ts (who decides about a
 * failure), begin.ts (run, adopt, suspend, cancel), repair-revert.ts, rerun.ts and skip.ts (what an operator wants), finish.ts (how it ends), apply-fact.ts (every change
 * of the state).
 */
import { assertNever } from '@baton/core';
import { adopt, cancel, prepare, reset, resume, revertRun, run, stop, suspend } from './begin.js';
import { answered, delegateChanged, eventArrived, timerFired, withdrawn } from './incoming.js';
import type { Event, Turn, Watch } from './protocol.js';
import { repairRevert } from './repair-revert.js';
import { rerun } from './rerun.js';
import type { RunState } from './run-state.js';
import { advance } from './schedule.js';
import { skip } from './skip.js';
import { TurnDraft } from './turn-draft.js';
import { extend, openDelegate } from './waiting.js';

/**
 * Takes one event. An event that is late, repeated or not for this run changes nothing and gives an empty turn (E-856, E-857).
 * @throws ConflictError `BATON_CONFLICT_HALF_UNDONE` when a flow with a failed revert is to run again (E-1310).
 * @throws ConflictError `BATON_CONFLICT_NOT_RESETTABLE` when a flow that is under way or half undone is to be reset (E-806), or one of
 *   which other parts were undone is to run again from an atom on (E-1324).
 * @throws ConflictError `BATON_CONFLICT_NOT_REPAIRABLE` when a flow that is being undone is to be stopped (C-1306).
 * @throws InvariantError when the impossible happens.
 */
export function step(state: RunState, event: Event, watch?: Watch): Turn {
  const turn = new TurnDraft(state, watch);
  if (handle(turn, event)) advance(turn);
  return turn;
}

/** Whether anything was changed, so that it must be seen what follows. */
function handle(turn: TurnDraft, event: Event): boolean {
  switch (event.type) {
    case 'run':
      return run(turn);
    case 'adopt':
      return adopt(turn);
    case 'resume':
      return resume(turn);
    case 'completed':
      return answered(turn, event.requestId, event.value === undefined ? {} : { value: event.value });
    case 'failed':
      return answered(turn, event.requestId, { failure: event.failure });
    case 'suspend':
      return event.isShared === true ? turn.suspend() : suspend(turn);
    case 'withdrawn':
      return withdrawn(turn, event.requestId);
    case 'cancelled':
      return (
        openDelegate(turn.state, event.requestId) !== undefined &&
        answered(turn, event.requestId, { failure: event.failure })
      );
    case 'extended':
      extend(turn, event.requestId, event.delayMs);
      return false;
    case 'eventArrived':
      return eventArrived(turn, event);
    case 'delegateChanged':
      return delegateChanged(turn, event);
    case 'prepare':
      return prepare(turn);
    case 'reset':
      return reset(turn);
    case 'cancel':
      return cancel(turn, event.revert !== false);
    case 'stop':
      return stop(turn, event);
    case 'revert':
      return revertRun(turn, event);
    case 'retryRevert':
    case 'acceptRevert':
      return repairRevert(turn, event);
    case 'rerun':
      return rerun(turn, event);
    case 'skip':
      return skip(turn, event);
    case 'timerFired':
      return timerFired(turn, event.id);
    case 'childChanged': // it has no child runs
    case 'childCancelled':
      return false;
    default:
      return assertNever(event);
  }
}
