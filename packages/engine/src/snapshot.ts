/**
 * A run's state as JSON text and back, so that a long journal need not be folded from its beginning (reliability P-410). Exact: what
 * is restored behaves as the original does. The text belongs to this version of the engine; whoever cannot read it folds the journal.
 */
import type { Failure, Value } from '@baton/core';
import type { Compiled } from './compiled.js';
import type { NodeSet } from './node-set.js';
import { addReady } from './readiness.js';
import {
  changingRun,
  newRun,
  type AtomRun,
  type RetryRun,
  type RunOptions,
  type RunState,
  type Undo,
} from './run-state.js';

const formatVersion = 6;

/** All of an `AtomRun` in one object. */
interface StoredAtom
  extends Omit<AtomRun, 'undo' | 'tries' | 'retry'>, Omit<RetryRun, 'history'>, Pick<Undo, 'flowFailures'> {
  readonly revertValue: Value | undefined;
  readonly revertFailure: Failure | undefined;
  readonly history: readonly {
    readonly value?: Value;
    readonly failures: readonly (readonly [string, Failure])[];
  }[];
  readonly tries: number;
  readonly lastTry: Failure | undefined;
  readonly began: boolean;
}

interface StoredRun {
  readonly version: number;
  readonly flowId: string;
  readonly store: Readonly<Record<string, Value>>;
  readonly flow: RunState['flow'];
  readonly message?: string | undefined;
  readonly runs: readonly (StoredAtom | null)[];
  readonly readiness: Readonly<
    Record<'closedBefore' | 'dirtyAfter' | 'open' | 'clean' | 'ready', readonly number[]>
  >;
  readonly outstanding: readonly number[];
  readonly withdrawn: readonly number[];
  readonly waiting: readonly number[];
  readonly paused: readonly number[];
  readonly timers: readonly (readonly [string, number])[];
  readonly failed: readonly number[];
  readonly revertFailed: readonly number[];
  readonly failedNow: readonly number[];
  readonly unfinished: number;
  readonly revertingAll: boolean;
}

/** O(nodes). Local functions live in one process and are not in it. */
export function snapshotRun(state: RunState): string {
  const { flowId, store, flow, message, readiness, unfinished, revertingAll } = state;
  const stored: StoredRun = {
    version: formatVersion,
    flowId,
    store,
    flow,
    message,
    runs: state.runs.map((run) => (run === undefined ? null : storedAtom(run))),
    readiness: {
      closedBefore: [...readiness.closedBefore],
      dirtyAfter: [...readiness.dirtyAfter],
      open: [...readiness.open],
      clean: [...readiness.clean],
      ready: (readiness.arrivals ?? readiness.ready).members(),
    },
    outstanding: state.outstanding.members(),
    withdrawn: [...state.withdrawn],
    waiting: [...state.waiting],
    paused: [...state.paused],
    timers: [...state.timers],
    failed: [...state.failed],
    revertFailed: [...state.revertFailed],
    failedNow: [...state.failedNow],
    unfinished,
    revertingAll,
  };
  return JSON.stringify(stored);
}

/** `local`: what a snapshot does not hold. Undefined when the text is of another format or another flow: fold the journal instead. */
export function restoreRun(
  compiled: Compiled,
  text: string,
  local: Pick<RunOptions, 'functions' | 'deterministic' | 'uncheckedResults'> = {},
): RunState | undefined {
  const stored = JSON.parse(text) as StoredRun;
  if (stored.version !== formatVersion || stored.runs.length !== compiled.nodes.length) return undefined;
  const state = newRun(compiled, { flowId: stored.flowId, store: stored.store, ...local });
  state.flow = stored.flow;
  state.message = stored.message;
  state.unfinished = stored.unfinished;
  state.revertingAll = stored.revertingAll;
  stored.runs.forEach((atom, id) => {
    if (atom !== null && state.runs[id] !== undefined) restoreAtom(changingRun(state, id), atom);
  });
  const { readiness } = state;
  readiness.closedBefore.set(stored.readiness.closedBefore);
  readiness.dirtyAfter.set(stored.readiness.dirtyAfter);
  readiness.open.set(stored.readiness.open);
  readiness.clean.set(stored.readiness.clean);
  readiness.ready.clear();
  readiness.arrivals?.clear();
  for (const id of stored.readiness.ready) addReady(readiness, id);
  refill(state.failed, stored.failed);
  refill(state.revertFailed, stored.revertFailed);
  refill(state.failedNow, stored.failedNow);
  refill(state.outstanding, stored.outstanding);
  refill(state.withdrawn, stored.withdrawn);
  refill(state.waiting, stored.waiting);
  refill(state.paused, stored.paused);
  for (const [timer, id] of stored.timers) state.timers.set(timer, id);
  return state;
}

function storedAtom({ undo, tries, retry, ...run }: Readonly<AtomRun>): StoredAtom {
  const { history, executions, scopeReverting } = retry ?? noRetry;
  return {
    ...run,
    flowFailures: undo.flowFailures,
    revertValue: undo.value,
    revertFailure: undo.failure,
    history: history.map(({ value, failures }) => ({ ...(value && { value }), failures: [...failures] })),
    executions,
    scopeReverting,
    tries: tries.count,
    lastTry: tries.lastFailure,
    began: tries.began,
  };
}

const noRetry: RetryRun = { history: [], executions: 0, scopeReverting: false };

function restoreAtom(run: AtomRun, stored: StoredAtom): void {
  const { flowFailures, revertValue, revertFailure, tries, lastTry, began, ...rest } = stored;
  const { history, executions, scopeReverting, ...atom } = rest;
  Object.assign(run, atom);
  run.undo = { flowFailures, value: revertValue, failure: revertFailure };
  run.tries = { count: tries, lastFailure: lastTry, began };
  if (!run.retry) return;
  const entries = history.map(({ value, failures }) => ({ value, failures: new Map(failures) }));
  Object.assign(run.retry, { executions, scopeReverting, history: entries });
}

/** The order of insertion is part of the state: it decides ties. */
function refill(set: Set<number> | NodeSet, members: readonly number[]): void {
  set.clear();
  for (const member of members) set.add(member);
}
