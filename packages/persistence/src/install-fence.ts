import {
  UnavailableError,
  compareFences,
  type ClaimEntry,
  type Fence,
  type JournalEntry,
  type Runtime,
  type TerminalEntry,
} from '@baton/core';
import type { FlowJournal } from './flow-journal.js';
import type { JournalHead } from './head-search.js';
import type { Journal } from './journal.js';
import { backOffMs, patienceMs, pause } from './patience.js';

export interface FenceRequest {
  readonly journal: Journal;
  readonly runtime: Runtime;
  readonly flowId: string;
  readonly fence: Fence;
  /**
   * Makes the claim entry for place `seq`. `flow` is what is before it: undefined when it was not read, because the job was never claimed
   * (then its claim entry may already carry the first turn) or because the run is long. Called again after a collision.
   */
  readonly entryFor: (at: { readonly seq: number; readonly flow: FlowJournal | undefined }) => ClaimEntry;
  /** The job's node had version 0: nobody claimed it before, so its entry 0 is all there is, and no reading is needed. */
  readonly isFresh: boolean;
}

/**
 * `owned`: `entry` is the claim entry in force. It is the entry that counts, facts included: it may be one of an earlier try. `flow` ends
 * with it; undefined when not all of it was read: `Journal.loadThrough` gives it, complete, because nothing below `entry` changes any more.
 * `superseded`: a claim with a higher fence is there. `terminal`: the run is over, settle it (P-604). `missing`: no such flow (P-620).
 */
export type FenceResult =
  | { readonly result: 'owned'; readonly entry: ClaimEntry; readonly flow: FlowJournal | undefined }
  | { readonly result: 'superseded'; readonly by: Fence }
  | { readonly result: 'terminal'; readonly entry: TerminalEntry; readonly flow: FlowJournal | undefined }
  | { readonly result: 'missing' };

/**
 * Makes a claimant the only writer of a journal (P-406): inserts its claim entry at the tail, unless a claim that is not older or a
 * terminal entry is there. After `owned` no entry of a lower fence can be accepted any more: its writer does not know this
 * one, so it collides. @throws UnavailableError when the store does not answer; what `Journal.load` throws
 */
export async function installFence(request: FenceRequest): Promise<FenceResult> {
  const { journal, flowId, entryFor, isFresh } = request;
  if (isFresh) {
    const entry = entryFor({ seq: 1, flow: undefined });
    if ((await journal.append(entry)) === 'accepted') return { result: 'owned', entry, flow: undefined };
  }
  let head = await journal.head(flowId);
  for (;;) {
    if (head === undefined) return { result: 'missing' };
    const decided = await decide(request, head);
    if (decided !== undefined) return decided;
    const seq = head.entry.seq + 1;
    const entry = entryFor({ seq, flow: head.flow });
    if ((await journal.append(entry)) === 'accepted')
      return { result: 'owned', entry, flow: extended(head.flow, [entry]) };
    const behind = await readOn(request, seq);
    head = { entry: behind.at(-1) ?? head.entry, flow: extended(head.flow, behind) };
  }
}

/** Fences never decrease: the newest entry tells who was last. */
async function decide(
  { journal, fence }: FenceRequest,
  { entry, flow }: JournalHead,
): Promise<FenceResult | undefined> {
  if (entry.kind === 'terminal') return { result: 'terminal', entry, flow };
  const order = compareFences(entry.fence, fence);
  if (order < 0) return undefined;
  if (order > 0) return { result: 'superseded', by: entry.fence };
  // an earlier try of this same claim was given up for lack of an answer, and has landed: no other claim has this fence
  const own = flow ?? (await journal.loadThrough(entry.flowId, entry.seq));
  const claim = own.entries.findLast((each) => each.kind === 'claim');
  return claim === undefined
    ? { result: 'superseded', by: entry.fence }
    : { result: 'owned', entry: claim, flow: own };
}

function extended(flow: FlowJournal | undefined, entries: readonly JournalEntry[]): FlowJournal | undefined {
  return flow === undefined ? undefined : { ...flow, entries: [...flow.entries, ...entries] };
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
