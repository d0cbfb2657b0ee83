import type { ActivationState, AtomState, FlowState } from '@baton/core';

/** Text carries state, colour only repeats it (B-104). */
export const atomGlyphs: Readonly<Record<AtomState | ActivationState, string>> = {
  PENDING: '·',
  RUNNING: '▶',
  SUCCESS: '✔',
  FAILURE: '✖',
  REVERTING: '↶',
  REVERTED: '⟲',
  REVERT_FAILURE: '‼',
  IGNORE: '∅',
  RETRYING: '↻',
  WAITING: '⋈',
  DELAYED: '◷',
  SUSPENDED: '⏸',
  CANCELLED: '⊘',
  SKIPPED: '↷',
};

export const flowGlyphs: Readonly<Record<FlowState, string>> = {
  PENDING: '·',
  RUNNING: '▶',
  SUCCESS: '✔',
  FAILURE: '✖',
  REVERTED: '⟲',
  CANCELLED: '⊘',
  SUSPENDING: '⏸…',
  SUSPENDED: '⏸',
  RESUMING: '⏵…',
};

export const jobGlyphs = { UNCLAIMED: '○', CLAIMED: '◐', COMPLETE: '●', TRASHED: '🗑', DORMANT: '◌' } as const;
