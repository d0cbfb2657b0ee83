import {
  UnavailableError,
  compareFences,
  type ClaimEntry,
  type Fence,
  type JournalEntry,
  type Runtime,
  type TerminalEntry,
} from '@baton/core';
import { headFenceOf, nextSeqOf, type FlowJournal } from './flow-journal.js';
import type { Journal } from './journal.js';
import { backOffMs, patienceMs, pause } from './patience.js';

export interface FenceRequest {
  readonly journal: Journal;
  readonly runtime: Runtime;
  readonly flowId: string;
  readonly fence: Fence;
  /**
   * Makes the claim entry for place `seq`. `flow` is what is before it: undefined for a job that was never claimed, whose claim entry may
   * already carry the first turn. Called again, with what was read, after a collision.
   */
  readonly entryFor: (at: { readonly seq: number; readonly flow: FlowJournal | undefined }) => ClaimEntry;
  /** The job's node had version 0: nobody claimed it before, so its entry 0 is all there is, and no reading is needed. */
  readonly isFresh: boolean;
}

/**
 * `owned`: `entry` is the claim entry in force; `flow` ends with it (undefined when nothing had to be read). It is the entry that
 * counts, facts included: it may be one of an earlier try.
 * `superseded`: a claim with a higher fence is there. `terminal`: the run is over, settle it (P-604). `missing`: no such flow (P-620).
 */
export type FenceResult =
  | { readonly result: 'owned'; readonly entry: ClaimEntry; readonly flow: FlowJournal | undefined }
  | { readonly result: 'superseded'; readonly by: Fence }
  | { readonly result: 'terminal'; readonly entry: TerminalEntry; readonly flow: FlowJournal }
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
  let flow = await journal.load(flowId);
  for (;;) {
    const decided = decide(flow, request.fence);
    if (decided !== undefined) return decided;
    const seq = nextSeqOf(flow);
    const entry = entryFor({ seq, flow });
    if ((await journal.append(entry)) === 'accepted')
      return { result: 'owned', entry, flow: { ...flow, entries: [...flow.entries, entry] } };
    flow = { ...flow, entries: [...flow.entries, ...(await readOn(request, seq))] };
  }
}

function decide(flow: FlowJournal, fence: Fence): FenceResult | undefined {
  if (nextSeqOf(flow) === 0) return { result: 'missing' };
  const last = flow.entries.at(-1);
  if (last?.kind === 'terminal') return { result: 'terminal', entry: last, flow };
  const head = headFenceOf(flow);
  const order = compareFences(head, fence);
  if (order < 0) return undefined;
  const claim = flow.entries.findLast((entry) => entry.kind === 'claim');
  // an earlier try of this same claim was given up for lack of an answer, and has landed: no other claim has this fence
  if (order === 0 && claim !== undefined) return { result: 'owned', entry: claim, flow };
  return { result: 'superseded', by: head };
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
