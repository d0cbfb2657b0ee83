/** What an owner writes next, and what follows once it is stored (save → dispatch, P-412). */
import { known } from './journal.js';
import {
  blank,
  nothingKnown,
  toIdle,
  type Conductor,
  type Entry,
  type Known,
  type Stage,
  type State,
} from './state.js';
import { follow } from './journal.js';
import { workerOf } from './move.js';
import type { Rules } from './variant.js';

interface Owner {
  readonly rules: Rules;
  readonly state: State;
  readonly index: number;
  readonly self: Conductor;
}

/** A position that only a later entry would hold, which a crash prevents. */
const never = 99;

function ownEntry({ rules, index, self }: Owner): Entry {
  const from = rules.has('replyFromAfterProduce') ? never : self.position;
  return { ...blank, by: index, fence: self.fence, from };
}

/** Entries that complete one step and open the next: one for each worker that may get it. */
export function opening(owner: Owner, step: number, completes: number): Entry[] {
  const { rules, state } = owner;
  const base = { ...ownEntry(owner), completes };
  if (step >= rules.variant.flow.length) return [{ ...base, kind: 'terminal', from: 0 }];
  if (!rules.isTask(step)) return [{ ...base, step, from: 0 }];
  const able = registered(state, -1).slice(0, rules.variant.anyWorker ? 9 : 1);
  return able.map((worker) => ({ ...base, step, delivery: 1, worker }));
}

/** The same step once more: elsewhere when its worker is gone. */
export function resending(owner: Owner): Entry[] {
  const { state, self } = owner;
  const { step, delivery, worker: last } = self.known ?? nothingKnown;
  return registered(state, workerOf(state, last).isRegistered ? -1 : last).map((worker) => ({
    ...ownEntry(owner),
    step,
    delivery: delivery + 1,
    worker,
  }));
}

/** A worker that is not wanted is the last choice, not a forbidden one. */
function registered({ workers }: State, unwanted: number): number[] {
  const able = [...workers.keys()].filter((each) => workers[each]?.isRegistered === true);
  const others = able.filter((each) => each !== unwanted);
  return others.length > 0 ? others : able;
}

export function save(self: Conductor, entry: Entry, then?: Stage): void {
  Object.assign(self, { entry, then, stage: 'save' });
}

/** Its entry is in: what it knows moves on, and what must be sent is queued. */
export function stored({ rules, state, index, self }: Owner): void {
  const entry = self.entry as Entry;
  self.seq++;
  self.entry = undefined;
  if (entry.kind === 'claim') {
    self.known = known(rules, state.journal, Math.min(self.seq - 1, state.journal.length - 1));
    follow(rules, self.known, entry);
    self.stage = 'decide';
    return;
  }
  const run = self.known as Known;
  if (entry.kind === 'note') {
    run.idleClaims = 0;
    self.stage = self.then ?? 'wait';
    return;
  }
  const worker = run.worker;
  if (entry.kind === 'turn' || entry.kind === 'terminal') confirm(rules, self, entry, worker);
  follow(rules, run, entry);
  if (entry.kind === 'reopen') {
    self.stage = 'decide';
    return;
  }
  if (entry.kind === 'terminal') {
    if (rules.has('settleBeforeTerminal')) toIdle(self);
    else self.stage = 'settle';
    return;
  }
  self.isAdopting = false;
  const { step, delivery, fence } = entry;
  if (delivery > 0 && !rules.has('dispatchBeforeSave')) {
    const request = { type: 'request', step, delivery, fence, replyTo: index, epoch: entry.worker } as const;
    self.toSend = [...self.toSend, { worker: entry.worker, message: request }];
  }
  self.stage = self.toSend.length > 0 ? 'send' : afterTurn(rules, self);
}

/** The result of a step is stored: its worker may drop it. */
function confirm(rules: Rules, self: Conductor, { completes }: Entry, worker: number): void {
  if (completes < 0 || !rules.isTask(completes) || !rules.variant.withDone) return;
  const message = { type: 'done', step: completes, fence: self.fence } as const;
  self.toSend = [...self.toSend, { worker, message }];
}

export function afterTurn(rules: Rules, { known: run = nothingKnown }: Conductor): Stage {
  if (run.isOver) return 'settle';
  if (run.step < 0) return 'decide';
  if (rules.isTask(run.step)) return 'wait';
  return rules.isDelegate(run.step) ? 'waitForAnswer' : 'decide';
}
