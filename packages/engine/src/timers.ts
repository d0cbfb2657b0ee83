import type { AtomNode } from './compiled.js';
import type { TurnDraft } from './turn-draft.js';

/** A durable timer: the driver fires it, once, `delayMs` or more after the entry was stored (C-210). */
export function startTimer(turn: TurnDraft, node: AtomNode, id: string, delayMs: number): void {
  turn.fact({ fact: 'timer', id, state: 'set', atom: node.name, delayMs });
  turn.command({ type: 'startTimer', id, delayMs });
}

export function cancelTimer(turn: TurnDraft, id: string): void {
  turn.fact({ fact: 'timer', id, state: 'cancelled' });
  turn.command({ type: 'cancelTimer', id });
}

/** Not durable, and no fact: whoever takes the run up asks what was left undecided anyway. Timers of atoms have a `/` in their ids. */
export const laterTimer = 'conditions';

/** The rest of this turn in a turn of its own, after other work of the process. */
export function goOnLater(turn: Pick<TurnDraft, 'command'>): void {
  turn.command({ type: 'startTimer', id: laterTimer, delayMs: 0 });
}
