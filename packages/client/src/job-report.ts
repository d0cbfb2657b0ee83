/**
 * Purpose: one job as people and scripts see it, folded exactly: from its journal and its pinned definition, plus what the board says now.
 * What is authoritative: the journal for the run, the board for the owner. Both may move on while this is read.
 */
import { ConflictError, NotFoundError, closest, familyOf, formatFence } from '@baton/core';
import type {
  Failure,
  FlowOutcome,
  FlowState,
  JobState,
  JournalEntry,
  JsonValue,
  Lineage,
  OperatorNote,
  RequestFact,
  Value,
} from '@baton/core';
import { compileAny, foldAny, isAtom, newAnyRun, partOf } from '@baton/engine';
import type { AnyCompiled, AnyRun } from '@baton/engine';
import { parseAnyFlow } from '@baton/flow';
import type { JobBoard, JobReading } from '@baton/jobboard';
import { isReopening, type Notifications, type NumberedCommand, type Persistence } from '@baton/persistence';
import { activationReports, dueTimesOf, progressOf, type Standing } from './activation-report.js';
import type { AtomReport } from './atom-report.js';
import { homeBoardOf } from './home-board.js';
import { orderedReports } from './ordered-report.js';
import { checkShown, unknownJob } from './unknown-job.js';

export interface AppliedCommand extends OperatorNote {
  /** Its number in the job. */
  readonly n: number;
  readonly command: string;
  readonly atMs: number;
  /** Why nothing came of it: the run was not in the state for it any more. */
  readonly refused?: string;
  /** Of an event that it is told of again, as it had ended no wait: the number of the command that told of it first. */
  readonly first?: number;
}

export interface OwnershipReport {
  readonly member: string;
  readonly fence: string;
  readonly seq: number;
  readonly atMs: number;
}

export interface JobReport {
  readonly jobId: string;
  readonly name: string;
  readonly definitionHash: string;
  /** Of a child run: the job that started it, and the first of all. */
  readonly lineage?: Lineage;
  /** Where it was posted; the client's own where that was not recorded. */
  readonly board: string;
  readonly jobState: JobState | 'TRASHED' | 'DORMANT';
  readonly flowState: FlowState;
  readonly outcome?: FlowOutcome;
  /** Why it ended without running to its end. */
  readonly reason?: Failure;
  readonly owner?: string;
  /** Every claim, oldest first: more than one means that it was taken over. */
  readonly owners: readonly OwnershipReport[];
  readonly postedAtMs: number;
  readonly updatedAtMs: number;
  /** Commands that were applied, oldest first. */
  readonly commands: readonly AppliedCommand[];
  /** Commands that no owner has applied yet, oldest first; of a run that is over those alone that have it go on (`isReopening`). */
  readonly pending: readonly NumberedCommand[];
  /** Sequence number of the last journal entry read. */
  readonly seq: number;
  readonly atoms: readonly AtomReport[];
  /** Deliveries beyond the first, over all requests: work that may have been done twice. */
  readonly redelivered: number;
  /** Symbols provided by what succeeded; values above the inline limit are fetched. */
  readonly results: Readonly<Record<string, JsonValue>>;
  /** Who is told of it, and how far they are; of their urls only the origin, of their headers nothing. */
  readonly notifications: readonly NotificationReport[];
}

export interface NotificationReport {
  /** `https://hooks.example.com`; of one that conductors tell of every job, what they call it. */
  readonly target: string;
  /** The last entry it was told of, or needs not be; -1 before the first. */
  readonly seq: number;
  /** Why the next one has not been taken yet. */
  readonly problem?: string;
  /** Notifications that were given up, and the last of them. */
  readonly dead: number;
  readonly lastDead?: { readonly seq: number; readonly reason: string; readonly atMs: number };
}

/** Undefined unless the job was put aside because what is stored of it is missing or damaged. */
export function quarantineOf(jobId: string, { reason }: JobReading): ConflictError | undefined {
  if (reason?.startsWith('QUARANTINE') !== true) return undefined;
  return new ConflictError('BATON_CONFLICT_QUARANTINED', `job ${jobId} was put aside, ${reason}`);
}

/** @throws NotFoundError `BATON_NOT_FOUND_JOB`, ConflictError `BATON_CONFLICT_QUARANTINED`, UnavailableError */
export async function readJob(deps: Deps, jobId: string): Promise<JobReport> {
  const reading = await deps.board.read(jobId);
  return readRun(deps, jobId, reading).catch(async (error: unknown) => {
    await checkShown(deps.persistence.jobs, jobId);
    throw quarantineOf(jobId, reading) ?? error;
  });
}

/** Whether somebody may decide about this atom. @throws NotFoundError, ConflictError */
export function checkParked(name: string, { jobId, atoms }: Pick<JobReport, 'jobId' | 'atoms'>): void {
  const atom = atoms.find((candidate) => candidate.name === name);
  if (atom === undefined) {
    const near = closest(
      name,
      atoms.map((candidate) => candidate.name),
    );
    const hint = near === undefined ? '' : `, did you mean ${near}?`;
    throw new NotFoundError('BATON_NOT_FOUND_ATOM', `job ${jobId} has no atom ${name}${hint}`);
  }
  if (atom.parked !== true)
    throw new ConflictError(
      'BATON_CONFLICT_NOT_PARKED',
      `${name} of job ${jobId} is not parked: it is ${atom.state}${atom.worker === undefined ? '' : ` on ${atom.worker}`}`,
    );
}

interface Deps {
  readonly board: JobBoard;
  readonly otherBoard: (name: string) => Promise<JobBoard>;
  readonly persistence: Persistence;
}

async function readRun(deps: Deps, jobId: string, here: JobReading): Promise<JobReport> {
  const { board, persistence } = deps;
  const [entries, commands, record, notifications] = await Promise.all([
    persistence.journal.history(jobId),
    persistence.commands.after(jobId, 0),
    persistence.jobs.get(jobId),
    persistence.notifications.get(jobId),
  ]);
  const [post] = entries;
  if (post?.kind !== 'post' || record?.state === 'DELETED') throw unknownJob(jobId);
  const compiled = await compiledOf(persistence, post.post.definitionHash);
  const home = homeBoardOf(record) ?? board.name;
  const reading = home === board.name ? here : await (await deps.otherBoard(home)).read(jobId);
  return jobReport({
    entries,
    board: home,
    reading,
    commands,
    compiled,
    jobId,
    notifications,
    resolve: (value) => resolve(persistence, value),
  });
}

interface Sources {
  readonly jobId: string;
  readonly entries: readonly JournalEntry[];
  readonly board: string;
  readonly reading: JobReading;
  readonly commands: readonly NumberedCommand[];
  readonly compiled: AnyCompiled | undefined;
  readonly notifications: Notifications | undefined;
  readonly resolve: (value: Value) => Promise<JsonValue>;
}

async function jobReport(sources: Sources): Promise<JobReport> {
  const { jobId, entries, reading, compiled, resolve: fetch } = sources;
  const post = entries[0] as JournalEntry & { readonly kind: 'post' };
  const last = entries.at(-1) ?? post;
  const owners = entries.flatMap((entry) =>
    entry.kind === 'claim'
      ? [{ member: entry.claim.member, fence: formatFence(entry.fence), seq: entry.seq, atMs: entry.atMs }]
      : [],
  );
  const run = compiled === undefined ? undefined : newAnyRun(compiled, { flowId: jobId, ...post.post });
  if (run !== undefined) for (const entry of entries) foldAny(run, entry.facts);
  const requests = openRequests(entries);
  const [dueTimes, progress] = [dueTimesOf(entries), progressOf(entries)];
  const owner = reading.owner?.member;
  return {
    jobId,
    name: post.post.name,
    definitionHash: post.post.definitionHash,
    ...(post.post.lineage && { lineage: post.post.lineage }),
    board: sources.board,
    jobState: jobStateOf(reading, last),
    flowState: last.kind === 'terminal' ? last.outcome : (run?.flow ?? 'PENDING'),
    ...(last.kind === 'terminal' ? { outcome: last.outcome } : {}),
    ...(last.kind === 'terminal' && last.reason !== undefined ? { reason: last.reason } : {}),
    ...(owner === undefined ? {} : { owner }),
    owners,
    postedAtMs: post.atMs,
    updatedAtMs: last.atMs,
    commands: applied(entries),
    pending: pendingOf(sources, last),
    seq: last.seq,
    atoms:
      run === undefined
        ? []
        : atomReports(run, {
            requests: last.kind === 'terminal' ? new Map() : requests,
            dueTimes,
            progress,
            isOver: last.kind === 'terminal',
          }),
    redelivered: entries
      .flatMap((entry) => entry.facts)
      .filter((fact) => fact.fact === 'request' && fact.state === 'assigned' && fact.delivery > 1).length,
    results: run === undefined ? {} : await resultsOf(run, fetch),
    notifications: told(sources.notifications),
  };
}

function told(
  { targets, progress }: Pick<Notifications, 'targets' | 'progress'> = { targets: [], progress: {} },
) {
  const known = Object.fromEntries(targets.map((_, index) => [index, { seq: -1, dead: 0 }]));
  return Object.entries({ ...known, ...progress }).map(([key, state]) => {
    const url = targets[Number(key)]?.url;
    return { target: url === undefined ? key : new URL(url).origin, ...state };
  });
}

type Requests = ReadonlyMap<string, RequestFact>;

interface Surroundings {
  readonly requests: Requests;
  /** Timer → when it is due. */
  readonly dueTimes: ReadonlyMap<string, number>;
  readonly progress: ReturnType<typeof progressOf>;
  readonly isOver: boolean;
}

function atomReports(run: AnyRun, { requests, dueTimes, progress, isOver }: Surroundings): AtomReport[] {
  const isSuspended = run.flow === 'SUSPENDING' || run.flow === 'SUSPENDED';
  const standing = isOver ? 'over' : isSuspended ? 'suspended' : 'going';
  const surroundings = { dueTimes, progress, standing } as const;
  return 'shape' in run
    ? activationReports(run, {
        ...surroundings,
        requestReport: (id) => requestReport(requests.get(id), standing, true),
      })
    : orderedReports(run, {
        ...surroundings,
        requestReport: ({ name, kind }) => requestReport(requests.get(name), standing, kind === 'task'),
      });
}

/** Of something that runs: who has it. */
function requestReport(
  last: RequestFact | undefined,
  standing: Standing,
  isTask: boolean,
): Pick<AtomReport, 'worker' | 'delivery' | 'parked' | 'abandoned' | 'waitingForWorker' | 'heldBack'> {
  // one that a person wants sent again has no worker any more
  const request = last?.state === 'waiting' ? undefined : last;
  return {
    ...(request && { worker: request.worker, delivery: request.delivery }),
    ...(request?.state === 'parked' && standing !== 'over' && { parked: true }),
    ...(standing === 'over' && { abandoned: true }),
    ...(standing === 'going' && isTask && !request && { waitingForWorker: true }),
    ...(standing === 'suspended' && isTask && !request && { heldBack: true }),
  };
}

function applied(entries: readonly JournalEntry[]): AppliedCommand[] {
  return entries.flatMap(({ facts, atMs }) =>
    facts.flatMap((fact) => {
      if (fact.fact !== 'command') return [];
      const { fact: _, ...command } = fact;
      return [{ ...command, atMs }];
    }),
  );
}

function pendingOf(sources: Sources, last: JournalEntry): readonly NumberedCommand[] {
  const waiting = notApplied(sources);
  if (last.kind !== 'terminal') return waiting;
  return last.reason === undefined ? waiting.filter(isReopening) : [];
}

function notApplied({ entries, commands }: Sources): readonly NumberedCommand[] {
  const applied = new Set(
    entries.flatMap(({ facts }) => facts).map((fact) => (fact.fact === 'command' ? fact.n : 0)),
  );
  return commands.filter(({ n }) => !applied.has(n));
}

/** The last assignment of each atom that is still open. */
function openRequests(entries: readonly JournalEntry[]): Map<string, RequestFact> {
  const open = new Map<string, RequestFact>();
  for (const { facts } of entries)
    for (const fact of facts) {
      if (fact.fact === 'request') open.set(fact.atom, fact);
      else if (fact.fact === 'atom' && fact.to !== 'RUNNING' && fact.to !== 'REVERTING')
        open.delete(fact.atom);
      else if (fact.fact === 'opened') open.delete(fact.activation);
      else if (fact.fact === 'activation' && fact.to !== 'RUNNING' && fact.to !== 'REVERTING')
        open.delete(fact.activation);
    }
  return open;
}

async function resultsOf(
  run: AnyRun,
  fetch: (value: Value) => Promise<JsonValue>,
): Promise<Record<string, JsonValue>> {
  const results: Record<string, JsonValue> = {};
  if ('shape' in run) {
    for (const [name, { value, path }] of Object.entries(run.output ?? {})) {
      const data = await fetch(value);
      results[name] = path === undefined ? data : (partOf(data, path) ?? null);
    }
    return results;
  }
  for (const node of run.compiled.nodes) {
    const atom = isAtom(node) ? run.runs[node.id] : undefined;
    if (!isAtom(node) || atom?.state !== 'SUCCESS' || atom.value === undefined || node.provides.size === 0)
      continue;
    const data = await fetch(atom.value);
    for (const [symbol, path] of node.provides)
      results[symbol] = path === null ? data : (partOf(data, path) ?? null);
  }
  return results;
}

function jobStateOf(reading: JobReading, last: JournalEntry): JobReport['jobState'] {
  if (reading.state === 'TRASHED' || reading.state === 'DORMANT') return reading.state;
  if (last.kind === 'terminal') return 'COMPLETE';
  return reading.state === 'CLAIMED' ? 'CLAIMED' : 'UNCLAIMED';
}

/** A definition that is gone or cannot be compiled ended its job; the report then has no atoms. @throws UnavailableError */
async function compiledOf(persistence: Persistence, hash: string): Promise<AnyCompiled | undefined> {
  try {
    return compileAny(parseAnyFlow(JSON.parse(await persistence.definitions.get(hash))));
  } catch (error) {
    if (familyOf(error) === 'unavailable') throw error;
    return undefined;
  }
}

async function resolve(persistence: Persistence, value: Value): Promise<JsonValue> {
  const inline = await persistence.payloads.resolve(value);
  return 'data' in inline ? inline.data : inline.bytes;
}
