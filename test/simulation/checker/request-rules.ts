/** I09, I10, P-103, P-412: requests, the calls of user code they led to, and the answers. */
import { flowIdOf, type RequestFact } from '@baton/core';
import type { AnyDefinition } from '@baton/engine';
import { isRouted, type NodeDefinition, type OnWorkerLoss, waitEventTask } from '@baton/flow';
import { toldKey, type Call, type Happened, type Reply } from '../history.js';
import type { Evidence, JobEvidence, Violations } from './evidence.js';
import { atomOf, isSuccess, outcomesOf, type Outcome } from './request-stories.js';
import { workerEpochs, type WorkerEpoch } from './worker-epochs.js';

interface Assignment extends Happened {
  readonly fact: RequestFact;
}

export function* requestRules(evidence: Evidence): Violations {
  const { history, jobs } = evidence;
  const known = new Set(jobs.map(({ job }) => job.jobId));
  const assignments = byRequest(
    jobs.flatMap((job) => [...assignmentsOf(job)]),
    ({ fact }) => fact.requestId,
  );
  const outcomes = jobs.flatMap((job) => [...outcomesOf(job)]);
  const stored = new Map(
    outcomes.filter(isSuccess).map(({ requestId, stored: { order } }) => [requestId, order]),
  );
  const epochs = workerEpochs(history.board);
  const calls = byRequest(history.calls, ({ requestId }) => requestId);
  for (const call of history.calls) {
    if (!known.has(call.flowId)) yield `I07 ${call.requestId} ran and no such job was posted`;
    yield* recorded(call, assignments.get(call.requestId) ?? []);
    const done = stored.get(call.requestId);
    const told = history.told.get(toldKey(call.epoch ?? '', call.requestId));
    if (done !== undefined && told !== undefined && told.order < call.order)
      yield `P-103 ${call.requestId} was started after its worker was told that its result is stored`;
  }
  for (const [requestId, done] of stored)
    if (assignments.get(requestId)?.some(({ order }) => order > done) === true)
      yield `P-103 ${requestId} was asked for after its result was stored`;
  for (const [requestId, same] of calls) {
    const given = assignments.get(requestId) ?? [];
    yield* repeated(requestId, same, { given, epochs });
    if (new Set(same.map(({ key }) => key)).size > 1) yield `I09 ${requestId} ran under different keys`;
  }
  yield* keysOf(history.calls);
  if (!evidence.struck.has('log loses what it acknowledged'))
    yield* answered(history.replies, { assignments, outcomes });
  for (const job of jobs) {
    yield* results(job);
    yield* policies(job, { calls, assignments });
  }
  yield* evidence.world.oddities.map((oddity) => `I09 ${oddity}`);
}

function* assignmentsOf({ entries }: JobEvidence): Generator<Assignment> {
  for (const { entry, order, atMs } of entries)
    for (const fact of entry.facts) if (fact.fact === 'request') yield { order, atMs, fact };
}

/** Nothing runs that was not saved before. */
function* recorded(call: Call, given: readonly Assignment[]): Violations {
  const own = given.find(({ fact }) => fact.delivery === call.delivery && fact.state === 'assigned');
  if (own === undefined || own.order > call.order)
    yield `P-412 ${call.requestId} delivery ${call.delivery} ran before an entry recorded it`;
  else if (call.epoch !== undefined && own.fact.workerEpoch !== call.epoch)
    yield `P-901 ${call.requestId} delivery ${call.delivery} ran in epoch ${call.epoch}, it was given to ${own.fact.workerEpoch}`;
}

/**
 * A request runs again only when the worker that had it was gone before that was decided. A worker that was gone may still begin an earlier delivery
 * than one that has run by then (H37).
 */
function* repeated(
  requestId: string,
  calls: readonly Call[],
  {
    given,
    epochs,
  }: { readonly given: readonly Assignment[]; readonly epochs: ReadonlyMap<string, WorkerEpoch> },
): Violations {
  const inOrder = calls.toSorted((a, b) => a.delivery - b.delivery || a.order - b.order);
  for (const [index, call] of inOrder.entries()) {
    const decided = given.find(({ fact }) => fact.delivery === call.delivery);
    if (decided === undefined) continue;
    const isThere = ({ epoch }: Call): boolean =>
      epoch !== undefined && (epochs.get(epoch)?.left?.order ?? Infinity) > decided.order;
    const other = inOrder.slice(0, index).find(isThere);
    if (other !== undefined)
      yield `I09 ${requestId} ran as delivery ${other.delivery} and ${call.delivery}, and the first worker was still there`;
  }
}

/** Equal keys for equal work, different keys for different work. */
function* keysOf(calls: readonly Call[]): Violations {
  const works = new Map<string, string>();
  const keys = new Map<string, string>();
  for (const { flowId, atom, action, round, key } of calls) {
    const work = `${flowId}/${atom}/${action}/${round}`;
    if ((works.get(key) ?? work) !== work) yield `I09 key ${key} was given to ${work} and ${works.get(key)}`;
    if ((keys.get(work) ?? key) !== key) yield `I09 ${work} had the keys ${key} and ${keys.get(work)}`;
    works.set(key, work);
    keys.set(work, key);
  }
}

/** I10: what a registered worker has answered, and the log has acknowledged, is not asked for again, and not given up as lost. */
function* answered(
  replies: readonly Reply[],
  o: {
    readonly assignments: ReadonlyMap<string, readonly Assignment[]>;
    readonly outcomes: readonly Outcome[];
  },
): Violations {
  const lost = new Map(
    o.outcomes
      .filter(({ fact }) => 'failure' in fact && fact.failure?.code === 'WORKER_LOST')
      .map(({ requestId, stored }) => [requestId, stored]),
  );
  for (const { message, order, isRegistered } of replies) {
    if (message.kind !== 'result' || !isRegistered) continue;
    const { requestId } = message;
    const later = o.assignments.get(requestId)?.find((each) => each.order > order);
    if (later !== undefined)
      yield `I10 ${requestId} was ${later.fact.state} again, as delivery ${later.fact.delivery}, after its result was in the log`;
    if ((lost.get(requestId)?.order ?? 0) > order)
      yield `I10 ${requestId} failed as lost with its worker after its result was in the log`;
  }
}

/** A stored result is the one its task gave. */
function* results({ job, entries }: JobEvidence): Violations {
  const policyOf = policiesOf(job.definition);
  const rounds = new Map<string, number>();
  for (const { entry } of entries)
    for (const fact of entry.facts) {
      if (fact.fact !== 'atom' && fact.fact !== 'activation') continue;
      const atom = fact.fact === 'atom' ? fact.atom : fact.activation;
      // what comes from outside is no task's (delegate-rules.ts, event-rules.ts)
      if (policyOf.get(atomOf(atom)) === undefined) continue;
      if (fact.fact === 'atom' && fact.to === 'RUNNING') rounds.set(atom, fact.round ?? 0);
      if (fact.to !== 'SUCCESS' || fact.value === undefined || !('data' in fact.value)) continue;
      const { data } = fact.value;
      const expected = `${job.jobId}/${atom}/${rounds.get(atom) ?? 0}`;
      if (typeof data === 'string' && !data.startsWith(expected))
        yield `I12 ${job.jobId}: ${atom} has the result ${data.slice(0, 40)}, expected ${expected}`;
    }
}

/** Deliveries that a loss of the worker allows (P-932, P-933). */
const lossesMax = 2;

/** `fail` and `park` never run twice, but at the word of a person; `resend` not for ever. */
function* policies(
  { job, entries }: JobEvidence,
  o: {
    readonly calls: ReadonlyMap<string, readonly Call[]>;
    readonly assignments: ReadonlyMap<string, readonly Assignment[]>;
  },
): Violations {
  const policyOf = policiesOf(job.definition);
  for (const fact of entries.flatMap(({ entry }) => entry.facts)) {
    if (fact.fact !== 'request' || fact.state !== 'assigned') continue;
    const policy = policyOf.get(atomOf(fact.atom));
    if (policy === 'resend' && fact.losses > lossesMax)
      yield `P-933 ${fact.requestId} is sent again after ${fact.losses} workers were lost with it`;
  }
  for (const [requestId, given] of o.assignments) {
    const atom = given[0]?.fact.atom ?? '';
    const policy = policyOf.get(atomOf(atom));
    if (flowIdOf(requestId) !== job.jobId || policy === undefined || policy === 'resend') continue;
    const parked = given.filter(({ fact }) => fact.state === 'parked').length;
    const ran = (o.calls.get(requestId) ?? []).filter(({ epoch }) => epoch !== undefined).length;
    if (ran > 1 + parked) yield `P-932 ${requestId} ran ${ran} times, its policy is ${policy}`;
  }
}

/** Of all tasks. */
function policiesOf(definition: AnyDefinition): ReadonlyMap<string, OnWorkerLoss> {
  const policies = new Map<string, OnWorkerLoss>();
  const visit = (node: NodeDefinition): void => {
    if (node.kind === 'task') {
      if (node.delegate === undefined && node.task !== 'std.sleep')
        policies.set(node.name, node.onWorkerLoss ?? 'resend');
    } else node.children?.forEach(visit);
  };
  if (!isRouted(definition)) visit(definition.root);
  else
    for (const { name, task, onWorkerLoss = 'resend' } of definition.root.atoms)
      if (task !== undefined && task !== waitEventTask) policies.set(name, onWorkerLoss);
  return policies;
}

function byRequest<T>(items: readonly T[], idOf: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const id = idOf(item);
    const known = found.get(id);
    if (known) known.push(item);
    else found.set(id, [item]);
  }
  return found;
}
