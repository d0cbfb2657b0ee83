import type { ConductorMoves } from './conductor.js';

/** A snapshot at the own tail, then compaction below the one before (P-409, P-410): it empties entries; an earlier wording deleted them. */
export function compacts(moves: ConductorMoves): void {
  const { move, self } = moves;
  const { rules, before } = move;
  if (!rules.variant.withCompaction || !move.allows('snapshot') || self.seq <= before.snapshots[0]) return;
  moves.to(`writes snapshot ${self.seq} and compacts`, (next) => {
    next.budget = { ...next.budget, snapshot: (next.budget['snapshot'] ?? 0) - 1 };
    next.snapshots = [self.seq, before.snapshots[0]];
    if (!rules.was('compactionDeletes')) return;
    next.journal = next.journal.map((entry, seq) => {
      if (seq === 0 || seq >= next.snapshots[1]) return entry;
      const isKept =
        (entry.kind === 'claim' && !rules.has('compactClaims')) ||
        (next.journal[seq + 1]?.kind === 'claim' &&
          !rules.has('compactBeforeClaim') &&
          !rules.has('compactClaims'));
      return isKept ? entry : { ...entry, isDeleted: true };
    });
  });
}
