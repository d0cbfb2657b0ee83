/** What a journal shows to who looks at it, without the flow that it is of. */
import type { FlowState, TimerFact } from '@baton/core';
import type { StoredEntry } from './history.js';
import { planIn } from './workload.js';

export interface WaitingDelegate {
  /** `approve#2`, of a fan-out `approve[3]`. */
  readonly atom: string;
  readonly attempt: number;
  /** Of a routed flow 0. */
  readonly round: number;
  /** What is to be made of it (routed-workload.ts, workload.ts). */
  readonly plan: string;
}

export function flowStateOf(entries: readonly StoredEntry[]): FlowState {
  for (const { entry } of entries.toReversed())
    for (const fact of entry.facts.toReversed()) if (fact.fact === 'flow') return fact.to;
  return 'PENDING';
}

/** Delegates that wait for an answer now. */
export function waitingDelegates(entries: readonly StoredEntry[]): readonly WaitingDelegate[] {
  if (entries.at(-1)?.entry.kind === 'terminal') return [];
  const waiting = new Map<string, WaitingDelegate>();
  const plans = new Map<string, string>();
  for (const { entry } of entries)
    for (const fact of entry.facts) {
      if (fact.fact === 'atom' || fact.fact === 'attempt') waiting.delete(fact.atom);
      if (fact.fact === 'timer' && fact.state === 'set') noteWait(waiting, fact);
      if (fact.fact !== 'activation') continue;
      const { activation: atom, to, attempt, args } = fact;
      // of a wait for an event that is its name
      const plan = args?.['plan']?.value ?? (args?.['key'] && args['name']?.value);
      if (plan && 'data' in plan && typeof plan.data === 'string') plans.set(atom, plan.data);
      const planned = plans.get(atom);
      if (to === 'RUNNING' && attempt !== undefined && planned !== undefined)
        waiting.set(atom, { atom, attempt, round: 0, plan: planned });
      else waiting.delete(atom);
    }
  return [...waiting.values()];
}

/** Of an ordered flow its timer tells that an answer is waited for, and its name what is made of it. */
function noteWait(waiting: Map<string, WaitingDelegate>, { id, atom = '' }: TimerFact): void {
  const [, round, attempt] = /\/wait\.(\d+)\.(\d+)$/.exec(id) ?? [];
  const plan = planIn(atom);
  if (attempt === undefined || plan === undefined) return;
  waiting.set(atom, { atom, attempt: Number(attempt), round: Number(round), plan });
}

/** Atoms whose newest request is parked, each with what tells it from an earlier time that it was. A person sees them in the report of the job. */
export function parkedIn(entries: readonly StoredEntry[]): ReadonlyMap<string, string> {
  const parked = new Map<string, string>();
  for (const { entry } of entries)
    for (const fact of entry.facts) {
      if (fact.fact === 'request' && fact.state === 'parked')
        parked.set(fact.atom, `${entry.seq} ${fact.atom}`);
      else if (fact.fact === 'request' || fact.fact === 'atom') parked.delete(fact.atom);
      else if (fact.fact === 'activation') parked.delete(fact.activation);
    }
  return parked;
}
