/** A run and its child runs as one tree, with figures (C-1604): what took how long, how often it was tried, and what failed where. */
import { codeOf, type FlowOutcome, type FlowState, type JournalEntry } from '@baton/core';
import type { AtomReport } from './atom-report.js';
import type { Client } from './client.js';

export interface RunReportOptions {
  /** Only atoms that failed, or whose child run has something to show. Figures are those of all. */
  readonly errorsOnly?: boolean;
  /** How many levels of child runs are shown, from 0. Default: all. */
  readonly maxDepth?: number;
}

export interface RunReport {
  readonly jobId: string;
  readonly name: string;
  readonly flowState: FlowState;
  readonly outcome?: FlowOutcome;
  readonly postedAtMs: number;
  /** From the post to the last entry of its journal. */
  readonly durationMs: number;
  /** Of the run and all child runs below that were read. */
  readonly figures: Figures;
  readonly atoms: readonly ReportedAtom[];
}

export interface Figures {
  readonly jobs: number;
  /** State → atoms in it. */
  readonly atoms: Readonly<Record<string, number>>;
  /** Deliveries beyond the first: work that may have been done twice. */
  readonly redelivered: number;
  /** Child runs that were not read, because they lie too deep, or 200 jobs were read. */
  readonly leftOut: number;
}

export interface ReportedAtom extends Pick<
  AtomReport,
  'name' | 'kind' | 'state' | 'attempt' | 'round' | 'failure'
> {
  /** When it ran first, ms since 1970. */
  readonly startedAtMs?: number;
  /** From then to its last change, what undid it or ran it again included; absent before it has ended. */
  readonly durationMs?: number;
  readonly childJob?: string;
  readonly child?: RunReport;
}

/** Jobs in one report. */
const JOBS_MAX = 200;
const goingOn: ReadonlySet<string> = new Set([
  ...['PENDING', 'WAITING', 'RUNNING', 'DELAYED', 'SUSPENDED', 'RETRYING', 'REVERTING'],
]);

type Reader = Pick<Client, 'job' | 'history'>;

/** Reads up to 200 jobs, one after the other; each may have moved on since. @throws as `Client.job`; a child run that is unknown, or not yet there, is passed over */
export function runReport(
  client: Reader,
  jobId: string,
  { errorsOnly = false, maxDepth = Infinity }: RunReportOptions = {},
): Promise<RunReport> {
  let jobs = 0;
  return read(jobId, maxDepth);

  async function read(id: string, depth: number): Promise<RunReport> {
    jobs++;
    const [job, entries] = await Promise.all([client.job(id), client.history(id)]);
    const times = timesOf(entries);
    const atoms: ReportedAtom[] = [];
    let leftOut = 0;
    for (const atom of job.atoms) {
      const isRead = atom.child !== undefined && depth > 0 && jobs < JOBS_MAX;
      if (atom.child !== undefined && !isRead) leftOut++;
      const child = isRead ? await unlessUnknown(read(atom.child, depth - 1)) : undefined;
      atoms.push({ ...reported(atom, times.get(atom.name)), ...(child && { child }) });
    }
    const { name, flowState, outcome, postedAtMs, updatedAtMs, redelivered } = job;
    return {
      ...{ jobId: id, name, flowState, ...(outcome && { outcome }) },
      ...{ postedAtMs, durationMs: updatedAtMs - postedAtMs },
      figures: figuresOf(atoms, { redelivered, leftOut }),
      atoms: errorsOnly ? atoms.filter(isError) : atoms,
    };
  }
}

interface Times {
  readonly startedAtMs: number;
  readonly lastAtMs: number;
}

function timesOf(entries: readonly JournalEntry[]): ReadonlyMap<string, Times> {
  const times = new Map<string, Times>();
  for (const { facts, atMs } of entries)
    for (const fact of facts) {
      if (fact.fact !== 'atom' && fact.fact !== 'activation') continue;
      const name = fact.fact === 'atom' ? fact.atom : fact.activation;
      const { startedAtMs } = times.get(name) ?? { startedAtMs: atMs };
      if (fact.to === 'RUNNING' || times.has(name)) times.set(name, { startedAtMs, lastAtMs: atMs });
    }
  return times;
}

function reported(
  { name, kind, state, attempt, round, failure, child }: AtomReport,
  times: Times | undefined,
): ReportedAtom {
  return {
    ...{ name, kind, state },
    ...(attempt !== undefined && { attempt }),
    ...(round !== undefined && { round }),
    ...(times && { startedAtMs: times.startedAtMs }),
    ...(times && !goingOn.has(state) && { durationMs: times.lastAtMs - times.startedAtMs }),
    ...(failure && { failure }),
    ...(child !== undefined && { childJob: child }),
  };
}

function figuresOf(all: readonly ReportedAtom[], own: Pick<Figures, 'redelivered' | 'leftOut'>): Figures {
  const states = all.map(({ state }): Record<string, number> => ({ [state]: 1 }));
  const children = all.flatMap(({ child }) => (child ? [child.figures] : []));
  const atoms: Record<string, number> = {};
  for (const counts of [...states, ...children.map((child) => child.atoms)])
    for (const [state, count] of Object.entries(counts)) atoms[state] = (atoms[state] ?? 0) + count;
  const sum = (of: 'jobs' | 'redelivered' | 'leftOut'): number =>
    children.reduce((total, child) => total + child[of], 0);
  return {
    ...{ jobs: 1 + sum('jobs'), atoms, redelivered: own.redelivered + sum('redelivered') },
    leftOut: own.leftOut + sum('leftOut'),
  };
}

function isError({ state, failure, child }: ReportedAtom): boolean {
  if (failure !== undefined || state === 'FAILURE' || state === 'REVERT_FAILURE') return true;
  return child !== undefined && (child.atoms.length > 0 || (child.outcome ?? 'SUCCESS') !== 'SUCCESS');
}

function unlessUnknown(reading: Promise<RunReport>): Promise<RunReport | undefined> {
  return reading.catch((error: unknown) => {
    if (codeOf(error) === 'BATON_NOT_FOUND_JOB') return undefined;
    throw error;
  });
}
