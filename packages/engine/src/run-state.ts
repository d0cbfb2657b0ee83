/**
 * Purpose: where one run stands, in memory.
 * States: those of core/states.ts for the flow and each atom.
 * What is authoritative: the journal. This is its fold; it changes in `apply-fact.ts` alone, so that folding the same facts
 * gives the same state, and it may be dropped at any time between turns.
 * On failure: a change outside the transition tables throws `InvariantError`; the state is then worthless.
 * Not here: what to do next (`step.ts` and what it calls).
 */
import {
  atomNameOf,
  type AtomState,
  type Failure,
  type FailurePhase,
  type FlowState,
  type Intention,
  InvariantError,
  type Value,
} from '@baton/core';
import { type Compiled, isAtom, type Node, type NodeId } from './compiled.js';
import type { LocalFunctions } from './local-functions.js';
import { NodeSet } from './node-set.js';
import { initialReadiness, type Readiness } from './readiness.js';

/** One execution of a retry controller: what it provided and what failed under it. */
export interface HistoryEntry {
  readonly value: Value | undefined;
  /** Atom name → failure, in the order they came. */
  readonly failures: Map<string, Failure>;
}

/** Run data of one atom. */
export interface AtomRun {
  state: AtomState;
  intention: Intention;
  /** Last started execution and reversion. */
  execute: AttemptNumber;
  revert: AttemptNumber;
  /** Id of the request that is outstanding, while RUNNING or REVERTING. */
  requestId: string | undefined;
  /** While REVERTING: the failures of the flow as they were when the revert was asked for (E-124). */
  flowFailures: Readonly<Record<string, Failure>> | undefined;
  value: Value | undefined;
  failure: Failure | undefined;
  revertValue: Value | undefined;
  revertFailure: Failure | undefined;
  /** Retries: since the last REVERTED. */
  history: HistoryEntry[];
  /** Retries: how often it executed in this run; never goes back, so that request ids never repeat. */
  executions: number;
  /** Retries: its whole scope was told to revert and was not reset since. */
  scopeReverting: boolean;
  /** Tasks: attempts since it was started, and why the last one failed when another follows (S11). */
  tries: number;
  lastTry: Failure | undefined;
  /** Tasks: one of those before the last may have called the body. */
  began: boolean;
  /** The timer of the delay before the next attempt of a task, or the next round of a retry. */
  timer: string | undefined;
  /** Retries: that delay is over. */
  waited: boolean;
}

export interface AttemptNumber {
  readonly round: number;
  readonly attempt: number;
}

export interface RunOptions {
  readonly flowId: string;
  /** Symbols given with the job; they beat the outputs of atoms (E-1102). */
  readonly store: Readonly<Record<string, Value>>;
  /** In-process engines only: custom retry controllers and deciders. */
  readonly functions?: LocalFunctions;
  /** TaskFlow's own order (14.1): retry controllers are queued like tasks, by `evaluated` commands. Default false. */
  readonly deterministic?: boolean;
  /**
   * Results are taken as they are, as TaskFlow takes them: that a promised part is missing (E-130) is found out by whoever looks for it
   * (E-1104). For comparing with TaskFlow. Default false.
   */
  readonly uncheckedResults?: boolean;
  /** How many requests may be outstanding at a time; what else is ready waits for their answers. From 1; default 10,000. */
  readonly outstandingMax?: number;
}

export interface RunState {
  readonly compiled: Compiled;
  readonly flowId: string;
  readonly store: Readonly<Record<string, Value>>;
  readonly functions: LocalFunctions;
  readonly deterministic: boolean;
  readonly uncheckedResults: boolean;
  readonly outstandingMax: number;
  flow: FlowState;
  /** By node; `undefined` for entries and ends of flows. */
  readonly runs: readonly (AtomRun | undefined)[];
  readonly readiness: Readiness;
  /** Atoms whose request is outstanding, in the order of submission: RUNNING or REVERTING. */
  readonly outstanding: NodeSet;
  /** The same for requests that were taken back while suspending; outstanding again with the next run. */
  readonly withdrawn: Set<NodeId>;
  /** Timer id → atom. */
  readonly timers: Map<string, NodeId>;
  /** Atoms with a recorded execute failure, or a failed revert, in the order they came. */
  readonly failed: Set<NodeId>;
  readonly revertFailed: Set<NodeId>;
  /** Failed executions since the run began or went on; they count where none is resolved (E-822). */
  readonly failedNow: Set<NodeId>;
  /** Atoms that are neither SUCCESS nor IGNORE. */
  unfinished: number;
  /** Every atom was told to revert. */
  revertingAll: boolean;
}

/** The journal entry that starts them, and what an owner keeps of them in memory, stay small however wide a flow is. */
const outstandingMax = 10_000;

/** A run that has not begun: every atom PENDING, to be executed. O(nodes). */
export function newRun(compiled: Compiled, options: RunOptions): RunState {
  const runs = compiled.nodes.map((node) =>
    isAtom(node) ? newAtomRun(node.kind === 'retry' ? [] : noHistory) : undefined,
  );
  return {
    compiled,
    flowId: options.flowId,
    store: options.store,
    functions: options.functions ?? {},
    deterministic: options.deterministic ?? false,
    uncheckedResults: options.uncheckedResults ?? false,
    outstandingMax: options.outstandingMax ?? outstandingMax,
    flow: 'PENDING',
    runs,
    readiness: initialReadiness(compiled),
    outstanding: new NodeSet(compiled.nodes.length),
    withdrawn: new Set(),
    timers: new Map(),
    failed: new Set(),
    revertFailed: new Set(),
    failedNow: new Set(),
    unfinished: compiled.atoms.size,
    revertingAll: false,
  };
}

function newAtomRun(history: HistoryEntry[]): AtomRun {
  return {
    state: 'PENDING',
    intention: 'EXECUTE',
    execute: notStarted,
    revert: notStarted,
    requestId: undefined,
    flowFailures: undefined,
    value: undefined,
    failure: undefined,
    revertValue: undefined,
    revertFailure: undefined,
    history,
    executions: 0,
    scopeReverting: false,
    tries: 0,
    lastTry: undefined,
    began: false,
    timer: undefined,
    waited: false,
  };
}

/** It failed before its body was called (E-861). */
export function neverBegan(phase: FailurePhase | undefined): boolean {
  return phase === 'decider' || phase === 'arguments' || phase === 'queue';
}

/** The first attempt of each round: most atoms have no other, and one object does for all of them. */
const firstAttempts: AttemptNumber[] = [];

export function attemptNumber(round: number, attempt: number): AttemptNumber {
  if (attempt !== 1) return { round, attempt };
  return (firstAttempts[round] ??= Object.freeze({ round, attempt }));
}

/** Of tasks, which never write to it. */
const noHistory: HistoryEntry[] = [];
const notStarted: AttemptNumber = Object.freeze({ round: 0, attempt: 0 });

/** @throws InvariantError when the node is no atom. */
export function runOf({ runs, flowId }: RunState, id: NodeId): AtomRun {
  const run = runs[id];
  if (!run) throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `node ${id} of ${flowId} never runs`);
  return run;
}

/** The atom that waits for the answer to a request; undefined: nobody does (E-856). */
export function awaiting({ compiled, outstanding, runs }: RunState, requestId: string): NodeId | undefined {
  // most answers come in the order of the requests
  const oldest = outstanding.next();
  if (oldest !== undefined && runs[oldest]?.requestId === requestId) return oldest;
  const id = compiled.atoms.get(atomNameOf(requestId))?.id;
  return id !== undefined && outstanding.has(id) && runs[id]?.requestId === requestId ? id : undefined;
}

/** How many more requests may be outstanding (E-1401). Whoever waits for the delay before its next attempt keeps nobody else from starting. */
export function roomOf({ outstanding, outstandingMax, timers }: RunState): number {
  return outstandingMax - outstanding.size + timers.size;
}

/** Round of an atom: how often its innermost controller has executed; 0 without one. */
export function roundOf(state: RunState, node: Node): number {
  return node.controller === undefined ? 0 : (state.runs[node.controller]?.executions ?? 0);
}
