/** How long jobs were without an owner, and what became of the requests that were under way: read from the journals. */
import type { JobEvidence } from '../simulation/checker/evidence.js';
import type { Cause } from './fault-kind.js';
import type { StruckFault } from './faults.js';

export interface Takeovers {
  /** ms from the fault that struck the owner to the claim entry of the next one. */
  readonly ms: Readonly<Partial<Record<Cause, readonly number[]>>>;
  /** Jobs whose owner nobody had struck. */
  readonly unexplained: number;
  /** Requests open at a takeover that were answered without being sent again. */
  readonly adopted: number;
  /** And those that were sent again. */
  readonly sentAgain: number;
}

/** So much later than a fault may the answer come to a claim that was made before it. */
const lateMs = 1_000;

export function takeoversOf(jobs: readonly JobEvidence[], faults: readonly StruckFault[]): Takeovers {
  const ms: Partial<Record<Cause, number[]>> = {};
  let [adopted, sentAgain, unexplained] = [0, 0, 0];
  for (const job of jobs) {
    for (const { fault, atMs } of ownerChanges(job, faults))
      if (fault === undefined) unexplained++;
      else (ms[fault.cause] ??= []).push(atMs - fault.atMs);
    const requests = requestsAtTakeovers(job);
    adopted += requests.adopted;
    sentAgain += requests.sentAgain;
  }
  return { ms, unexplained, adopted, sentAgain };
}

function* ownerChanges(
  { entries }: JobEvidence,
  faults: readonly StruckFault[],
): Generator<{ readonly fault: StruckFault | undefined; readonly atMs: number }> {
  let former: { readonly member: string; readonly atMs: number } | undefined;
  for (const { entry, atMs } of entries) {
    if (entry.kind !== 'claim') continue;
    const { member } = entry.claim;
    if (former !== undefined) {
      const owner = former;
      const since = faults.filter((fault) => fault.atMs > owner.atMs - lateMs && fault.atMs <= atMs);
      const own = since.filter(({ victim }) => victim === owner.member);
      // the first kill took it; a stop or a cut may have passed without harm, and a service is away from everybody
      const fault =
        own.find(({ cause }) => cause === 'killed') ??
        own.at(-1) ??
        since.findLast(({ cause }) => cause === 'service away');
      yield { fault, atMs };
    }
    former = { member, atMs };
  }
}

function requestsAtTakeovers({ entries }: JobEvidence): {
  readonly adopted: number;
  readonly sentAgain: number;
} {
  const open = new Map<string, string>();
  const found = new Set<string>();
  const count = { adopted: 0, sentAgain: 0 };
  const settle = (requestId: string | undefined, how: keyof typeof count): void => {
    if (requestId !== undefined && found.delete(requestId)) count[how]++;
  };
  for (const { entry } of entries) {
    if (entry.kind === 'claim') for (const requestId of open.values()) found.add(requestId);
    for (const fact of entry.facts) {
      if (fact.fact === 'request') {
        settle(fact.requestId, 'sentAgain');
        if (fact.state === 'assigned') open.set(fact.atom, fact.requestId);
        else open.delete(fact.atom);
      } else if (fact.fact === 'attempt' || (fact.fact === 'atom' && !isUnderWay(fact.to))) {
        settle(open.get(fact.atom), 'adopted');
        open.delete(fact.atom);
      }
    }
  }
  return count;
}

function isUnderWay(state: string): boolean {
  return state === 'RUNNING' || state === 'REVERTING';
}
