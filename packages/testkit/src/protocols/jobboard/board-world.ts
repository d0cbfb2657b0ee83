import type { Coordination, WorkerInfo } from '@baton/core';
import { JobBoard, type Claim, type FoundJob, type JobKey, type Posting } from '@baton/jobboard';
import type { Scope, World } from '../../contracts/contract.js';
import { realRuntime, type TestRuntime } from '../../runtime/runtimes.js';

export type BoardWorld = World<Coordination>;

/** A world that loses messages of the sessions of its `primitive` (not of its peers). */
export interface FaultyBoardWorld extends BoardWorld {
  /** The next request of that kind is applied, but its answer is lost with the connection, which comes back by itself. */
  loseReply(operation: 'create' | 'multi'): void;
  /** The next request of that kind never arrives; the connection is lost with it and comes back by itself. */
  loseRequest(operation: 'create' | 'multi'): void;
  /** Breaks the connections and keeps them broken while `meanwhile` runs. */
  offline(meanwhile: () => Promise<void>): Promise<void>;
}

export interface OpenOptions {
  readonly through?: Coordination;
  readonly memberId?: string;
  readonly board?: string;
  readonly timeoutMs?: number;
}

let members = 0;

/** Opens boards of one installation; each has its own session and is closed at the end of the case. */
export class BoardPlace {
  readonly runtime: TestRuntime = realRuntime();
  readonly #world: BoardWorld;
  readonly #scope: Scope;

  constructor(world: BoardWorld, scope: Scope) {
    this.#world = world;
    this.#scope = scope;
  }

  async open(o: OpenOptions = {}): Promise<JobBoard> {
    const session = await (o.through ?? this.#world.primitive).connect({ timeoutMs: o.timeoutMs ?? 5_000 });
    this.#scope.own(session);
    return JobBoard.open({
      session,
      board: o.board ?? 'default',
      runtime: this.runtime,
      memberId: o.memberId ?? `member-${++members}`,
    });
  }

  /** A board as another process has it. */
  async peer(o: OpenOptions = {}): Promise<JobBoard> {
    return this.open({ ...o, through: await this.#world.peer() });
  }

  newId(): string {
    return this.runtime.random.ulid();
  }
}

export const postingOf = (changes: Partial<Posting> = {}): Posting => ({
  name: 'a job',
  priority: 'NORMAL',
  definitionHash: 'ab'.repeat(32),
  namespace: 'default',
  tags: ['t'],
  protocolVersion: 1,
  createdAtMs: 1_000,
  ...changes,
});

export const keyOf = (jobId: string, life = 0): JobKey => ({ jobId, life });

export async function found(board: JobBoard, jobId: string, life = 0): Promise<FoundJob> {
  const job = await board.find(keyOf(jobId, life));
  if (job === undefined) throw new Error(`job ${jobId} is not on the board`);
  return job;
}

export async function claimOf(board: JobBoard, jobId: string): Promise<Claim> {
  return board.claim(await found(board, jobId));
}

export async function posted(board: JobBoard, jobId: string): Promise<Claim> {
  await board.post(jobId, postingOf());
  return claimOf(board, jobId);
}

export const workerOf = (id: string, changes: Partial<WorkerInfo> = {}): WorkerInfo => ({
  kind: 'worker',
  id,
  host: 'h',
  pid: 1,
  version: '0.1.0',
  startedAtMs: 1,
  requestPartition: 0,
  concurrency: 4,
  tasks: [{ name: 't', version: '1' }],
  ...changes,
});
