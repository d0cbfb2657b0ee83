/**
 * Purpose: exclusive ownership of jobs: claim, and the ways to end a claim (P-501, P-603, P-605).
 * States: none here; a claim is the value that `claim` returned.
 * Authoritative: the lock node (session id and nonce) for who owns; the version of the job node for *which* claim.
 * On failure: a transaction whose answer was lost is decided behind a read barrier in the same session (P-502, P-512), never
 *   repeated blindly and never given up while the session lives.
 * Not here: the journal, where the fence that a claim brings is installed (C3).
 */
import {
  ConflictError,
  NotFoundError,
  codeOf,
  type CoordinationSession,
  type Fence,
  type NodeOperation,
  type Random,
} from '@baton/core';
import { fromBytes, toBytes } from './json-bytes.js';
import { parseJobName, type BoardPaths, type JobKey } from './layout.js';
import type { Posting } from './posting.js';
import { getIfAny, readDecided } from './session-reads.js';

/** A job as it was read. */
export interface FoundJob extends JobKey {
  readonly posting: Posting;
  /** Version of its node: how often it was claimed (an abandon counts once more). */
  readonly version: number;
}

/** What a dormant job waits for, beside commands. */
export interface Waits {
  /** Its earliest timer, and how long after it fell asleep that is due. Absent: it has none. */
  readonly due?: { readonly timer: string; readonly inMs: number };
  /** Number of the last command its owner knew. */
  readonly lastCommand: number;
}

/** Proof of ownership: what every operation on an owned job takes. Dead with its session. */
export interface Claim extends JobKey {
  readonly fence: Fence;
  /** Version of the job node after the claim: makes later operations conditional on *this* claim. */
  readonly version: number;
  /** Tells this claim from any other of the same session. */
  readonly nonce: string;
  readonly posting: Posting;
  /** The job was never claimed before: its journal ends with entry 0. */
  readonly fresh: boolean;
}

/** Who holds a lock. Names are labels: only session id and nonce identify an owner. */
export interface LockOwner {
  readonly member: string;
  readonly sessionId: bigint;
  readonly nonce: string;
}

interface Lock extends LockOwner {
  readonly czxid: bigint;
}

export class Claims {
  readonly #session: CoordinationSession;
  readonly #paths: BoardPaths;
  readonly #random: Random;
  readonly #generation: number;
  readonly #memberId: string;

  constructor(o: {
    session: CoordinationSession;
    paths: BoardPaths;
    random: Random;
    generation: number;
    memberId: string;
  }) {
    this.#session = o.session;
    this.#paths = o.paths;
    this.#random = o.random;
    this.#generation = o.generation;
    this.#memberId = o.memberId;
  }

  async claim({ posting: { notBeforeMs: _, pauseMs: __, ...posting }, ...key }: FoundJob): Promise<Claim> {
    const nonce = this.#random.nonce();
    // nobody has to wait any more: should this owner die, a clock that goes behind would have others wait for minutes
    const found = { ...key, posting };
    const data = toBytes(posting);
    const owner = toBytes({ member: this.#memberId, nonce });
    const operations: NodeOperation[] = [
      { type: 'set', path: this.#paths.job(found), data, version: found.version },
      { type: 'create', path: this.#paths.lock(found.jobId), data: owner, ephemeral: true },
    ];
    for (;;) {
      try {
        const { zxid } = await this.#session.multi(operations);
        return this.#claimOf(found, { nonce, zxid: zxid as bigint }); // known: the transaction holds a set
      } catch (error) {
        if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw claimError(found, error);
      }
      const lock = await readDecided(this.#session, () => this.lock(found.jobId));
      if (lock !== undefined && this.#isMine(lock, nonce))
        return this.#claimOf(found, { nonce, zxid: lock.czxid });
      if (lock !== undefined) throw claimed(found);
      // not ours and decided: the transaction never happened, or the job moved on, which its version will tell
    }
  }

  /** Takes the job off the board. */
  consume(claim: Claim): Promise<void> {
    return this.#end(claim, [this.#deleteJob(claim), this.#deleteLock(claim)]);
  }

  /** Gives the job back, to be claimed by anybody (after the pause). */
  abandon(claim: Claim, pause: Pick<Posting, 'notBeforeMs' | 'pauseMs'>): Promise<void> {
    const data = toBytes({ ...claim.posting, ...pause });
    const path = this.#paths.job(claim);
    return this.#end(claim, [{ type: 'set', path, data, version: claim.version }, this.#deleteLock(claim)]);
  }

  /** Moves the job to the trash, where a person finds it with its reason. */
  trash(claim: Claim, reason: string): Promise<void> {
    const { jobId, posting, life } = claim;
    return this.#move(claim, this.#paths.trash(jobId), { posting, life, reason });
  }

  /** Nobody owns the job until it is woken. */
  sleep(claim: Claim, waits: Waits): Promise<void> {
    const { dueTimer: _, ...posting } = claim.posting;
    return this.#move(claim, this.#paths.dormant(claim), { posting, ...waits });
  }

  /**
   * Whether the claimed node is a leftover of a repeated post (P-305). Looked up in this order: dormant nodes, then job nodes.
   */
  async isLeftover(claim: Claim): Promise<boolean> {
    const isOther = (life: number, names: readonly string[]) =>
      names.some((name) => {
        const key = parseJobName(name);
        return key?.jobId === claim.jobId && key.life >= life;
      });
    const [dormant, jobs] = await Promise.all([
      this.#session.children(this.#paths.bucketOf('dormant', claim.jobId)),
      this.#session.children(this.#paths.bucketOf('jobs', claim.jobId)),
    ]);
    return isOther(claim.life, dormant) || isOther(claim.life + 1, jobs);
  }

  /** The lock of a job as it stands. */
  async lock(jobId: string): Promise<Lock | undefined> {
    const node = await getIfAny(this.#session, this.#paths.lock(jobId));
    if (node === undefined) return undefined;
    const { member, nonce } = (fromBytes(node.data) ?? {}) as { member?: string; nonce?: string };
    return {
      member: member ?? '',
      nonce: nonce ?? '',
      sessionId: node.stat.ephemeralOwner,
      czxid: node.stat.czxid,
    };
  }

  #isMine(lock: Lock, nonce: string): boolean {
    return lock.sessionId === this.#session.id && lock.nonce === nonce;
  }

  #claimOf(
    { jobId, life, posting, version }: FoundJob,
    won: { readonly nonce: string; readonly zxid: bigint },
  ): Claim {
    const fence = { generation: this.#generation, zxid: won.zxid };
    return {
      jobId,
      life,
      posting,
      nonce: won.nonce,
      fence,
      version: version + 1,
      fresh: life === 0 && version === 0,
    };
  }

  #deleteJob(claim: Claim): NodeOperation {
    return { type: 'delete', path: this.#paths.job(claim), version: claim.version };
  }

  /** Any version will do: the other half of the transaction is conditional on this very claim. */
  #deleteLock(claim: Claim): NodeOperation {
    return { type: 'delete', path: this.#paths.lock(claim.jobId) };
  }

  /** What stands there already is of an earlier life, or of a leftover of this one. */
  async #move(claim: Claim, path: string, content: unknown): Promise<void> {
    const data = toBytes(content);
    const removal = [this.#deleteJob(claim), this.#deleteLock(claim)];
    for (let type: 'create' | 'set' = 'create'; ; type = type === 'create' ? 'set' : 'create')
      try {
        return await this.#end(claim, [...removal, { type, path, data }]);
      } catch (error) {
        const code = codeOf(error);
        if (code !== 'BATON_CONFLICT_NODE_EXISTS' && code !== 'BATON_NOT_FOUND_NODE') throw error;
      }
  }

  async #end(claim: Claim, operations: readonly NodeOperation[]): Promise<void> {
    for (;;) {
      try {
        await this.#session.multi(operations);
        return;
      } catch (error) {
        if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw endError(claim, error);
      }
      const lock = await readDecided(this.#session, () => this.lock(claim.jobId));
      // The version alone proves nothing: a node made again starts at 0. Without our lock there is nothing left to end.
      if (lock === undefined || !this.#isMine(lock, claim.nonce)) return;
    }
  }
}

function claimed({ jobId }: JobKey, cause?: unknown): ConflictError {
  return new ConflictError('BATON_CONFLICT_CLAIMED', `job ${jobId} is owned by somebody else`, { cause });
}

function claimError(found: FoundJob, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'BATON_NOT_FOUND_NODE') return gone(found, error);
  if (code === 'BATON_CONFLICT_NODE_EXISTS' || code === 'BATON_CONFLICT_BAD_VERSION')
    return claimed(found, error);
  return error;
}

function gone({ jobId, life }: JobKey, cause: unknown): NotFoundError {
  return new NotFoundError('BATON_NOT_FOUND_JOB', `job ${jobId} (life ${life}) is not on the board`, {
    cause,
  });
}

/** First operation: the job node under our version. Second: the lock. Third: where it goes. */
function endError(claim: Claim, error: unknown): unknown {
  const code = codeOf(error);
  const index = (error as { details?: { index?: unknown } }).details?.index;
  if (index === 2) return error;
  if (code === 'BATON_NOT_FOUND_NODE' && index === 0) return gone(claim, error);
  if (code === 'BATON_NOT_FOUND_NODE' || code === 'BATON_CONFLICT_BAD_VERSION')
    return new ConflictError('BATON_CONFLICT_CLAIM_LOST', `the claim on job ${claim.jobId} is over`, {
      cause: error,
    });
  return error;
}
