/** What a person decides about a revert that failed; the engine leaves REVERT_FAILURE on nobody else's word (E-712). */
import type { RepairEvent } from './protocol.js';
import { nextAttempt, submit } from './schedule.js';
import type { TurnDraft } from './turn-draft.js';

/**
 * Calls `revert` of the atom again, with the same result (E-1321), or takes the atom as undone by hand (E-1322). When no failed revert is
 * left, the flow goes on from where it stood; else it ends as FAILURE again, once nothing is outstanding. An atom whose revert did not fail,
 * or is being retried already: nothing.
 */
export function repairRevert(turn: TurnDraft, { type, atom, by, reason }: RepairEvent): boolean {
  const { state } = turn;
  const id = state.compiled.atoms.get(atom)?.id;
  if (id === undefined || turn.run(id).state !== 'REVERT_FAILURE') return false;
  if (state.flow === 'FAILURE') begin(turn);
  else if (state.flow !== 'RUNNING') return false;
  const node = turn.node(id);
  const note = { note: { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) } };
  if (type === 'acceptRevert') turn.atom(node, 'REVERTED', note);
  else {
    turn.atom(node, 'REVERTING', { ...nextAttempt(turn, node, 'revert'), ...note });
    submit(turn, node);
  }
  return true;
}

function begin(turn: TurnDraft): void {
  turn.flow('RUNNING');
  // a flow that failed while it was being suspended may have taken requests back
  for (const outstanding of turn.state.outstanding) turn.reissued.push(outstanding);
}
