/**
 * C-1206: a child run is started by its parent alone, and what its parent takes for its end is its end; neither leaves the board before what the other has to
 * know of it is stored.
 */
import { atomNameOf, type ActivationFact } from '@baton/core';
import type { BoardChange, StoredCommand } from '../history.js';
import { nodeOf } from './board-rules.js';
import { isRoutedJob, type Evidence, type JobEvidence, type RoutedJob, type Violations } from './evidence.js';
import { outcomesOf } from './request-stories.js';
import { childStarts, lineageOf } from './runs.js';

export function* childRules(evidence: Evidence): Violations {
  const jobs = new Map(evidence.jobs.map((job) => [job.job.jobId, job]));
  const told = toldOf(evidence.history.commands ?? new Map());
  const left = leftOf(evidence.history.board);
  for (const job of evidence.jobs) {
    if (isRoutedJob(job)) yield* parentOf(job, { jobs, told, left });
    yield* childOf(job, { told, left });
  }
}

/**
 * C-1305, C-1306: no child run goes on for long when its parent is over: with its next step it is cancelled, and what it undoes takes its time. `fromMs`: nothing is in
 * its way any more.
 */
export function* orphanRules(
  jobs: readonly JobEvidence[],
  { fromMs, boundMs }: { readonly fromMs: number; readonly boundMs: number },
): Violations {
  const ends = new Map<string, number>();
  for (const { job, entries } of jobs) {
    const end = entries.at(-1);
    if (end?.entry.kind === 'terminal') ends.set(job.jobId, end.atMs);
  }
  for (const parent of jobs.filter(isRoutedJob)) {
    const { jobId } = parent.job;
    const endMs = ends.get(jobId);
    for (const { childId } of endMs === undefined ? [] : childStarts(parent)) {
      const lateMs = (ends.get(childId) ?? 0) - Math.max(endMs ?? 0, fromMs);
      if (lateMs > boundMs)
        yield `C-1305 ${childId} ran on for ${Math.round(lateMs)} ms after ${jobId} was over, allowed are ${boundMs}`;
    }
  }
}

interface Known {
  readonly jobs: ReadonlyMap<string, JobEvidence>;
  /** Commands of each job. */
  readonly told: ReadonlyMap<string, readonly StoredCommand[]>;
  /** When each job left the board for the last time. */
  readonly left: ReadonlyMap<string, number>;
}

function toldOf(commands: ReadonlyMap<string, StoredCommand>): Known['told'] {
  const told = new Map<string, StoredCommand[]>();
  for (const command of commands.values())
    told.set(command.jobId, [...(told.get(command.jobId) ?? []), command]);
  return told;
}

/** What falls asleep or is woken stays. */
function leftOf(board: readonly BoardChange[]): Known['left'] {
  const left = new Map<string, number>();
  for (const { operations, order } of board) {
    const nodes = operations.flatMap(({ type, path }) => {
      const node = nodeOf(path);
      return node?.tree === 'jobs' || node?.tree === 'dormant' ? [{ type, jobId: node.jobId }] : [];
    });
    for (const { type, jobId } of nodes)
      if (type === 'delete' && !nodes.some((other) => other.jobId === jobId && other.type === 'create'))
        left.set(jobId, order);
  }
  return left;
}

function* parentOf(parent: RoutedJob, { jobs, told, left }: Known): Violations {
  const { jobId } = parent.job;
  const outcomes = new Map([...outcomesOf(parent)].map((outcome) => [outcome.requestId, outcome]));
  for (const { childId, requestId, started, unit } of childStarts(parent)) {
    const child = jobs.get(childId);
    const [posted] = child?.entries ?? [];
    if (posted !== undefined && posted.order < started.order)
      yield `C-1206 ${childId} was posted before entry ${started.entry.seq} of ${jobId} asked for it`;
    const ended = endsOf(child).at(0);
    const outcome = outcomes.get(requestId);
    const { to, failure } = (outcome?.fact ?? {}) as Partial<ActivationFact>;
    const isItsEnd = ended !== undefined && outcome !== undefined && ended.order < outcome.stored.order;
    if (to === 'SUCCESS' && !(isItsEnd && ended.outcome === 'SUCCESS'))
      yield `C-1206 ${jobId}: ${unit} is SUCCESS, its child run ${childId} is ${ended?.outcome ?? 'not over'}`;
    if (failure?.code === 'CHILD_FAILED' && !(isItsEnd && ended.outcome !== 'SUCCESS'))
      yield `C-1206 ${jobId}: ${unit} failed with its child run, ${childId} is ${ended?.outcome ?? 'not over'}`;
    const leftAt = left.get(jobId) ?? Infinity;
    if (child === undefined || isItsEnd || (ended !== undefined && ended.order < leftAt)) continue;
    const isCancelled = told
      .get(childId)
      ?.some(({ command, order }) => command.command === 'cancel' && order < leftAt);
    if (leftAt < Infinity && isCancelled !== true)
      yield `C-1206 ${jobId} left the board while ${childId} ran, and had not cancelled it`;
  }
  yield* undoneOf(parent, jobs);
}

/** C-1209: of a sub-flow that is undone each child run was, before; but for one that was cancelled, or never came to be. */
function* undoneOf(parent: RoutedJob, jobs: Known['jobs']): Violations {
  const undone = new Map<string, number>();
  for (const { order, entry } of parent.entries)
    for (const fact of entry.facts)
      if (fact.fact === 'activation' && fact.to === 'REVERTED') undone.set(fact.activation, order);
  for (const { childId, unit } of childStarts(parent)) {
    const before = undone.get(unit) ?? 0;
    const last = endsOf(jobs.get(childId)).findLast(({ order }) => order < before);
    if (last && last.outcome !== 'REVERTED' && last.outcome !== 'CANCELLED')
      yield `C-1209 ${parent.job.jobId}: ${unit} is REVERTED, its child run ${childId} is ${last.outcome}`;
  }
}

/** In order. */
function endsOf(
  job: JobEvidence | undefined,
): readonly { readonly order: number; readonly outcome: string }[] {
  return (job?.entries ?? []).flatMap(({ order, entry }) =>
    entry.kind === 'terminal' ? [{ order, outcome: entry.outcome }] : [],
  );
}

/** Before it leaves the board its end stands among the commands of its parent. */
function* childOf(
  { job: { jobId }, entries }: JobEvidence,
  { told, left }: Pick<Known, 'told' | 'left'>,
): Violations {
  const lineage = lineageOf(entries);
  if (lineage === undefined) return;
  const { parentId, requestId } = lineage;
  const leftAt = left.get(jobId);
  const isTold = told
    .get(parentId)
    ?.some(
      ({ command, order }) =>
        command.command === 'child-settled' &&
        command.arguments?.['requestId'] === requestId &&
        order < (leftAt ?? 0),
    );
  if (leftAt !== undefined && isTold !== true)
    yield `C-1206 ${jobId} left the board, and ${parentId} was not told how ${atomNameOf(requestId)} ended`;
}
