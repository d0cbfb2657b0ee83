/** P-932, P-934: how long it takes from the end of a worker's registration until its owner has recorded what becomes of a request that it had. */
import type { BoardChange, Happened } from '../history.js';
import type { JobEvidence, Violations } from './evidence.js';
import { outcomesOf } from './request-stories.js';
import { workerEpochs, type WorkerEpoch } from './worker-epochs.js';

export interface WorkerLoss {
  readonly requestId: string;
  readonly ms: number;
}

interface WorkerLossEvidence {
  readonly history: { readonly board: readonly BoardChange[] };
  readonly jobs: readonly Pick<JobEvidence, 'job' | 'entries'>[];
}

/** A request at one worker: from its assignment until the journal says something else of it. */
interface Stay {
  readonly requestId: string;
  readonly epoch: string;
  readonly from: Happened;
  /** `needsWorker`: nobody could have done that without another worker. */
  readonly to: Happened & { readonly needsWorker: boolean };
  /** Claims of its job. */
  readonly claims: readonly Happened[];
}

/** Requests whose worker left. One that is sent again counts when another worker had room all the time. `concurrency`: of each worker. */
export function* workerLosses(
  { history, jobs }: WorkerLossEvidence,
  { concurrency }: { readonly concurrency: number },
): Generator<WorkerLoss> {
  const epochs = workerEpochs(history.board);
  const stays = jobs.flatMap((job) => [...staysOf(job)]);
  for (const stay of stays) {
    const { requestId, epoch, from, to, claims } = stay;
    const left = epochs.get(epoch)?.left;
    if (left === undefined || left.order > to.order || to.order === Infinity) continue;
    // a new owner learns of it when it has the job
    const claim = claims.findLast(({ order }) => order < to.order);
    const since = [left, from, ...(claim ? [claim] : [])].reduce((a, b) => (a.order > b.order ? a : b));
    const hasRoom = ([other, { joined, left: end }]: readonly [string, WorkerEpoch]): boolean =>
      joined.order < since.order &&
      (end === undefined || end.order > to.order) &&
      stays.filter(
        (each) => each.epoch === other && each.from.order < to.order && each.to.order > since.order,
      ).length < concurrency;
    if (!to.needsWorker || [...epochs].some(hasRoom)) yield { requestId, ms: to.atMs - since.atMs };
  }
}

/** Where nothing else is in the way. */
export function* workerLossRules(
  losses: Iterable<WorkerLoss>,
  { boundMs }: { readonly boundMs: number },
): Violations {
  for (const { requestId, ms } of losses)
    if (ms > boundMs)
      yield `P-934 ${requestId} had no worker for ${Math.round(ms)} ms before that was recorded, allowed are ${boundMs}`;
}

function* staysOf(job: Pick<JobEvidence, 'job' | 'entries'>): Generator<Stay> {
  const claims: Happened[] = job.entries.filter(({ entry }) => entry.kind === 'claim');
  const open = new Map<string, { readonly epoch: string; readonly from: Happened }>();
  const ends = new Map([...outcomesOf(job)].map((each) => [each.requestId, each]));
  const end = function* (requestId: string, to: Stay['to']): Generator<Stay> {
    const known = open.get(requestId);
    open.delete(requestId);
    if (known !== undefined) yield { requestId, ...known, to, claims };
  };
  for (const stored of job.entries) {
    for (const fact of stored.entry.facts) {
      if (fact.fact !== 'request') continue;
      const { requestId, state, workerEpoch: epoch } = fact;
      const { order, atMs } = stored;
      yield* end(requestId, { order, atMs, needsWorker: state !== 'parked' });
      if (state === 'assigned') open.set(requestId, { epoch, from: stored });
    }
  }
  for (const [requestId, { stored, fact }] of ends) {
    const { order, atMs } = stored;
    const code = 'failure' in fact ? fact.failure?.code : undefined;
    yield* end(requestId, { order, atMs, needsWorker: code === 'QUEUE_TIMEOUT' || code === 'CANCELLED' });
  }
  // nothing became of it: its flow was over
  for (const requestId of [...open.keys()])
    yield* end(requestId, { order: Infinity, atMs: Infinity, needsWorker: false });
}
