/** I03, I06, H66: locks and job nodes, transaction by transaction. */
import type { NodeOperation } from '@baton/core';
import type { BoardChange } from '../history.js';
import type { Evidence, JobEvidence, Violations } from './evidence.js';
import { isPoisonEnd } from './journal-rules.js';

interface Lock {
  readonly zxid: bigint;
  readonly sessionId: bigint;
}

interface Node {
  readonly tree: 'jobs' | 'locks' | 'trash' | 'dormant';
  readonly jobId: string;
}

export function* boardRules(evidence: Evidence): Violations {
  const jobs = new Map(evidence.jobs.map((job) => [job.job.jobId, job]));
  const board = new Board(jobs);
  for (const change of evidence.history.board) yield* board.apply(change);
  yield* board.end();
  for (const job of evidence.jobs) yield* claimsOf(job, board);
}

class Board {
  /** zxid of the transaction that made it → the lock, of each job. */
  readonly locks = new Map<string, Map<bigint, Lock>>();
  readonly #held = new Map<string, Lock>();
  readonly #present = new Map<string, number>();
  /** How each job left the board for the first time: a repeated post may bring it back (P-305), to leave again. */
  readonly #settled = new Map<string, 'consumed' | 'trashed'>();
  readonly #jobs: ReadonlyMap<string, JobEvidence>;

  constructor(jobs: ReadonlyMap<string, JobEvidence>) {
    this.#jobs = jobs;
  }

  *apply(change: BoardChange): Violations {
    const moved = new Map<string, { made: number; removed: number }>();
    const trashed = new Map<string, string>();
    for (const operation of change.operations) {
      const node = nodeOf(operation.path);
      if (node === undefined) continue;
      if (node.tree === 'locks') yield* this.#lock(node.jobId, operation, change);
      if (node.tree === 'trash' && 'data' in operation)
        trashed.set(node.jobId, Buffer.from(operation.data).toString());
      const isJob = node.tree === 'jobs' || node.tree === 'dormant';
      const made = Number(isJob && operation.type === 'create');
      const removed = Number(isJob && operation.type === 'delete');
      if (node.tree === 'dormant' && operation.type !== 'delete') yield* this.#asleep(node.jobId, change);
      const known = moved.get(node.jobId) ?? { made: 0, removed: 0 };
      moved.set(node.jobId, { made: known.made + made, removed: known.removed + removed });
    }
    for (const [jobId, { made, removed }] of moved) {
      this.#present.set(jobId, (this.#present.get(jobId) ?? 0) + made - removed);
      // what falls asleep or is woken stays on the board
      if (removed <= made) continue;
      yield* this.#settle(jobId, change, trashed.get(jobId));
    }
    for (const jobId of trashed.keys())
      if ((moved.get(jobId)?.removed ?? 0) === 0)
        yield `I06 ${jobId}: put into the trash and left on the board`;
  }

  /** `trashed`: what is written there. Only what nobody can run goes there: poison, and what has no readable record. */
  *#settle(jobId: string, { order }: BoardChange, trashed: string | undefined): Violations {
    const before = this.#settled.get(jobId);
    this.#settled.set(jobId, before ?? (trashed === undefined ? 'consumed' : 'trashed'));
    // whoever claims a run that is over to reopen it may find that it was reopened already
    const last = this.#jobs
      .get(jobId)
      ?.entries.findLast((stored) => stored.order < order && stored.entry.kind !== 'claim');
    const terminal = last?.entry.kind === 'terminal' ? last.entry : undefined;
    if (terminal === undefined) {
      if (trashed?.includes('"QUARANTINE') !== true)
        yield `I06 ${jobId}: taken off the board before its terminal entry was stored`;
      return;
    }
    const isPoison = isPoisonEnd(terminal);
    if (!isPoison && trashed !== undefined)
      yield `I06 ${jobId}: put into the trash, and it is ${terminal.outcome}`;
    if (isPoison && trashed === undefined && before !== 'trashed')
      yield `I06 ${jobId}: ended as poison, and taken off the board without a node in the trash`;
  }

  /** Nobody owns it from now on, so nothing of it may be under way. */
  *#asleep(jobId: string, { order }: BoardChange): Violations {
    const running = new Set<string>();
    let isOver = false;
    for (const stored of this.#jobs.get(jobId)?.entries ?? []) {
      if (stored.order > order) break;
      const { kind } = stored.entry;
      isOver = kind === 'terminal' || (isOver && kind !== 'reopen');
      for (const fact of stored.entry.facts)
        if (fact.fact === 'request' && fact.state === 'assigned') running.add(fact.atom);
        else if (fact.fact === 'request' || fact.fact === 'atom' || fact.fact === 'attempt')
          running.delete(fact.atom);
        else if (fact.fact === 'activation' || fact.fact === 'opened') running.delete(fact.activation);
    }
    if (isOver) yield `I06 ${jobId}: put to sleep, and its run was over`;
    for (const atom of running) yield `I06 ${jobId}: put to sleep while a worker had ${atom}`;
  }

  *end(): Violations {
    for (const [jobId, count] of this.#present) {
      // a post that nobody acknowledged may have been left half done
      if (count > 0) yield `I06 ${jobId}: still on the board`;
      const isTerminal = this.#jobs.get(jobId)?.entries.at(-1)?.entry.kind === 'terminal';
      if (isTerminal && !this.#settled.has(jobId)) yield `I06 ${jobId}: ended and never settled`;
    }
    for (const jobId of this.#held.keys()) yield `I06 ${jobId}: its lock is still held`;
  }

  *#lock(jobId: string, operation: NodeOperation, { zxid, sessionId }: BoardChange): Violations {
    if (operation.type === 'create') {
      const lock = { zxid, sessionId };
      this.#held.set(jobId, lock);
      const all = this.locks.get(jobId) ?? new Map<bigint, Lock>();
      this.locks.set(jobId, all.set(zxid, lock));
    } else if (operation.type === 'delete') {
      const held = this.#held.get(jobId);
      this.#held.delete(jobId);
      if (sessionId !== 0n && held !== undefined && held.sessionId !== sessionId)
        yield `H66 ${jobId}: session ${sessionId} removed the lock of session ${held.sessionId}`;
    }
  }
}

/** Each claim entry's fence is a lock that somebody held, and was stored after it was taken. */
function* claimsOf({ job: { jobId }, entries }: JobEvidence, board: Board): Violations {
  const locks = board.locks.get(jobId);
  for (const { entry } of entries)
    if (entry.kind === 'claim' && !locks?.has(entry.fence.zxid))
      yield `I03 ${jobId}: claim entry ${entry.seq} has a fence that no lock of it ever had`;
}

export function nodeOf(path: string): Node | undefined {
  const [, boards, , tree, , name] = path.split('/');
  if (boards !== 'boards' || name === undefined) return undefined;
  if (tree === 'locks' || tree === 'trash') return { tree, jobId: name };
  if (tree === 'jobs' || tree === 'dormant') return { tree, jobId: name.slice(0, name.lastIndexOf('.')) };
  return undefined;
}
