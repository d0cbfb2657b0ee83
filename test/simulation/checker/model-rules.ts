/**
 * Ties the model of the ownership protocol (test/model) to the code: what happened on the board and in the journal is done once more by the model's own
 * transitions, and each has to be one that the model allows. Ownership is followed job by job, answers request by request: the model's flow has one open
 * step at a time, a real one has many.
 */
import { accept } from '../../model/journal.js';
import type { NodeOperation } from '@baton/core';
import { applyMulti, createJob, endSession, wake } from '../../model/board.js';
import { reply } from '../../model/log.js';
import { blank, initial, withAt, type BoardOperation, type Entry, type State } from '../../model/state.js';
import { Rules } from '../../model/variant.js';
import { variants } from '../../model/variants.js';
import type { BoardChange, Happened, StoredEntry } from '../history.js';
import { nodeOf } from './board-rules.js';
import type { Evidence, JobEvidence, Violations } from './evidence.js';
import { isPoisonEnd } from './journal-rules.js';
import { reopeningsIn, type IsWanted } from './reopenings.js';
import { requestStories } from './request-stories.js';

/** The rules as they stand. */
const rules = new Rules(variants[0] as (typeof variants)[number]);
const taskRules = new Rules({ ...(variants[0] as (typeof variants)[number]), flow: 'T' });

export function* modelRules(evidence: Evidence): Violations {
  const { board, sessions = new Map<bigint, string>(), commands } = evidence.history;
  const changes = changesByJob(board);
  const isWanted = reopeningsIn(commands);
  for (const job of evidence.jobs)
    yield* new Replay(job, { sessions, isWanted }).run(changes.get(job.job.jobId) ?? []);
  // what the model calls acknowledged is not there any more when the log has lost it
  if (!evidence.struck.has('log loses what it acknowledged')) yield* requests(evidence);
}

function changesByJob(board: readonly BoardChange[]): ReadonlyMap<string, readonly BoardChange[]> {
  const found = new Map<string, BoardChange[]>();
  for (const change of board)
    for (const jobId of new Set(change.operations.map(({ path }) => nodeOf(path)?.jobId))) {
      if (jobId === undefined) continue;
      const known = found.get(jobId);
      if (known) known.push(change);
      else found.set(jobId, [change]);
    }
  return found;
}

/** A lock: its number in the model, and who made it. */
interface Fence {
  readonly fence: number;
  readonly by: number;
  readonly process: string | undefined;
}

class Replay {
  readonly #jobId: string;
  readonly #entries: readonly StoredEntry[];
  readonly #sessions = new Map<bigint, number>();
  /** By the zxid of the lock. */
  readonly #fences = new Map<bigint, Fence>();
  readonly #writers = new Map<string, number>();
  /** Session → its process, where that is known. */
  readonly #processes: ReadonlyMap<bigint, string>;
  readonly #isWanted: IsWanted;
  readonly #state: State;

  constructor(
    { job, entries }: JobEvidence,
    { sessions, isWanted }: { readonly sessions: ReadonlyMap<bigint, string>; readonly isWanted: IsWanted },
  ) {
    this.#processes = sessions;
    this.#isWanted = isWanted;
    this.#jobId = job.jobId;
    this.#entries = entries;
    this.#state = initial({ conductors: 0, workers: 0, steps: 0, withPost: true, budget: {} });
  }

  /** `changes`: those of the board that concern this job. */
  *run(changes: readonly BoardChange[]): Violations {
    const happened: (Happened & { readonly change?: BoardChange; readonly stored?: StoredEntry })[] = [
      ...changes.filter(({ operations }) => operations.some(({ path }) => this.#isOwn(path))),
      ...this.#entries,
    ].map((each) => ('operations' in each ? { ...each, change: each } : { ...each, stored: each }));
    for (const { change, stored, order } of happened.sort((a, b) => a.order - b.order)) {
      this.#state.isRerunStored = this.#isWanted(this.#jobId, order);
      const refused = change ? this.#change(change) : stored && this.#entry(stored);
      const problem = refused ?? this.#state.violation;
      if (problem === undefined) continue;
      yield `model ${this.#jobId}: ${problem}`;
      return;
    }
  }

  #isOwn(path: string): boolean {
    return nodeOf(path)?.jobId === this.#jobId && nodeOf(path)?.tree !== 'trash';
  }

  /** Undefined: the model does the same. */
  #change(change: BoardChange): string | undefined {
    const { operations, sessionId, zxid } = change;
    const [job, lock, dormant] = (['jobs', 'locks', 'dormant'] as const).map((tree) =>
      operations.find(({ path }) => this.#isOwn(path) && nodeOf(path)?.tree === tree),
    );
    const by = this.#sessionOf(sessionId);
    if (job === undefined) {
      if (sessionId === 0n) this.#state.lock = undefined;
      else endSession(this.#state, by);
      return undefined;
    }
    const life = lifeOf(job.path);
    this.#makeRoom(life);
    if (lock === undefined)
      return dormant === undefined ? this.#post(life) : this.#wake(lifeOf(dormant.path));
    const version = 'version' in job ? (job.version ?? -1) : -1;
    const operation = operationOf({ job, lock, dormant });
    if (!applyMulti(rules, this.#state, { by, operation, life, version }))
      return `transaction ${zxid} is no ${operation} that may happen`;
    if (operation === 'claim')
      this.#fences.set(zxid, { fence: this.#state.locksMade, by, process: this.#processes.get(sessionId) });
    return undefined;
  }

  #wake(life: number): string | undefined {
    const before = this.#state.dormant.length;
    wake(rules, this.#state, life);
    return this.#state.dormant.length < before ? undefined : `it was woken in life ${life}, and not asleep`;
  }

  /** The model has so many lives as its search needs. */
  #makeRoom(life: number): void {
    while (this.#state.jobs.length <= life + 1) this.#state.jobs = [...this.#state.jobs, -1];
  }

  #post(life: number): string | undefined {
    if ((this.#state.jobs[life] ?? -1) >= 0) return 'its node was made while it was there';
    if (life === 0) createJob(this.#state);
    else this.#state.jobs = withAt(this.#state.jobs, life, 0);
    const isOver = this.#state.journal.some(({ kind }) => kind === 'terminal');
    if (life === 0 || (isOver && this.#state.isRerunStored)) return undefined;
    return `it was put on the board in life ${life}, and nobody had it reopened`;
  }

  #entry({ entry, writer }: StoredEntry): string | undefined {
    const claim: Fence | undefined =
      entry.kind === 'post' ? { fence: 0, by: -1, process: writer } : this.#fences.get(entry.fence.zxid);
    if (claim === undefined) return `entry ${entry.seq} has the fence of no claim`;
    if (writer !== undefined && claim.process !== undefined && claim.process !== writer)
      return `I01: ${writer} wrote entry ${entry.seq} under the lock of ${claim.process}`;
    const { fence } = claim;
    const by = writer === undefined ? claim.by : this.#writerOf(writer);
    accept(rules, this.#state, entry.seq, {
      ...blank,
      kind: entry.kind,
      fence,
      by,
      isPoison: isPoisonEnd(entry),
    });
    return undefined;
  }

  #writerOf(process: string): number {
    const number = this.#writers.get(process) ?? this.#writers.size;
    this.#writers.set(process, number);
    return number;
  }

  #sessionOf(sessionId: bigint): number {
    const known = this.#sessions.get(sessionId);
    if (known !== undefined) return known;
    const index = this.#sessions.size;
    this.#sessions.set(sessionId, index);
    const [conductor] = initial({
      conductors: 1,
      workers: 0,
      steps: 0,
      withPost: true,
      budget: {},
    }).conductors;
    if (conductor !== undefined) this.#state.conductors = [...this.#state.conductors, conductor];
    return index;
  }
}

function lifeOf(path: string): number {
  return Number(path.slice(path.lastIndexOf('.') + 1));
}

function operationOf({
  job,
  lock,
  dormant,
}: {
  readonly job: NodeOperation;
  readonly lock: NodeOperation;
  readonly dormant: NodeOperation | undefined;
}): BoardOperation {
  if (lock.type === 'create') return 'claim';
  if (dormant !== undefined) return dormant.type === 'create' ? 'sleep' : 'removeLeftover';
  return job.type === 'delete' ? 'settle' : 'abandon';
}

/** Assignments, answers and stored successes of each request, as a flow of one task. */
function* requests(evidence: Evidence): Violations {
  for (const [requestId, story] of requestStories(evidence)) {
    const state = initial({ conductors: 1, workers: 0, steps: 1, withPost: false, budget: {} });
    for (const { what, owner, delivery, isRegistered } of story) {
      const base: Entry = { ...blank, by: owner, fence: owner + 1 };
      const seq = state.journal.length;
      if (what === 'assigned') accept(taskRules, state, seq, { ...base, step: 0, delivery, worker: 0 });
      else if (what === 'stored') accept(taskRules, state, seq, { ...base, completes: 0 });
      else {
        reply(state, 0, { type: 'result', step: 0, delivery });
        if (isRegistered) state.acknowledgedResults |= 1;
      }
    }
    if (state.violation !== undefined) yield `model ${requestId}: ${state.violation}`;
  }
}
