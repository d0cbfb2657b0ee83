import type { JournalEntry } from '@baton/core';
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
