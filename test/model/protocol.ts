/**
 * The ownership protocol as a transition system: every move is one operation that another process can see. What no run may come to is checked where it
 * can happen; `objectionTo` looks at whole states.
 */
import { ConductorMoves } from './conductor.js';
import { Move, type Emit } from './move.js';
import { initial, type State } from './state.js';
import {
  clientsPost,
  delegatesAreAnswered,
  flowsAreWoken,
  lateWritesLand,
  processesFail,
  rerunIsWanted,
} from './surroundings.js';
import type { Rules, Variant } from './variant.js';
import { workerMoves } from './worker.js';

export function firstState(variant: Variant): State {
  return initial({ ...variant, steps: variant.flow.length });
}

/** Calls `emit` once for each state that can follow. */
export function successors(rules: Rules, before: State, emit: Emit): void {
  const move = new Move(rules, before, emit);
  processesFail(move);
  lateWritesLand(move);
  if (rules.variant.withPost) clientsPost(move);
  delegatesAreAnswered(move);
  flowsAreWoken(move);
  rerunIsWanted(move);
  for (const index of before.conductors.keys()) new ConductorMoves(move, index).all();
  for (const index of before.workers.keys()) workerMoves(move, index);
}

/** What is wrong with a state as it is. */
export function objectionTo({ variant }: Rules, state: State): string | undefined {
  if (state.violation !== undefined) return state.violation;
  const nodes = state.jobs.filter((version) => version >= 0).length + state.dormant.length;
  const reruns = Number(state.isRerunStored);
  if (!variant.allowLeftover && state.settled > 1 + reruns) return 'I06: settled twice';
  if (!variant.allowLeftover && nodes > 1) return 'I06: the job is in two places of the board';
  if (state.created > 0 && state.settled === 0 && nodes === 0 && reruns === 0)
    return 'I06: the job is nowhere on the board and not settled';
  if (state.lock !== undefined && state.conductors[state.lock[0]]?.hasSession !== true)
    return 'I03: a lock outlived its session';
  return undefined;
}

/** Terminal entry, settled, nothing left on the board. */
export function isGoodEnd({ journal, isRerunStored, settled, jobs, dormant, lock }: State): boolean {
  const isDone = journal.at(-1)?.kind === 'terminal' && settled >= 1;
  const isRerunDone = !isRerunStored || journal.some(({ kind }) => kind === 'reopen');
  return (
    isDone &&
    isRerunDone &&
    jobs.every((version) => version < 0) &&
    dormant.length === 0 &&
    lock === undefined
  );
}

/** A good end must be reachable from here without any further fault (I08): somebody is there who can still do the work. */
export function mustEnd({ variant }: Rules, { acknowledged, conductors, workers }: State): boolean {
  const hasConductor = conductors.some(({ isAlive, hasSession }) => isAlive && hasSession);
  const needsWorker = variant.flow.includes('T');
  const hasWorker = workers.some(({ isAlive, isRegistered }) => isAlive && isRegistered);
  return acknowledged && hasConductor && (!needsWorker || hasWorker);
}
