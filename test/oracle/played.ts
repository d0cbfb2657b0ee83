/** How a scenario is played, and what comes of it. */
import type { Fact } from '@baton/core';
import type { Compiled, RunState } from '@baton/engine';
import type { Answered } from './reference-schedule.js';
import type { Phase } from './scenario.js';

/**
 * `keep`: one state in memory. `forget`: it is loaded for each event and thrown away. `cut`: the process dies after that entry.
 * `concurrent`: one state in memory, driven by the engine's concurrent driver. `follow`: in turn, with the answers in the order of another
 * play; `atOnce`: controllers are answered in the turn in which they are asked, as in that play.
 */
export type Memory =
  | { readonly kind: 'keep'; readonly stored?: (moment: Moment) => void }
  | { readonly kind: 'forget' }
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'concurrent' }
  | { readonly kind: 'follow'; readonly order: readonly Answered[]; readonly atOnce: boolean };

/** A turn was stored: the state as it is, the journal up to here, and a run of this process that has not begun. */
export interface Moment {
  readonly state: RunState;
  readonly journal: readonly (readonly Fact[])[];
  readonly fresh: () => RunState;
}

export interface Played {
  readonly phases: readonly Phase[];
  readonly compiled: Compiled;
  readonly state: RunState;
  /** Entries over all phases. */
  readonly entries: number;
  /** Requests that were carried out although the journal knew their outcome. */
  readonly repeated: readonly string[];
  /** What was answered or taken back, in the order in which the engine was told. */
  readonly order: readonly Answered[];
  /** Where an error was thrown into the engine's iterator, which Baton has not: phase and number of events before. */
  readonly thrown: { readonly phase: number; readonly event: number } | undefined;
}
