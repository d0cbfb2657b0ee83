import type { JournalEntry } from '@baton/core';
import type { Snapshot } from './snapshots.js';

/**
 * What a load gives: everything known of one run, oldest first. `entries` are contiguous, from 0 or from just behind the snapshot.
 */
export interface FlowJournal {
  readonly flowId: string;
  readonly snapshot?: Snapshot;
  readonly entries: readonly JournalEntry[];
}
