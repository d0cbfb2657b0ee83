/** The journal: what a reader makes of it, and what it accepts (I01, I02, I04, I07, I09, I10, I12 are checked here). */
import { nothingKnown, type Entry, type Known, type State } from './state.js';
import type { Rules } from './variant.js';

/** What entries 0 to `upTo` say (P-504). */
export function known(rules: Rules, journal: readonly Entry[], upTo: number): Known {
  const found: Known = { ...nothingKnown };
  for (const entry of journal.slice(1, upTo + 1)) follow(rules, found, entry);
  return found;
}

/** One entry more. */
export function follow(rules: Rules, found: Known, entry: Entry): void {
  switch (entry.kind) {
    case 'claim':
      found.lastFence = entry.fence;
      found.life = entry.life;
      found.idleClaims++;
      if (!rules.was('probePlaceNotRecorded') && found.delivery > 0)
        found.places = [...found.places, [entry.by, entry.from]];
      return;
    case 'reopen':
      Object.assign(found, { isOver: false, step: -1, delivery: 0, idleClaims: 0, isReopened: true });
      return;
    case 'note':
      found.idleClaims = 0;
      return;
    case 'turn': {
      const { step, delivery, worker, by, from } = entry;
      Object.assign(found, {
        step,
        delivery,
        worker,
        idleClaims: 0,
        places: delivery > 0 ? [[by, from]] : [],
      });
      return;
    }
    case 'terminal':
      Object.assign(found, { isOver: true, idleClaims: 0 });
      return;
    case 'post':
      return;
  }
}

/** Whether an insert under this number would be taken. */
export function isFree({ journal }: State, seq: number): boolean {
  return seq >= journal.length || journal[seq]?.isDeleted === true;
}

export function broken(state: State, violation: string): void {
  state.violation ??= violation;
}

/** A free number takes an entry. */
export function accept(rules: Rules, state: State, seq: number, entry: Entry): void {
  const violation = objection(rules, state, seq, entry);
  if (violation !== undefined) return broken(state, violation);
  if (entry.completes >= 0) state.recorded |= 1 << entry.completes;
  if (entry.kind === 'reopen') state.recorded = 0;
  state.journal = [...state.journal, entry];
}

function objection(rules: Rules, state: State, seq: number, entry: Entry): string | undefined {
  const { journal } = state;
  if (seq < journal.length) return 'I02: an insert was accepted at a deleted id below the tail';
  if (seq > journal.length) return 'I04: an insert was accepted above a gap';
  return orderObjection(state, entry) ?? stepObjection(rules, state, entry);
}

function orderObjection({ journal, isRerunStored }: State, entry: Entry): string | undefined {
  const mayFollowEnd =
    isRerunStored &&
    (entry.kind === 'claim' ||
      entry.kind === 'reopen' ||
      entry.isPoison ||
      journal.some(({ kind }) => kind === 'reopen'));
  for (const before of journal) {
    if (before.fence > entry.fence) return 'I02: an entry with a lower fence was accepted after a higher one';
    if (before.fence === entry.fence && entry.fence > 0 && before.by !== entry.by)
      return 'I01: two sessions wrote under one fence';
    if (before.kind === 'terminal' && !mayFollowEnd)
      return 'I07: an entry was accepted after the terminal entry';
  }
  return undefined;
}

function stepObjection(rules: Rules, state: State, entry: Entry): string | undefined {
  const { poison, dies } = rules.variant;
  const { completes, step, delivery } = entry;
  const isAnswered = state.replies.some((inbox) =>
    inbox.some((reply) => reply.type === 'result' && reply.step === completes),
  );
  if (completes >= 0 && rules.isTask(completes) && !isAnswered)
    return 'I09: a step was completed that no worker answered';
  const claimsBefore = known(rules, state.journal, state.journal.length - 1).idleClaims;
  if (poison > 0 && entry.kind === 'claim' && claimsBefore >= poison)
    return 'H16: a poison job was claimed once more';
  if (completes >= 0 && (state.recorded & (1 << completes)) !== 0) return 'I12: a step was completed twice';
  const recorded = completes >= 0 ? state.recorded | (1 << completes) : state.recorded;
  if (entry.kind === 'turn' && delivery > 0 && (recorded & (1 << step)) !== 0)
    return 'P-103: a recorded step was requested again';
  if (entry.kind === 'turn' && delivery > 1 && (state.acknowledgedResults & (1 << step)) !== 0)
    return 'I10: a step was sent again although Kafka had acknowledged its result';
  if (entry.isPoison && dies === 'waiting') return 'I08: a healthy job was trashed as poison';
  return undefined;
}
