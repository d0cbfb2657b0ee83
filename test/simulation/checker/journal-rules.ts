/** I01, I02, I04 (order), I06 (end), I07 (after the end), H16: what may follow what in one journal. */
import { compareFences, formatFence, type JournalEntry } from '@baton/core';
import type { StoredCommand, StoredEntry } from '../history.js';
import type { Violations } from './evidence.js';
import { reopeningsIn, type IsWanted } from './reopenings.js';

/** Default of the conductor's option. */
const poisonClaimsMax = 3;

interface Journal {
  readonly job: { readonly jobId: string };
  readonly entries: readonly StoredEntry[];
}

export function* journalRules({
  jobs,
  history,
}: {
  readonly jobs: readonly Journal[];
  readonly history: {
    readonly acknowledged: ReadonlyMap<string, unknown>;
    readonly commands?: ReadonlyMap<string, StoredCommand>;
  };
}): Violations {
  const journals = new Map(jobs.map(({ job, entries }) => [job.jobId, entries]));
  const isWanted = reopeningsIn(history.commands, journals);
  for (const job of jobs) {
    yield* order(job);
    yield* afterEnd(job, isWanted);
    yield* poison(job);
    const hasToEnd = history.acknowledged.has(job.job.jobId) || job.entries.length > 1;
    if (hasToEnd && job.entries.at(-1)?.entry.kind !== 'terminal')
      yield `I06 ${job.job.jobId}: no terminal entry`;
  }
}

function* order({ job: { jobId }, entries }: Journal): Violations {
  const writers = new Map<string, string>();
  for (const [index, { entry, writer }] of entries.entries()) {
    const fence = formatFence(entry.fence);
    const known = writers.get(fence) ?? writer;
    if (known !== undefined) writers.set(fence, known);
    if (known !== writer) yield `I01 ${jobId}: ${known} and ${writer} both wrote under one fence`;
    const before = entries[index - 1]?.entry;
    if (entry.seq !== index) yield `I04 ${jobId}: entry ${entry.seq} is stored as number ${index}`;
    if (before === undefined) continue;
    const rise = compareFences(before.fence, entry.fence);
    if (rise > 0) yield `I02 ${jobId}: entry ${index} has a lower fence than the one before`;
    if (rise < 0 && entry.kind !== 'claim')
      yield `I01 ${jobId}: entry ${index} has a new fence and is no claim`;
    if (rise === 0 && entry.kind === 'claim')
      yield `I01 ${jobId}: entry ${index} claims with a fence used before`;
  }
}

/** Nothing but who was asked to reopen it: claims, and the entry that does. Poison ends it once more. */
function* afterEnd({ job: { jobId }, entries }: Journal, isWanted: IsWanted): Violations {
  let isOver = false;
  for (const { entry, order } of entries) {
    const { kind, seq } = entry;
    const mayFollow = kind === 'claim' || kind === 'reopen' || isPoisonEnd(entry);
    if (isOver && !(mayFollow && isWanted(jobId, order)))
      yield `I07 ${jobId}: entry ${seq} comes after the terminal one`;
    if (!isOver && kind === 'reopen') yield `I07 ${jobId}: entry ${seq} reopens a run that is not over`;
    isOver = kind === 'terminal' || (isOver && kind !== 'reopen');
  }
}

/** A job that was claimed too often without any progress does not run on. */
function* poison({ job: { jobId }, entries }: Journal): Violations {
  let idleClaims = 0;
  for (const { entry } of entries) {
    const isIdleClaim = entry.kind === 'claim' && entry.facts.length === 0;
    if (isIdleClaim) idleClaims++;
    else if (idleClaims > poisonClaimsMax && !isPoisonEnd(entry))
      yield `H16 ${jobId}: entry ${entry.seq} runs on after ${idleClaims} claims that led to nothing`;
    if (isPoisonEnd(entry) && idleClaims <= poisonClaimsMax)
      yield `H16 ${jobId}: ended as poison after ${idleClaims} claims that led to nothing`;
    if (!isIdleClaim) idleClaims = 0;
  }
}

export function isPoisonEnd(entry: JournalEntry): boolean {
  return entry.kind === 'terminal' && entry.reason?.code === 'POISON';
}
