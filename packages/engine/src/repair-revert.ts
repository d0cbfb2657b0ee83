/** What a person decides about a revert that failed; the engine leaves REVERT_FAILURE on nobody else's word (E-712). */
import { noteOf } from './operator-note.js';
import type { RepairEvent } from './protocol.js';
import { nextAttempt, submit } from './schedule.js';
import type { TurnDraft } from './turn-draft.js';

/**
 * Calls `revert` of the atom again, with the same result (E-1321), or takes the atom as undone by hand (E-1322). When no failed revert is
 * left, the flow goes on from where it stood; else it ends as FAILURE again, once nothing is outstanding. An atom whose revert did not fail,
 * or is being retried already: nothing.
 */
export function repairRevert(turn: TurnDraft, { type, atom, ...given }: RepairEvent): boolean {
  const { state } = turn;
  const id = state.compiled.atoms.get(atom)?.id;
  if (id === undefined || turn.run(id).state !== 'REVERT_FAILURE' || !goOn(turn)) return false;
  const node = turn.node(id);
  const note = noteOf(given);
  if (type === 'acceptRevert') turn.atom(node, 'REVERTED', note);
  else {
    turn.atom(node, 'REVERTING', { ...nextAttempt(turn, node, 'revert'), ...note });
    submit(turn, node);
  }
  return true;
}

/** A flow that ended as FAILURE runs again, for what a person decided; false: it is over otherwise, or suspended. */
export function goOn(turn: TurnDraft): boolean {
  const { state } = turn;
  if (state.flow !== 'FAILURE') return state.flow === 'RUNNING';
  turn.flow('RUNNING');
  // a flow that failed while it was being suspended may have taken requests back
  for (const id of new Set([...state.outstanding.members(), ...state.waiting])) turn.reissued.push(id);
  return true;
}
