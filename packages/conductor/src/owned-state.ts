/**
 * Purpose: the state of one flow as its journal tells it: fold of all entries, ready to be decided on.
 * What is authoritative: the entries; loading them again gives the same.
 */
import type { JournalEntry } from '@baton/core';
import { fold, newRun } from '@baton/engine';
import type { Compiled, RunState } from '@baton/engine';
import { RequestTable } from './request-table.js';

export interface OwnedState {
  readonly run: RunState;
  readonly table: RequestTable;
  /** Sequence number of the last entry. */
  readonly seq: number;
  /** Something was decided before this claim: requests may be on their way. */
  readonly started: boolean;
  /** Claims in a row that led to nothing, the present one not counted. */
  readonly idleClaims: number;
  /** Last operator command that was applied before this claim; 0: none. */
  readonly lastCommand: number;
  /** Due times (wall ms) of the timers that are set. */
  readonly timers: ReadonlyMap<string, number>;
}

/** Folds a journal that begins with its post entry. */
export function foldEntries(entries: readonly JournalEntry[], compiled: Compiled): OwnedState {
  const [post] = entries;
  const run = newRun(compiled, {
    flowId: post?.flowId ?? '',
    store: post?.kind === 'post' ? post.post.store : {},
  });
  const table = new RequestTable();
  const timers = new Map<string, number>();
  let started = false;
  let idleClaims = 0;
  let lastCommand = 0;
  for (const entry of entries) {
    fold(run, entry.facts);
    table.apply(entry);
    if (entry.facts.length > 0) started = true;
    if (entry.kind === 'turn' || entry.facts.length > 0) idleClaims = 0;
    else if (entry.kind === 'claim') idleClaims++;
    for (const fact of entry.facts) {
      if (fact.fact === 'command') lastCommand = Math.max(lastCommand, fact.n);
      if (fact.fact !== 'timer') continue;
      if (fact.state === 'set') timers.set(fact.id, fact.dueAtMs ?? entry.atMs + (fact.delayMs ?? 0));
      else timers.delete(fact.id);
    }
  }
  return { run, table, seq: entries.at(-1)?.seq ?? -1, started, idleClaims, lastCommand, timers };
}
