import type { ClaimEntry, Fact, Failure, Fence, FlowOutcome, JournalEntry, Runtime } from '@baton/core';
import { splitFacts } from '@baton/persistence';
import { limits } from './options.js';

/** Each below the inline limit of values, so that all together fit one document. */
const FEW = 8;

/**
 * The entries of one turn: usually one. Facts are folded one after the other, so a turn that would be too large for a document is
 * cut between facts; a crash in between leaves a state from which the next owner goes on. The last entry of a finished run is
 * terminal; a claim entry stays first.
 */
export function turnEntries(
  turn: {
    readonly flowId: string;
    readonly seq: number;
    readonly fence: Fence;
    readonly facts: readonly Fact[];
    readonly outcome: FlowOutcome | undefined;
    /** Why the run ends without the engine. */
    readonly reason?: Failure | undefined;
    readonly claim?: ClaimEntry['claim'];
  },
  runtime: Runtime,
): JournalEntry[] {
  // few facts cannot be too large, and measuring them costs as much as encoding them
  const parts =
    turn.facts.length <= FEW ? [turn.facts] : [...splitFacts(turn.facts, limits.entryFactBytesMax)];
  // a claim entry cannot be terminal: a run that ends in its first turn needs both
  if (turn.claim !== undefined && turn.outcome !== undefined && parts.length === 1) parts.push([]);
  return parts.map((facts, index): JournalEntry => {
    const common = {
      flowId: turn.flowId,
      seq: turn.seq + index,
      fence: turn.fence,
      opId: runtime.random.nonce(),
      atMs: runtime.clock.wallMs(),
      facts,
    };
    if (index === 0 && turn.claim !== undefined) return { ...common, kind: 'claim', claim: turn.claim };
    if (index === parts.length - 1 && turn.outcome !== undefined)
      return {
        ...{ ...common, kind: 'terminal', outcome: turn.outcome },
        ...(turn.reason && { reason: turn.reason }),
      };
    return { ...common, kind: 'turn' };
  });
}
