import { noFence, type Fence, type JournalEntry } from '@baton/core';
import type { Snapshot } from './snapshots.js';

/**
 * What a load gives: everything known of one run, oldest first. `entries` are contiguous, from 0 or from just behind the snapshot. As
 * reads may be stale, there may be more: never fewer than were decided before the last of these.
 */
export interface FlowJournal {
  readonly flowId: string;
  readonly snapshot?: Snapshot;
  readonly entries: readonly JournalEntry[];
}

/** Where the next entry goes, as far as is known; 0 when nothing is stored. */
export function nextSeqOf({ entries, snapshot }: FlowJournal): number {
  return (entries.at(-1)?.seq ?? snapshot?.seq ?? -1) + 1;
}

/** The highest fence of the run: that of its last entry, because fences never decrease. */
export function headFenceOf({ entries, snapshot }: FlowJournal): Fence {
  return entries.at(-1)?.fence ?? snapshot?.fence ?? noFence;
}
