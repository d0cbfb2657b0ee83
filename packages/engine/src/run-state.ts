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
  type Environment,
  type Failure,
  type FailurePhase,
  type FlowState,
  type Intention,
  InvariantError,
  type Lineage,
  type Value,
} from '@baton/core';
import type { Compiled, Node, NodeId, RetryNode } from './compiled.js';
import type { LocalFunctions } from './local-functions.js';
import { NodeSet } from './node-set.js';
import { initialReadiness, type Readiness } from './readiness.js';

/** One execution of a retry controller: what it provided and what failed under it. */
export interface HistoryEntry {
  readonly value: Value | undefined;
  /** Atom name → failure, in the order they came. */
  readonly failures: Map<string, Failure>;
}

/** Run data of one atom. What few atoms ever have is kept apart: a flow may have a hundred thousand of these. */
export interface AtomRun {
  state: AtomState;
  intention: Intention;
  /** Last started execution and reversion. */
  execute: AttemptNumber;
  revert: AttemptNumber;
  /** Id of the request that is outstanding, while RUNNING or REVERTING. */
  requestId: string | undefined;
  value: Value | undefined;
  failure: Failure | undefined;
  undo: Undo;
  tries: Tries;
  /** The timer of the delay before the next attempt of a task, or the next round of a retry; of a task that waits, that of its wait. */
  timer: string | undefined;
  /** That wait is over, or the delay of a retry. */
  waited: boolean;
  /** How often it began anew after it was undone, beside the rounds of its controller. */
  lives: number;
  /** Of retries, which have no `value`. */
  readonly retry: RetryRun | undefined;
}

/** How an atom is undone, and what came of it. */
export interface Undo {
  /** While REVERTING: the failures of the flow as they were when the revert was asked for (E-124). */
  readonly flowFailures: Readonly<Record<string, Failure>> | undefined;
  readonly value: Value | undefined;
  readonly failure: Failure | undefined;
}

/** Attempts of a task since it was started (S11). */
export interface Tries {
  readonly count: number;
  /** Why the last one failed, when another follows. */
  readonly lastFailure: Failure | undefined;
  /** One of those before the last may have called the body. */
  readonly began: boolean;
}

/** What a retry controller remembers. */
export interface RetryRun {
  /** Since the last REVERTED. */
  history: HistoryEntry[];
  /** How often it executed in this run; never goes back, so that request ids never repeat. */
  executions: number;
  /** Its whole scope was told to revert and was not reset since. */
  scopeReverting: boolean;
}

export interface AttemptNumber {
  readonly round: number;
  readonly attempt: number;
}

export interface RunOptions {
  readonly flowId: string;
  /** Symbols given with the job; they beat the outputs of atoms (E-1102). */
  readonly store: Readonly<Record<string, Value>>;
  /** Given with the job; of ordered flows nothing reads it. */
  readonly env?: Environment;
  /** Of a child run (C-1202). */
  readonly lineage?: Lineage;
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
  /** What a person said who stopped it. */
  message: string | undefined;
  /** By node; `undefined` for entries and ends of flows. Tasks to which nothing has happened share one, which is frozen; who holds it does not see what happens next. */
  readonly runs: (Readonly<AtomRun> | undefined)[];
  readonly readiness: Readiness;
  /** Atoms whose request is outstanding, in the order of submission: RUNNING or REVERTING. */
  readonly outstanding: NodeSet;
  /** The same for requests that were taken back while suspending; outstanding again with the next run. */
  readonly withdrawn: Set<NodeId>;
  /**
   * Atoms that no worker is asked to run: RUNNING, and waiting for an answer, an event or a time (`waits.ts`), or for their next attempt to do so. Of
   * a delegate, `outstanding` is the task that asks for its answer.
   */
  readonly waiting: Set<NodeId>;
  /** Delegates among them that are paused: the run is suspended until none is. */
  readonly paused: Set<NodeId>;
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
  return {
    compiled,
    flowId: options.flowId,
    store: options.store,
    functions: options.functions ?? {},
    deterministic: options.deterministic ?? false,
    uncheckedResults: options.uncheckedResults ?? false,
    outstandingMax: options.outstandingMax ?? outstandingMax,
    flow: 'PENDING',
    message: undefined,
    runs: compiled.nodes.map(notBegun),
    readiness: initialReadiness(compiled),
    outstanding: new NodeSet(compiled.nodes.length),
    withdrawn: new Set(),
    waiting: new Set(),
    paused: new Set(),
    timers: new Map(),
    failed: new Set(),
    revertFailed: new Set(),
    failedNow: new Set(),
    unfinished: compiled.atoms.size,
    revertingAll: false,
  };
}

/**
 * The run data of an atom, to be changed.
 * @throws InvariantError when the node is no atom.
 */
export function changingRun(state: RunState, id: NodeId): AtomRun {
  const run = runOf(state, id);
  return run === untouched ? (state.runs[id] = newAtomRun(undefined)) : run;
}

function newAtomRun(retry: RetryRun | undefined): AtomRun {
  return {
    state: 'PENDING',
    intention: 'EXECUTE',
    execute: notStarted,
    revert: notStarted,
    requestId: undefined,
    value: undefined,
    failure: undefined,
    undo: neverUndone,
    tries: neverTried,
    timer: undefined,
    waited: false,
    lives: 0,
    retry,
  };
}

function notBegun({ kind }: Node): Readonly<AtomRun> | undefined {
  if (kind === 'task') return untouched;
  return kind === 'retry' ? newAtomRun({ history: [], executions: 0, scopeReverting: false }) : undefined;
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

const notStarted: AttemptNumber = Object.freeze({ round: 0, attempt: 0 });
export const neverUndone: Undo = Object.freeze({
  flowFailures: undefined,
  value: undefined,
  failure: undefined,
});
const neverTried: Tries = Object.freeze({ count: 0, lastFailure: undefined, began: false });
export const firstTry: Tries = Object.freeze({ count: 1, lastFailure: undefined, began: false });
const untouched: Readonly<AtomRun> = Object.freeze(newAtomRun(undefined));

/** @throws InvariantError when the node is no atom. */
export function runOf({ runs, flowId }: RunState, id: NodeId): Readonly<AtomRun> {
  const run = runs[id];
  if (!run) throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `node ${id} of ${flowId} never runs`);
  return run;
}

/** What a controller remembers. */
export function retryRunOf(state: RunState, { id, name }: RetryNode): RetryRun {
  const { retry } = runOf(state, id);
  if (!retry) throw new InvariantError('BATON_INVARIANT_UNREACHABLE', `${name} is no retry controller`);
  return retry;
}

/** What an atom returned last; a controller, in its last round. */
export function lastValueOf({ retry, value }: Readonly<AtomRun>): Value | undefined {
  return retry ? retry.history.at(-1)?.value : value;
}

/** The atom that waits for the answer to a request; undefined: nobody does (E-856). */
export function awaiting(state: RunState, requestId: string): NodeId | undefined {
  const { compiled, outstanding, waiting, runs } = state;
  // most answers come in the order of the requests
  const oldest = outstanding.next();
  if (oldest !== undefined && runs[oldest]?.requestId === requestId) return oldest;
  const id = compiled.atoms.get(atomNameOf(requestId))?.id;
  if (id === undefined || runs[id]?.requestId !== requestId) return undefined;
  return outstanding.has(id) || waiting.has(id) ? id : undefined;
}

/**
 * How many more requests may be outstanding (E-1401), what waits among them. Whoever waits for the delay before its next attempt keeps nobody else
 * from starting.
 */
export function roomOf({ outstanding, waiting, outstandingMax, timers }: RunState): number {
  return outstandingMax - outstanding.size - waiting.size + Math.max(0, timers.size - waiting.size);
}

/** Round of an atom: how often its innermost controller has executed, 0 without one, and how often it began anew without that. */
export function roundOf(state: RunState, node: Node): number {
  const { lives = 0 } = state.runs[node.id] ?? {};
  return lives + (node.controller === undefined ? 0 : (state.runs[node.controller]?.retry?.executions ?? 0));
}
