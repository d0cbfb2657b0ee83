/** An operator has an ended run run again (E-1324): in a new life of the atoms concerned, under request ids that were never used. */
import { ConflictError, flowOutcomes } from '@baton/core';
import { descendants } from './apply-fact.js';
import { checkNotHalfUndone, takeUp } from './begin.js';
import type { AtomNode } from './compiled.js';
import { noteOf } from './operator-note.js';
import type { RerunEvent } from './protocol.js';
import type { TurnDraft } from './turn-draft.js';

export function rerun(turn: TurnDraft, { from, ...given }: RerunEvent): boolean {
  const { state } = turn;
  const head = from === undefined ? undefined : state.compiled.atoms.get(from);
  if ((from !== undefined && !head) || !flowOutcomes.some((outcome) => outcome === state.flow)) return false;
  checkNotHalfUndone(turn);
  if (head) checkRestStands(turn, head);
  turn.fact({ fact: 'scope', ...(head && { of: head.name }), to: 'RERUN', ...noteOf(given) });
  // when the run was cancelled these were told to stop: asked under the same id they would answer that they did
  for (const id of new Set([...state.outstanding.members(), ...state.waiting]))
    turn.fact({ fact: 'scope', of: turn.node(id).name, to: 'RERUN', ...noteOf(given) });
  if (state.flow === 'REVERTED') turn.flow('PENDING');
  turn.flow('RUNNING');
  takeUp(turn);
  return true;
}

/** What was undone, or was to be, stays so and would end the run as REVERTED with the rest of it standing (E-1933). */
function checkRestStands({ state }: TurnDraft, head: AtomNode): void {
  const again = new Set<AtomNode>([head, ...descendants(state, head.id)]);
  for (const node of state.compiled.atoms.values()) {
    const intention = state.runs[node.id]?.intention;
    if (again.has(node) || (intention !== 'REVERT' && intention !== 'RETRY')) continue;
    throw new ConflictError(
      'BATON_CONFLICT_NOT_RESETTABLE',
      `${node.name} of ${state.flowId} was undone and is not after ${head.name}: run all of it again`,
    );
  }
}
