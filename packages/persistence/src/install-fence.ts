import {
  UnavailableError,
  compareFences,
  type ClaimEntry,
  type Fence,
  type JournalEntry,
  type Runtime,
  type TerminalEntry,
} from '@baton/core';
import type { JournalHead, KnownEntries } from './head-search.js';
import type { Journal } from './journal.js';
import { backOffMs, patienceMs, pause } from './patience.js';

export interface FenceRequest {
  readonly journal: Journal;
  readonly runtime: Runtime;
  readonly flowId: string;
  readonly fence: Fence;
  /**
   * Makes the claim entry for place `seq`; `known` is what was read of the entries before it: nothing when the job was never claimed (then
   * its claim entry may already carry the first turn). Called again after a collision.
   */
  readonly entryFor: (at: { readonly seq: number; readonly known: KnownEntries }) => ClaimEntry;
  /** The job's node had version 0: nobody claimed it before, so its entry 0 is all there is, and no reading is needed. */
  readonly isFresh: boolean;
  /** Asked of a run that is over: whether a person wants it to go on (P-604). Default: nobody does. */
  readonly isWanted?: (ended: TerminalEntry, known: KnownEntries) => Promise<boolean>;
  /** The newest entry, as `Journal.head` found it, maybe before the claim (P-408). Default: it is searched for. */
  readonly head?: JournalHead | undefined;
}

/**
 * `owned`: `entry` is the claim entry in force. It is the entry that counts, facts included: it may be one of an earlier try.
 * `Journal.loadThrough` gives what is below it, because nothing there changes any more; `known` of it was read already.
 * `superseded`: a claim with a higher fence is there. `terminal`: the run is over, settle it (P-604). `missing`: no such flow (P-620).
 */
export type FenceResult =
  | { readonly result: 'owned'; readonly entry: ClaimEntry; readonly known: KnownEntries }
  | { readonly result: 'superseded'; readonly by: Fence }
  | { readonly result: 'terminal'; readonly entry: TerminalEntry; readonly known: KnownEntries }
  | { readonly result: 'missing' };

/**
 * Makes a claimant the only writer of a journal (P-406): inserts its claim entry at the tail, unless a claim that is not older or a
 * terminal entry is there of a run that is not to be reopened. After `owned` no entry of a lower fence can be accepted any more: its writer does not know this
 * one, so it collides. @throws UnavailableError when the store does not answer; what `Journal.load` throws
 */
export async function installFence(request: FenceRequest): Promise<FenceResult> {
  const { journal, flowId, entryFor, isFresh } = request;
  if (isFresh) {
    const entry = entryFor({ seq: 1, known: new Map() });
    if ((await journal.append(entry)) === 'accepted')
      return { result: 'owned', entry, known: withEntries(new Map(), [entry]) };
  }
  let head = request.head ?? (await journal.head(flowId));
  for (;;) {
    if (head === undefined) return { result: 'missing' };
    const decided = await decide(request, head);
    if (decided !== undefined) return decided;
    const seq = head.entry.seq + 1;
    const entry = entryFor({ seq, known: head.known });
    if ((await journal.append(entry)) === 'accepted')
      return { result: 'owned', entry, known: withEntries(head.known, [entry]) };
    const behind = await readOn(request, seq);
    head = { entry: behind.at(-1) ?? head.entry, known: withEntries(head.known, behind) };
  }
}

/** Fences never decrease: the newest entry tells who was last. */
async function decide(
  { journal, fence, isWanted }: FenceRequest,
  { entry, known }: JournalHead,
): Promise<FenceResult | undefined> {
  if (entry.kind === 'terminal' && (await isWanted?.(entry, known)) !== true)
    return { result: 'terminal', entry, known };
  const order = compareFences(entry.fence, fence);
  if (order < 0) return undefined;
  if (order > 0) return { result: 'superseded', by: entry.fence };
  // an earlier try of this same claim was given up for lack of an answer, and has landed: no other claim has this fence
  const own = await journal.loadThrough(entry.flowId, entry.seq, known);
  const claim = own.entries.findLast((each) => each.kind === 'claim');
  return claim === undefined
    ? { result: 'superseded', by: entry.fence }
    : { result: 'owned', entry: claim, known: withEntries(known, own.entries) };
}

function withEntries(known: KnownEntries, entries: readonly JournalEntry[]): KnownEntries {
  return new Map([...known, ...entries.map((entry) => [entry.seq, entry] as const)]);
}

/** There is an entry at `seq`, for we collided with it; a stale read may not show it at once. */
async function readOn(
  { journal, runtime, flowId }: FenceRequest,
  seq: number,
): Promise<readonly JournalEntry[]> {
  const sinceMs = runtime.clock.monotonicMs();
  for (let attempt = 0; ; attempt++) {
    const entries = await journal.tail(flowId, seq);
    if (entries.length > 0) return entries;
    if (runtime.clock.monotonicMs() - sinceMs > patienceMs) break;
    await pause(runtime.clock, backOffMs(runtime.random, attempt));
  }
  throw new UnavailableError(
    'BATON_UNAVAILABLE_DEADLINE',
    `the store does not show journal entry ${seq} of ${flowId}, which it says exists`,
  );
}
