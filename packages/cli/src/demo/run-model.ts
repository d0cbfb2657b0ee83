/**
 * Purpose: what the demo knows of its jobs: the fold of their journals, as far as the picture and the report need it.
 * What is authoritative: the journal; this follows it by at most a fraction of a second.
 */
import type { AtomState, Fact, FlowOutcome, JournalEntry, RequestFact } from '@baton/core';

export interface JobModel {
  readonly jobId: string;
  readonly name: string;
  readonly atomCount: number;
  /** Members that owned it, oldest first. */
  readonly owners: string[];
  readonly atoms: Map<string, AtomState>;
  /** Requests that are with a worker, by atom. */
  readonly open: Map<string, RequestFact>;
  /** Deliveries beyond the first, by request. */
  readonly redelivered: Map<string, number>;
  /** Name of the atom that changed last, and what it became. */
  last: { readonly atom: string; readonly to: AtomState } | undefined;
  reverting: boolean;
  outcome: FlowOutcome | undefined;
}

export function newJobModel(jobId: string, name: string, atomCount: number): JobModel {
  return {
    jobId,
    name,
    atomCount,
    owners: [],
    atoms: new Map(),
    open: new Map(),
    redelivered: new Map(),
    last: undefined,
    reverting: false,
    outcome: undefined,
  };
}

export function foldEntry(job: JobModel, entry: JournalEntry): void {
  if (entry.kind === 'claim') job.owners.push(entry.claim.member);
  for (const fact of entry.facts) foldFact(job, fact);
  if (entry.kind === 'terminal') {
    job.outcome = entry.outcome;
    job.open.clear();
  }
}

function foldFact(job: JobModel, fact: Fact): void {
  if (fact.fact === 'atom') {
    job.atoms.set(fact.atom, fact.to);
    job.last = { atom: fact.atom, to: fact.to };
    if (fact.to === 'REVERTING') job.reverting = true;
    if (fact.to !== 'RUNNING' && fact.to !== 'REVERTING') job.open.delete(fact.atom);
  }
  if (fact.fact === 'request') {
    job.open.set(fact.atom, fact);
    if (fact.state === 'assigned' && fact.delivery > 1)
      job.redelivered.set(fact.requestId, fact.delivery - 1);
  }
}

export function ownerOf(job: JobModel): string | undefined {
  return job.outcome === undefined ? job.owners.at(-1) : undefined;
}

/** Atoms in this state. */
export function countOf(job: JobModel, ...states: readonly AtomState[]): number {
  let count = 0;
  for (const state of job.atoms.values()) if (states.includes(state)) count++;
  return count;
}

export function redeliveredIn(jobs: Iterable<JobModel>): number {
  let count = 0;
  for (const job of jobs) for (const times of job.redelivered.values()) count += times;
  return count;
}

/** Requests that are with this worker. */
export function requestsOn(jobs: Iterable<JobModel>, worker: string): RequestFact[] {
  return [...jobs].flatMap((job) => [...job.open.values()].filter((request) => request.worker === worker));
}
