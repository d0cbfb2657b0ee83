/** I17: how long it takes from the death of an owner to the first accepted entry of the next one. */
import type { BoardChange, LostOwner, StoredEntry } from '../history.js';
import { nodeOf } from './board-rules.js';
import type { Violations } from './evidence.js';

export interface Takeover {
  readonly jobId: string;
  readonly isGuarded: boolean;
  readonly ms: number;
}

interface TakeoverEvidence {
  readonly history: { readonly board: readonly BoardChange[]; readonly lost: readonly LostOwner[] };
  readonly jobs: readonly {
    readonly job: { readonly jobId: string };
    readonly entries: readonly StoredEntry[];
  }[];
}

/**
 * The jobs whose owner was killed while another conductor was there, and stayed until they were owned again. Not those whose last claim had led to
 * nothing: they are taken up one after the other (P-506).
 */
export function* takeovers({ history, jobs }: TakeoverEvidence): Generator<Takeover> {
  const stored = new Map(jobs.map(({ job, entries }) => [job.jobId, entries]));
  const deaths = history.lost.map((owner) => {
    const before = history.board.filter((change) => change.order < owner.order);
    return { ...owner, held: heldBy(owner.sessionIds, before) };
  });
  for (const { order, atMs, sessionIds, isGuarded, held } of deaths)
    for (const jobId of held) {
      const entries = stored.get(jobId) ?? [];
      const next = entries.find((entry) => entry.order > order && entry.entry.kind === 'claim');
      if (next === undefined || isSuspect(entries.findLast((entry) => entry.order < next.order))) continue;
      // whoever won it may have died before its claim was stored: then it is that death that counts
      const isBetween = (death: LostOwner): boolean => death.order > order && death.order < next.order;
      if (deaths.some((death) => isBetween(death) && death.held.has(jobId))) continue;
      if (isWatched(history, { sessionIds, order, until: next.order }))
        yield { jobId, isGuarded, ms: next.atMs - atMs };
    }
}

/** Where nothing else is in the way. */
export function* takeoverRules(
  takenOver: Iterable<Takeover>,
  boundMs: { readonly guarded: number; readonly unguarded: number },
): Violations {
  for (const { jobId, isGuarded, ms } of takenOver) {
    const allowedMs = isGuarded ? boundMs.guarded : boundMs.unguarded;
    if (ms > allowedMs)
      yield `I17 ${jobId} was owned again ${Math.round(ms)} ms after its owner was killed, allowed are ${allowedMs}`;
  }
}

/** Or one that is over: what is left to do of it needs no entry, and who reopens it comes when a person wants that. */
function isSuspect(last: StoredEntry | undefined): boolean {
  if (last?.entry.kind === 'terminal') return true;
  return last?.entry.kind === 'claim' && last.entry.facts.length === 0;
}

function heldBy(sessionIds: readonly bigint[], board: readonly BoardChange[]): ReadonlySet<string> {
  const held = new Set<string>();
  for (const { operations, sessionId } of board)
    for (const { type, path } of operations) {
      const node = nodeOf(path);
      if (node?.tree !== 'locks') continue;
      if (type === 'create' && sessionIds.includes(sessionId)) held.add(node.jobId);
      else held.delete(node.jobId);
    }
  return held;
}

/** Another conductor was registered, and lived, all the time. The session of one whose guard died too goes on for a while. */
function isWatched(
  { board, lost }: TakeoverEvidence['history'],
  o: { readonly sessionIds: readonly bigint[]; readonly order: number; readonly until: number },
): boolean {
  const dead = new Set(lost.flatMap(({ order, sessionIds }) => (order < o.until ? sessionIds : [])));
  const watchers = new Map<string, bigint>();
  for (const { order, operations, sessionId } of board) {
    if (order > o.until) break;
    for (const { type, path } of operations) {
      if (!path.startsWith('/members/conductors/')) continue;
      if (type === 'delete') watchers.delete(path);
      else if (type === 'create' && order < o.order && !dead.has(sessionId)) watchers.set(path, sessionId);
    }
  }
  return watchers.size > 0;
}
