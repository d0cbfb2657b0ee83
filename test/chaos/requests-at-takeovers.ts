/** What became of the requests that were under way when a job changed hands: from the journals, and from the answers in the log. */
import type { JobEvidence } from '../simulation/checker/evidence.js';
import type { Reply } from '../simulation/history.js';

/**
 * Each request that was open at a takeover, once. `adopted`: answered, and not assigned again after the takeover. `sentAgain`: assigned again. `endedOtherwise`:
 * neither, because its worker was lost, it was parked or taken back, or its job was cancelled.
 */
export type RequestsAtTakeovers = Readonly<Record<'adopted' | 'sentAgain' | 'endedOtherwise', number>>;

export interface RequestEvidence {
  readonly history: { readonly replies: readonly Pick<Reply, 'order' | 'message'>[] };
  readonly jobs: readonly Pick<JobEvidence, 'entries'>[];
}

export function requestsAtTakeovers({ history, jobs }: RequestEvidence): RequestsAtTakeovers {
  const answeredAt = new Map<string, number>();
  for (const { message, order } of history.replies)
    if (message.kind === 'result' && !answeredAt.has(message.requestId))
      answeredAt.set(message.requestId, order);
  const sums = { adopted: 0, sentAgain: 0, endedOtherwise: 0 };
  for (const { entries } of jobs) for (const became of fates(entries, answeredAt)) sums[became]++;
  return sums;
}

function* fates(
  entries: JobEvidence['entries'],
  answeredAt: ReadonlyMap<string, number>,
): Generator<keyof RequestsAtTakeovers> {
  /** Atom → its request. */
  const open = new Map<string, string>();
  const takenOver = new Set<string>();
  for (const { entry, order } of entries) {
    if (entry.kind === 'claim') for (const requestId of open.values()) takenOver.add(requestId);
    for (const fact of entry.facts) {
      if (fact.fact === 'request' && fact.state === 'assigned') {
        if (takenOver.delete(fact.requestId)) yield 'sentAgain';
        open.set(fact.atom, fact.requestId);
        continue;
      }
      const isOver =
        fact.fact === 'request' ||
        fact.fact === 'attempt' ||
        fact.fact === 'withdrawn' ||
        (fact.fact === 'atom' && fact.to !== 'RUNNING' && fact.to !== 'REVERTING');
      if (!isOver) continue;
      const requestId = open.get(fact.atom) ?? '';
      open.delete(fact.atom);
      if (!takenOver.delete(requestId)) continue;
      const isAnswered = fact.fact !== 'request' && (answeredAt.get(requestId) ?? Infinity) < order;
      yield isAnswered ? 'adopted' : 'endedOtherwise';
    }
  }
  for (let left = takenOver.size; left > 0; left--) yield 'endedOtherwise';
}
