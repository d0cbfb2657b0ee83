import { ignore } from './decide.js';
import { noteOf } from './operator-note.js';
import type { SkipEvent } from './protocol.js';
import { goOn } from './repair-revert.js';
import type { TurnDraft } from './turn-draft.js';

/** An operator has a failed atom left out, and the flow goes on without it (C-1310). */
export function skip(turn: TurnDraft, { atom, depth = 'atom', ...given }: SkipEvent): boolean {
  const node = turn.state.compiled.atoms.get(atom);
  if (!node) return false;
  const { state, intention } = turn.run(node.id);
  if (state !== 'FAILURE' || intention !== 'EXECUTE' || !goOn(turn)) return false;
  ignore(turn, node, depth, noteOf(given));
  return true;
}
