/** The board: multis with their conditions, waking, and the end of a session. */
import { broken, known } from './journal.js';
import { withAt, type BoardOperation, type State } from './state.js';
import type { Rules } from './variant.js';

export interface Multi {
  readonly by: number;
  readonly operation: BoardOperation;
  readonly life: number;
  readonly version: number;
}

/** Whether it was applied. All but a claim are conditional on the version that this claim produced. */
export function applyMulti(rules: Rules, state: State, { by, operation, life, version }: Multi): boolean {
  const standing = state.jobs[life] ?? -1;
  if (operation === 'claim') {
    if (standing !== version || state.lock !== undefined) return false;
    claim(state, by, life);
    return true;
  }
  const isUnconditional =
    (operation === 'abandon' && rules.has('abandonUnconditional')) ||
    (operation === 'settle' && rules.has('consumeUnconditional'));
  if (standing < 0 || (!isUnconditional && standing !== version) || state.lock === undefined) return false;
  switch (operation) {
    case 'sleep':
      return sleep(rules, state, by, life);
    case 'settle':
      removeJob(state, by, life);
      state.settled++;
      if (!state.journal.some(({ kind }) => kind === 'terminal'))
        broken(state, 'I06: settled without a terminal entry');
      return true;
    case 'removeLeftover':
      removeJob(state, by, life);
      return true;
    case 'abandon':
      state.jobs = withAt(state.jobs, life, standing + 1);
      removeLock(state, by);
      return true;
  }
}

export function claim(state: State, by: number, life: number): void {
  state.jobs = withAt(state.jobs, life, (state.jobs[life] ?? -1) + 1);
  state.locksMade++;
  state.lock = [by, state.locksMade, life];
}

function sleep(rules: Rules, state: State, by: number, life: number): boolean {
  const isTaken = rules.was('dormantNameWithoutLife')
    ? state.dormant.length > 0
    : state.dormant.includes(life);
  if (isTaken) return false;
  removeJob(state, by, life);
  state.dormant = [...state.dormant, life];
  const run = known(rules, state.journal, state.journal.length - 1);
  if (run.isOver || run.delivery > 0) broken(state, 'I06: a flow was put to sleep that has work to do');
  return true;
}

function removeJob(state: State, by: number, life: number): void {
  state.jobs = withAt(state.jobs, life, -1);
  removeLock(state, by);
}

function removeLock(state: State, by: number): void {
  if (state.lock !== undefined && state.lock[0] !== by)
    broken(state, 'H66: a lock was removed that belongs to another session');
  state.lock = undefined;
}

/** P-1102: the dormant node of that life, and no other, becomes the job node of the next. */
export function wake(rules: Rules, state: State, life: number): void {
  const next = rules.has('lifeNotRaised') ? life : life + 1;
  if (next >= state.jobs.length || (state.jobs[next] ?? -1) >= 0) return;
  if (rules.was('dormantNameWithoutLife')) {
    if (state.dormant.length === 0) return;
    state.dormant = [];
  } else {
    if (!state.dormant.includes(life)) return;
    state.dormant = state.dormant.filter((each) => each !== life);
  }
  state.jobs = withAt(state.jobs, next, 0);
  if ((state.livesUsed & (1 << next)) !== 0 && !rules.has('lifeNotRaised'))
    broken(state, 'P-305: a life number was used twice');
  state.livesUsed |= 1 << next;
}

/** The session of a conductor ends: its lock goes, and what it had on its way to the board. */
export function endSession(state: State, by: number): void {
  const conductor = state.conductors[by];
  if (conductor) conductor.hasSession = false;
  if (state.lock?.[0] === by) state.lock = undefined;
  state.late = state.late.filter((write) => write.type !== 'multi' || write.by !== by);
}

export function createJob(state: State): void {
  state.jobs = withAt(state.jobs, 0, 0);
  state.created++;
}
