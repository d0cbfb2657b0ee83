/**
 * Moments in the life of a job at which a fault hurts most, and whom it then concerns. The services tell them as something has reached them, before its
 * sender has an answer.
 */
import { flowIdOf, type Fact, type RequestFact } from '@baton/core';
import type { Cluster, Member } from './cluster.js';
import type { Happening } from './history.js';

/** Whom a fault concerns at such a moment. */
export interface Concerned {
  readonly jobId: string;
  /** Its newest claim in the journal is theirs. */
  readonly conductor: Member | undefined;
  readonly worker: Member | undefined;
  /** Where the newest request went, and where its answer goes. */
  readonly request: RequestFact | undefined;
}

type IsIt = (what: Happening) => boolean;

const hasFact =
  (is: (fact: Fact) => boolean): IsIt =>
  (what) =>
    what.kind === 'entry' && what.entry.facts.some(is);

const moments = {
  posted: (what) => what.kind === 'entry' && what.entry.kind === 'post',
  claimed: (what) => what.kind === 'entry' && what.entry.kind === 'claim',
  assigned: hasFact((fact) => fact.fact === 'request' && fact.state === 'assigned'),
  parked: hasFact((fact) => fact.fact === 'request' && fact.state === 'parked'),
  sent: (what) => what.kind === 'asked' && what.asked.kind === 'request',
  started: (what) => what.kind === 'call',
  answered: (what) => what.kind === 'reply' && what.reply.kind === 'result',
  'not run': (what) =>
    what.kind === 'reply' && (what.reply.kind === 'unknown' || what.reply.kind === 'refused'),
  stored: hasFact((fact) => fact.fact === 'atom' && (fact.to === 'SUCCESS' || fact.to === 'FAILURE')),
  waiting: hasFact((fact) => fact.fact === 'timer' && fact.state === 'set'),
  commanded: hasFact(({ fact }) => fact === 'command'),
  ended: (what) => what.kind === 'entry' && what.entry.kind === 'terminal',
} satisfies Record<string, IsIt>;

export type Moment = keyof typeof moments;

/** Calls back at the next such moment after `skip` others, of any job or of one. */
export function atMoment(
  cluster: Cluster,
  { moment, skip, jobId }: { readonly moment: Moment; readonly skip: number; readonly jobId?: string },
  callback: (concerned: Concerned) => void,
): void {
  const { onHappening } = cluster.history;
  let left = skip;
  const listener = (what: Happening): void => {
    if (!moments[moment](what) || (jobId !== undefined && jobOf(what) !== jobId) || left-- > 0) return;
    onHappening.delete(listener);
    callback(concernedBy(cluster, what));
  };
  onHappening.add(listener);
}

function concernedBy(cluster: Cluster, what: Happening): Concerned {
  const jobId = jobOf(what);
  const entries = (cluster.history.entries.get(jobId) ?? []).map(({ entry }) => entry);
  const request = entries
    .flatMap(({ facts }) => facts)
    .findLast((fact): fact is RequestFact => fact.fact === 'request');
  const claim = entries.findLast((entry) => entry.kind === 'claim');
  const worker =
    what.kind === 'call'
      ? cluster.ofKind('worker').find(({ process }) => process.name === what.call.process)
      : aliveMember(cluster, what.kind === 'reply' ? what.reply.worker : request?.worker);
  return { jobId, conductor: aliveMember(cluster, claim?.claim.member), worker, request };
}

function jobOf(what: Happening): string {
  if (what.kind === 'entry') return what.entry.flowId;
  if (what.kind === 'call') return what.call.flowId;
  if (what.kind === 'asked') return 'flowId' in what.asked ? what.asked.flowId : '';
  return 'requestId' in what.reply ? flowIdOf(what.reply.requestId) : '';
}

function aliveMember(cluster: Cluster, id: string | undefined): Member | undefined {
  const member = id === undefined ? undefined : cluster.members.get(id);
  return member?.process.alive === true ? member : undefined;
}
