/**
 * Purpose: which atoms may start now, kept up to date by counters (E-831 to E-833).
 *
 * A node is *open* when it and everything before it is done, and *clean* when it and everything after it is as if it had never
 * run. Each node counts its direct predecessors that are not open and its direct successors that are not clean. A change that
 * flips neither stops at the node; one that does is passed to the neighbours, with an own stack, so a flow of any depth is safe.
 * Each flip costs the degree of the node, and a node flips a bounded number of times a round: a run is linear.
 *
 * What is authoritative: states and intentions of the atoms; all of this is derived. Not here: their change (`apply-fact.ts`).
 */
import type { Compiled, NodeId } from './compiled.js';
import { NodeSet } from './node-set.js';
import { ReadySet } from './ready-set.js';
import type { AtomRun, RunState } from './run-state.js';

export interface Readiness {
  /** Direct predecessors that are not open. */
  readonly closedBefore: Int32Array;
  /** Direct successors that are not clean. */
  readonly dirtyAfter: Int32Array;
  readonly open: Uint8Array;
  readonly clean: Uint8Array;
  /** Atoms that may start now: to execute, to revert, or for a retry to begin a new round. */
  readonly ready: ReadySet;
  /** The same as they became ready, in flows with deciders: these are asked in that order. */
  readonly arrivals: NodeSet | undefined;
}

/** Everything PENDING: all clean, and open only what no atom is before. */
export function initialReadiness(compiled: Compiled): Readiness {
  const size = compiled.nodes.length;
  const readiness: Readiness = {
    closedBefore: new Int32Array(size),
    dirtyAfter: new Int32Array(size),
    open: new Uint8Array(size),
    clean: new Uint8Array(size).fill(1),
    ready: new ReadySet(compiled.roundOrder),
    arrivals: compiled.deciders.size > 0 ? new NodeSet(size) : undefined,
  };
  const free: NodeId[] = [];
  for (const node of compiled.nodes) {
    readiness.closedBefore[node.id] = node.before.length;
    if (node.before.length === 0) free.push(node.id);
  }
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    const node = compiled.nodes[id];
    if (node?.kind === 'task' || node?.kind === 'retry') addReady(readiness, id);
    else {
      readiness.open[id] = 1;
      for (const next of node?.after ?? []) if (add(readiness.closedBefore, next, -1) === 0) free.push(next);
    }
  }
  return readiness;
}

/** To be called after the state or intention of an atom changed. */
export function refresh(state: RunState, id: NodeId): void {
  updateReady(state, id);
  if (isFlipped(state, id, 'open')) spread(state, id, 'open');
  if (isFlipped(state, id, 'clean')) spread(state, id, 'clean');
}

/** What an atom is ready for. */
export function readyFor(state: RunState, id: NodeId): 'execute' | 'revert' | 'retry' | undefined {
  const run = state.runs[id];
  if (!run) return undefined;
  if (run.intention === 'EXECUTE') {
    const startable = run.state === 'PENDING' || run.state === 'RETRYING';
    return startable && state.readiness.closedBefore[id] === 0 ? 'execute' : undefined;
  }
  if ((run.state !== 'SUCCESS' && run.state !== 'FAILURE') || state.readiness.dirtyAfter[id] !== 0)
    return undefined;
  if (run.intention === 'REVERT') return 'revert';
  return run.intention === 'RETRY' && run.timer === undefined ? 'retry' : undefined;
}

/** Passes a flip on, away from the node: `open` to what comes after, `clean` to what comes before. */
function spread(state: RunState, start: NodeId, what: 'open' | 'clean'): void {
  const { readiness, compiled } = state;
  const flags = readiness[what];
  const counters = what === 'open' ? readiness.closedBefore : readiness.dirtyAfter;
  const flipped: NodeId[] = [start];
  for (let id = flipped.pop(); id !== undefined; id = flipped.pop()) {
    // it may have been reached on two ways
    if (!isFlipped(state, id, what)) continue;
    const now = (flags[id] = flags[id] === 1 ? 0 : 1);
    const node = compiled.nodes[id];
    for (const neighbour of (what === 'open' ? node?.after : node?.before) ?? []) {
      const count = add(counters, neighbour, now === 1 ? -1 : 1);
      // only leaving or reaching zero can change the neighbour
      if (count !== 0 && !(count === 1 && now === 0)) continue;
      updateReady(state, neighbour);
      if (isFlipped(state, neighbour, what)) flipped.push(neighbour);
    }
  }
}

/** Whether what is noted about a node is not so any more. */
function isFlipped({ readiness, runs }: RunState, id: NodeId, what: 'open' | 'clean'): boolean {
  const run = runs[id];
  if (what === 'open')
    return (
      (readiness.closedBefore[id] === 0 && (run === undefined || isDone(run))) !== (readiness.open[id] === 1)
    );
  return (
    (readiness.dirtyAfter[id] === 0 && (run === undefined || isUntouched(run))) !==
    (readiness.clean[id] === 1)
  );
}

function updateReady(state: RunState, id: NodeId): void {
  const { readiness } = state;
  if (readyFor(state, id) !== undefined) return addReady(readiness, id);
  readiness.ready.delete(id);
  readiness.arrivals?.delete(id);
}

export function addReady({ ready, arrivals }: Readiness, id: NodeId): void {
  ready.add(id);
  arrivals?.add(id);
}

/** Lets what comes after it begin. */
function isDone({ state, intention }: AtomRun): boolean {
  return (state === 'SUCCESS' || state === 'IGNORE') && (intention === 'EXECUTE' || intention === 'IGNORE');
}

/** Lets what comes before it be reverted. */
function isUntouched({ state }: AtomRun): boolean {
  return state === 'PENDING' || state === 'REVERTED' || state === 'IGNORE';
}

function add(counters: Int32Array, index: NodeId, delta: number): number {
  return (counters[index] = (counters[index] ?? 0) + delta);
}
