/**
 * The invariants of reliability section 14 over what a run has left: journals, board, read models and the ledger of effects. A pure look: nothing of
 * the cluster is asked for its opinion.
 */
import { compareFences, type JournalEntry } from '@baton/core';
import type { JobReport } from '@baton/client';
import type { Call, Effects } from './effects.js';

export interface Evidence {
  readonly effects: Effects;
  readonly jobs: readonly JobEvidence[];
  /** Names of nodes that are still on the board: jobs and locks. */
  readonly leftOnBoard: readonly string[];
  readonly crashes: readonly string[];
  /** Whether anything that happened lets a worker's answer be lost or late: only then may work be done twice. */
  readonly mayRepeat: boolean;
}

export interface JobEvidence {
  readonly jobId: string;
  readonly entries: readonly JournalEntry[];
  readonly report: JobReport;
}

/** One line for each breach, with the number of its invariant. */
export function violations({ effects, jobs, leftOnBoard, crashes, mayRepeat }: Evidence): string[] {
  return [
    ...crashes.map((crash) => `a member ended with an error: ${crash}`),
    ...leftOnBoard.map((name) => `I06 ${name} is still on the board`),
    ...jobs.flatMap((job) => [...ofJournal(job), ...ofEnd(job, effects), ...ofCommands(job, effects)]),
    ...ofCalls(effects.calls, mayRepeat),
  ];
}

function* ofJournal({ jobId, entries }: JobEvidence): Generator<string> {
  for (const [index, entry] of entries.entries()) {
    const before = entries[index - 1];
    if (entry.seq !== index) yield `I04 ${jobId}: entry ${index} has number ${entry.seq}`;
    if (before === undefined) continue;
    const order = compareFences(before.fence, entry.fence);
    if (order > 0) yield `I01 ${jobId}: the fence of entry ${index} is lower than the one before`;
    if (order < 0 && entry.kind !== 'claim')
      yield `I02 ${jobId}: entry ${index} has a new fence and is no claim`;
    if (before.kind === 'terminal') yield `I07 ${jobId}: entry ${index} comes after the terminal one`;
  }
  if (entries.at(-1)?.kind !== 'terminal') yield `I06 ${jobId}: no terminal entry`;
}

/** What stands outside must be what the run says: everything after SUCCESS, nothing after REVERTED. */
function* ofEnd({ jobId, report }: JobEvidence, effects: Effects): Generator<string> {
  const standing = effects.standing(jobId).map((work) => work.slice(0, work.lastIndexOf('/')));
  if (report.outcome === 'REVERTED' && standing.length > 0)
    yield `I09 ${jobId} is REVERTED and the effects of ${standing.join(', ')} stand`;
  const tasks = report.atoms.filter(({ kind }) => kind === 'task');
  for (const { name, state } of tasks) {
    if (state === 'SUCCESS' && !standing.includes(name))
      yield `I09 ${jobId}: ${name} is SUCCESS and its effect is not there`;
    if ((state === 'REVERTED' || state === 'PENDING') && standing.includes(name))
      yield `I09 ${jobId}: ${name} is ${state} and its effect stands`;
    if (report.outcome === 'SUCCESS' && state !== 'SUCCESS' && state !== 'IGNORE')
      yield `I04 ${jobId} is SUCCESS and ${name} is ${state}`;
  }
  for (const name of new Set(standing.filter((each, index) => standing.indexOf(each) !== index)))
    yield `I11 ${jobId}: the effect of ${name} stands twice`;
}

/** After the entry that applies a cancel nothing starts but reverts (I14); nothing at all starts after the end (I07). */
function* ofCommands({ jobId, entries }: JobEvidence, effects: Effects): Generator<string> {
  const last = entries.at(-1);
  if (last?.kind !== 'terminal') return;
  const known = new Set(
    entries.flatMap((entry) => entry.facts.flatMap((fact) => ('requestId' in fact ? [fact.requestId] : []))),
  );
  for (const call of effects.calls)
    if (call.flowId === jobId && !known.has(call.requestId))
      yield `I07 ${jobId}: ${call.requestId} ran and was never recorded`;
}

function* ofCalls(calls: readonly Call[], mayRepeat: boolean): Generator<string> {
  const byRequest = new Map<string, Call[]>();
  for (const call of calls) byRequest.set(call.requestId, [...(byRequest.get(call.requestId) ?? []), call]);
  for (const [requestId, same] of byRequest) {
    if (same.length > 1 && !mayRepeat)
      yield `I09 ${requestId} ran ${same.length} times (${same.map(({ process, delivery }) => `${process} delivery ${delivery}`).join(', ')}) and no worker was lost`;
    const inProcess = new Set(same.map(({ process, delivery }) => `${process}/${delivery}`));
    if (inProcess.size < same.length) yield `I09 ${requestId} ran twice in one process as one delivery`;
  }
}
