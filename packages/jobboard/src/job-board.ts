/**
 * Purpose: the board of one session: jobs, members and slots (DESIGN 8, reliability 5 and 6).
 * States: open until its session is lost or `close` was called. Everything made through it (claims, registrations, slots, views)
 *   is dead with the session; its owner then opens a new board on a new session.
 * Authoritative: the nodes. Nothing here is cached but hints; a `BoardView` is a copy and says so.
 * On failure: operations reject with the codes of `CoordinationSession`; those on claims decide lost answers by themselves.
 * Not here: the journal (what a job's run came to), choosing whom a job goes to.
 */
import {
  checkId,
  codeOf,
  type CoordinationSession,
  type Member,
  type MemberInfo,
  type MemberKind,
  type Runtime,
} from '@baton/core';
import { BoardRoom } from './board-room.js';
import { WatchedBoard, type BoardEvent, type BoardView } from './board-view.js';
import { Claims, type Claim, type FoundJob, type LockOwner, type Waits } from './claims.js';
import { DormantJobs } from './dormant-jobs.js';
import { GoneWatch, lives } from './gone-watch.js';
import { HeadHints } from './head-hints.js';
import { fromBytes } from './json-bytes.js';
import {
  BoardPaths,
  buckets,
  ensureLayout,
  readClock,
  membersPath,
  parseJobName,
  type JobKey,
  type Meta,
  type SlotKind,
} from './layout.js';
import { WatchedMembers, memberOf, type MemberListener, type MemberWatch } from './member-watch.js';
import { comparePostings, decodePosting, encodePosting, type Posting } from './posting.js';
import { Registration } from './registration.js';
import { getIfAny, whenConnected } from './session-reads.js';

export interface JobBoardOptions {
  readonly session: CoordinationSession;
  /** Name of the board. */
  readonly board: string;
  readonly runtime: Runtime;
  /** Label written into locks and slots. */
  readonly memberId: string;
}

/** A job as `read` finds it. */
export interface JobReading {
  readonly state: 'UNCLAIMED' | 'CLAIMED' | 'DORMANT' | 'TRASHED' | 'ABSENT';
  readonly posting?: Posting;
  readonly owner?: LockOwner;
  /** Version of its node; 0 when it has none. */
  readonly claims: number;
  readonly life: number;
  /** Why it was trashed: a word in capitals, a colon, and the rest for people. */
  readonly reason?: string;
}

/** What the node in the trash holds. */
type Trashed = Required<Pick<JobReading, 'posting' | 'life' | 'reason'>>;

export interface JobListing extends JobKey, Pick<FoundJob, 'posting'>, Partial<Pick<FoundJob, 'version'>> {
  readonly state: 'UNCLAIMED' | 'CLAIMED' | 'DORMANT';
  readonly owner?: LockOwner;
}

export class JobBoard {
  readonly session: CoordinationSession;
  readonly name: string;
  readonly #runtime: Runtime;
  readonly #paths: BoardPaths;
  readonly #meta: Meta;
  readonly #claims: Claims;
  /** Jobs that belong to nobody until they are woken. */
  readonly dormant: DormantJobs;
  readonly #hints: HeadHints;
  readonly #registration: Registration;
  readonly #gone: GoneWatch;
  readonly #room: BoardRoom;
  readonly #open = new Set<{ close(): void }>();

  private constructor(o: JobBoardOptions, paths: BoardPaths, meta: Meta) {
    const { session, runtime, memberId } = o;
    this.session = session;
    this.name = o.board;
    this.#runtime = runtime;
    this.#paths = paths;
    this.#meta = meta;
    this.#hints = new HeadHints({ session, paths, logger: runtime.logger });
    this.#claims = new Claims({
      session,
      paths,
      memberId,
      random: runtime.random,
      generation: meta.storeGeneration,
    });
    this.dormant = new DormantJobs({ session, paths });
    this.#registration = new Registration({ session, runtime, memberId });
    this.#gone = new GoneWatch({ session, paths });
    this.#room = new BoardRoom({ session, paths, clock: runtime.clock });
  }

  /**
   * Opens the board and makes its nodes on first use.
   * @throws ConflictError `BATON_CONFLICT_SCHEMA_NEWER` when a newer Baton made the layout; InputError for bad names.
   */
  static async open(o: JobBoardOptions): Promise<JobBoard> {
    const paths = new BoardPaths(checkId('board', o.board));
    checkId('member', o.memberId);
    return new JobBoard(o, paths, await ensureLayout(o.session, paths, o.runtime.random));
  }

  /** Same for every board, journal and member of one cluster. */
  get clusterId(): string {
    return this.#meta.clusterId;
  }

  /** First part of every fence. */
  get generation(): number {
    return this.#meta.storeGeneration;
  }

  /**
   * Whether the board has room for a new job: to be asked before anything of it is stored. For child runs, without which their parents do not end, there is
   * room twice as long.
   * @throws UnavailableError `BATON_UNAVAILABLE_BOARD_FULL` when about 512,000 jobs are on the board; those of `CoordinationSession.children`
   */
  admit(jobId: string, options: { readonly isChild?: boolean } = {}): Promise<void> {
    return this.#room.admit(jobId, options);
  }

  /**
   * Puts a job on the board (P-601). Idempotent: `exists` says that it was there already, which after a lost answer may be this
   * very call. @throws InputError `BATON_INPUT_TOO_LARGE` above 4 KiB.
   */
  async post(jobId: string, posting: Posting): Promise<'posted' | 'exists'> {
    return this.#put({ jobId: checkId('job', jobId), life: 0 }, posting);
  }

  /**
   * Puts a job that has left the board on it again, in a life that it has not had (P-604). Idempotent like `post`; a node made too late, of a life that
   * is over, is taken off by whoever claims it. @throws as `post`
   */
  reopen(key: JobKey, posting: Posting): Promise<'posted' | 'exists'> {
    return this.#put(key, posting);
  }

  /** Reads a job that a view showed; undefined when it is gone. */
  async find(key: JobKey): Promise<FoundJob | undefined> {
    const path = this.#paths.job(key);
    const node = await getIfAny(this.session, path);
    if (node === undefined) return undefined;
    const posting = decodePosting(node.data, path);
    return { jobId: key.jobId, life: key.life, posting, version: node.stat.version };
  }

  /**
   * Takes a job (P-501). Resolves or rejects only when it is decided, also after a lost answer (P-502).
   * @throws ConflictError `BATON_CONFLICT_CLAIMED`, NotFoundError `BATON_NOT_FOUND_JOB`, UnavailableErrors of the session.
   */
  claim(found: FoundJob): Promise<Claim> {
    return this.#claims.claim(found);
  }

  /**
   * An entry that the journal of a job most probably holds, near its end: the guard of its former owner left word. A hint, no more. Never rejects.
   * Asked for before the job is claimed: a read behind a write of the same session waits for it.
   */
  headHint(jobId: string): Promise<number | undefined> {
    return this.#hints.of(jobId);
  }

  /**
   * Takes a finished job off the board (P-603). As `abandon`, `trash` and `sleep`: no effect and ConflictError
   * `BATON_CONFLICT_CLAIM_LOST` when the claim is over, NotFoundError `BATON_NOT_FOUND_JOB` when the job is gone.
   */
  consume(claim: Claim): Promise<void> {
    return this.#claims.consume(claim);
  }

  /** Gives a job back; for `pauseMs` from now on nobody should claim it. */
  abandon(claim: Claim, { pauseMs }: { readonly pauseMs?: number } = {}): Promise<void> {
    const notBeforeMs = this.#runtime.clock.wallMs() + (pauseMs ?? 0);
    return this.#claims.abandon(claim, pauseMs === undefined ? {} : { notBeforeMs, pauseMs });
  }

  /** Moves a job to the trash, posting and reason kept. */
  trash(claim: Claim, reason: string): Promise<void> {
    return this.#claims.trash(claim, reason);
  }

  /** Forgets why a job was put aside. Idempotent. */
  async emptyTrash(jobId: string): Promise<void> {
    try {
      await this.session.delete(this.#paths.trash(jobId));
    } catch (error) {
      if (codeOf(error) !== 'BATON_NOT_FOUND_NODE') throw error;
    }
  }

  /** Puts a job to sleep that waits for nothing but a time, an answer or a command (P-1101). Whoever stores one of those wakes it afterwards. */
  sleep(claim: Claim, waits: Waits): Promise<void> {
    return this.#claims.sleep(claim, waits);
  }

  /** Whether a claimed node is the leftover of a repeated post beside a job that has moved on (P-305): then it is to be consumed. */
  isLeftover(claim: Claim): Promise<boolean> {
    return this.#claims.isLeftover(claim);
  }

  /** A job of any state; completion is read from the store, never inferred from absence. */
  async read(jobId: string): Promise<JobReading> {
    const [jobs, dormant, owner, trash] = await Promise.all([
      lives(this.session, this.#paths.bucketOf('jobs', jobId), jobId),
      lives(this.session, this.#paths.bucketOf('dormant', jobId), jobId),
      this.#claims.lock(jobId),
      getIfAny(this.session, this.#paths.trash(jobId)),
    ]);
    const life = jobs.at(-1);
    const found = life === undefined ? undefined : await this.find({ jobId, life });
    if (found !== undefined) {
      const { posting, version: claims } = found;
      return {
        state: owner ? 'CLAIMED' : 'UNCLAIMED',
        posting,
        claims,
        life: found.life,
        ...(owner && { owner }),
      };
    }
    const asleep = dormant.at(-1);
    if (asleep !== undefined) {
      const posting = (await this.dormant.find({ jobId, life: asleep }))?.posting;
      return { state: 'DORMANT', claims: 0, life: asleep, ...(posting && { posting }) };
    }
    if (trash === undefined) return { state: 'ABSENT', claims: 0, life: 0 };
    return { state: 'TRASHED', claims: 0, ...(fromBytes(trash.data) as Trashed) };
  }

  /** All jobs on the board, highest priority first, then oldest. What cannot be read is left out with a warning (P-522). */
  async list(): Promise<JobListing[]> {
    const listings = await Promise.all(buckets.map((_, bucket) => this.#listBucket(bucket)));
    return listings.flat().sort((a, b) => comparePostings(a.posting, b.posting));
  }

  /** Follows the board; ends with the session or its `close`. The listener must not throw. */
  async watch(listener: (event: BoardEvent) => void): Promise<BoardView> {
    const { clock, logger } = this.#runtime;
    const view = await WatchedBoard.open({
      session: this.session,
      paths: this.#paths,
      clock,
      logger,
      listener,
    });
    this.#open.add(view);
    return view;
  }

  /**
   * Resolves when neither a job nor a dormant node of the job is on the board (it was settled or trashed); what it came to stands in
   * the store. Rejects when `signal` is aborted or the session is lost.
   */
  waitUntilGone(jobId: string, signal?: AbortSignal): Promise<void> {
    return this.#gone.wait(jobId, signal);
  }

  /**
   * Announces this member by an ephemeral node. A node of the same name that a dead session left is waited for, at most four
   * session timeouts, with a warning. @throws ConflictError `BATON_CONFLICT_MEMBER_ID_TAKEN` when another member lives under that name.
   */
  register<I extends MemberInfo>(info: I): Promise<Member<I>> {
    checkId('member', info.id);
    return this.#registration.register(info);
  }

  async members(kind: MemberKind): Promise<Member[]> {
    const ids = await this.session.children(membersPath[kind]);
    const nodes = await Promise.all(ids.map((id) => getIfAny(this.session, `${membersPath[kind]}/${id}`)));
    return nodes.flatMap((node) => (node && memberOf(kind, node)) ?? []);
  }

  /** Follows the members of a kind; ends with the session or its `close`. The listener must not throw. */
  async watchMembers(kind: MemberKind, listener: MemberListener): Promise<MemberWatch> {
    const { clock, logger } = this.#runtime;
    const watch = await WatchedMembers.open({ session: this.session, kind, clock, logger, listener });
    this.#open.add(watch);
    return watch;
  }

  /** Leases one of `count` partitions as inbox, for the life of the session. @throws UnavailableError `BATON_UNAVAILABLE_NO_SLOT` */
  leaseSlot(kind: SlotKind, count: number): Promise<number> {
    return this.#registration.leaseSlot(kind, count);
  }

  /** What the clock of the board says, ms since 1970: the same for all members and clients, by whole ms. Costs a write. @throws UnavailableError */
  timeMs(): Promise<number> {
    return readClock(this.session);
  }

  /** Tells a member to look for commands. @throws NotFoundError `BATON_NOT_FOUND_NODE` when it is not there. */
  nudge(memberId: string): Promise<void> {
    return this.#registration.nudge(memberId);
  }

  /**
   * There is a command for this job: its owner is told to look, or it is woken where it sleeps. One that falls asleep meanwhile is found asleep here, or
   * its owner finds the command (P-1103). Never rejects: whoever owns the job looks within seconds, who watches over dormant jobs within half a minute.
   */
  async announce(jobId: string): Promise<void> {
    const nudged = this.read(jobId).then(({ owner }) => owner && this.nudge(owner.member));
    await Promise.allSettled([nudged, this.dormant.wakeAny(jobId)]);
  }

  /** Calls back for nudges of this member (several may come as one), and after each reconnection. The answer unsubscribes. */
  onNudge(listener: () => void): () => void {
    return this.#registration.onNudge(listener);
  }

  /** Ends the session: locks, registrations and slots are gone at once. Idempotent. */
  async close(): Promise<void> {
    for (const each of this.#open) each.close();
    this.#open.clear();
    this.#registration.close();
    await this.session.close();
  }

  /** Makes the node of one life of a job; a lost answer is asked for again until it is decided. */
  async #put(key: JobKey, posting: Posting): Promise<'posted' | 'exists'> {
    const path = this.#paths.job(key);
    const data = encodePosting(posting);
    for (;;) {
      try {
        await this.session.create(path, data);
        return 'posted';
      } catch (error) {
        if (codeOf(error) === 'BATON_CONFLICT_NODE_EXISTS') return 'exists';
        if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw error;
      }
      await whenConnected(this.session);
    }
  }

  async #listBucket(bucket: number): Promise<JobListing[]> {
    const [dormant, names, locks] = await Promise.all([
      this.dormant.list(bucket),
      this.session.children(this.#paths.bucket('jobs', bucket)),
      this.session.children(this.#paths.bucket('locks', bucket)),
    ]);
    const locked = new Set(locks);
    const keys = names.flatMap((name) => parseJobName(name) ?? []);
    const listings = await Promise.all([
      ...keys.map((key) => this.#listJob(key, locked.has(key.jobId))),
      ...dormant.map((key) => this.#listDormant(key)),
    ]);
    return listings.filter((listing) => listing !== undefined);
  }

  async #listDormant(key: JobKey): Promise<JobListing | undefined> {
    const found = await this.dormant.find(key);
    return found && { ...key, posting: found.posting, state: 'DORMANT' };
  }

  async #listJob(key: JobKey, locked: boolean): Promise<JobListing | undefined> {
    try {
      const [found, owner] = await Promise.all([
        this.find(key),
        locked ? this.#claims.lock(key.jobId) : undefined,
      ]);
      if (found === undefined) return undefined;
      return { ...found, state: owner ? 'CLAIMED' : 'UNCLAIMED', ...(owner && { owner }) };
    } catch (error) {
      if (codeOf(error) !== 'BATON_INPUT_MALFORMED') throw error;
      this.#runtime.logger.warn('board.job-unreadable', { jobId: key.jobId, error });
      return undefined;
    }
  }
}
