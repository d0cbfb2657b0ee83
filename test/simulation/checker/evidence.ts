/**
 * What the checker reads: the history, the world outside, and how the run was set up. Nothing of the cluster is asked for its opinion. A simulation sees
 * it happen (history.ts); of real services it is read afterwards (test/chaos).
 */
import type { AtomState, FlowOutcome, FlowState } from '@baton/core';
import type { AnyCompiled, AnyDefinition, Compiled, RoutedGraph } from '@baton/engine';
import { isRouted, type FlowDefinition, type RoutedFlowDefinition } from '@baton/flow';
import type { History, StoredEntry } from '../history.js';
import type { World } from '../world-task.js';
import type { PlannedJob } from '../workload.js';

export interface Evidence {
  readonly history: Pick<History, 'board' | 'replies' | 'calls' | 'asked' | 'told' | 'acknowledged'> &
    Partial<Pick<History, 'sessions' | 'commands' | 'acknowledgedEvents'>>;
  readonly world: World;
  readonly clocks: {
    /** Wall time at which `atMs` of the history is 0. */
    readonly startMs: number;
    /** So many ms may what two conductors take for the time of the cluster differ. */
    readonly slackMs: number;
    /** So many times faster than the right time may a monotonic clock go. */
    readonly drift: number;
  };
  /** Kinds of faults that struck. */
  readonly struck: ReadonlySet<string>;
  readonly jobs: readonly JobEvidence[];
}

export interface JobEvidence<D extends AnyDefinition = AnyDefinition, C extends AnyCompiled = AnyCompiled> {
  readonly job: Pick<PlannedJob<D>, 'jobId' | 'definition' | 'priority'>;
  readonly compiled: C;
  readonly entries: readonly StoredEntry[];
  /** What its user was told. */
  readonly told: string | undefined;
}

export type OrderedJob = JobEvidence<FlowDefinition, Compiled>;
export type RoutedJob = JobEvidence<RoutedFlowDefinition, RoutedGraph>;

export function isRoutedJob(job: JobEvidence): job is RoutedJob {
  return isRouted(job.job.definition);
}

export function isOrderedJob(job: JobEvidence): job is OrderedJob {
  return !isRoutedJob(job);
}

/** A state change as the journal records it, and the states after it. */
export interface Step {
  readonly entry: StoredEntry;
  readonly atom: string;
  readonly from: AtomState;
  readonly to: AtomState;
  readonly states: ReadonlyMap<string, AtomState>;
}

/** What a run came to, by its journal. */
export interface RunEnd {
  readonly states: ReadonlyMap<string, AtomState>;
  readonly flow: FlowState;
  readonly outcome: FlowOutcome | undefined;
  /** It was ended without being run: poison, no definition. */
  readonly isRefused: boolean;
}

/** One line for each breach, with the number of its invariant (reliability 14). */
export type Violations = Generator<string>;
