/**
 * Purpose: what one member sees of its board: which jobs are there and which of them are free, with events in about a
 *   millisecond (P-304).
 * States: listing (until `open` resolves), open, closed.
 * Authoritative: nothing here. A view lags behind the board and may have missed changes; the claiming transaction decides.
 *   Watches make it fast; a listing of every bucket at each (re)connect and within every 30 s makes it right.
 * On failure: a listing that fails is made good by the next reconnect or sweep; a lost session ends the view silently.
 * Not here: postings (`find`), ranks and choosing.
 */
import type { Clock, CoordinationSession, Logger, NodeWatcher } from '@baton/core';
import { bucketIndexOf, buckets, parseJobName, type BoardPaths, type JobKey } from './layout.js';

/** `seenAtMs`: monotonic time of the notice behind it. */
export type BoardEvent =
  | {
      readonly type: 'available';
      readonly key: JobKey;
      /** Its lock has just vanished: its owner gave it back, or is dead. */
      readonly released: boolean;
      readonly seenAtMs: number;
    }
  | { readonly type: 'claimed' | 'gone'; readonly jobId: string };

export interface BoardView {
  /** Jobs without a lock, in no particular order. */
  available(): Iterable<JobKey>;
  isAvailable(key: JobKey): boolean;
  /** Lists the buckets of these jobs afresh (events as usual): the second look before claiming what is another's first choice. */
  relook(jobIds: Iterable<string>): Promise<void>;
  close(): void;
}

/** A bucket is listed at once when idle, then at most so often: 0.9 ms for one change, a bounded cost for a thousand. */
const listingIntervalMs = 15;
/** Every bucket is listed once in 30 s, sixteen at a time: no moment in which all 512 listings are paid. */
const sweepMs = 30_000;
const sweepBuckets = 16;

interface Listing {
  readonly jobs: readonly string[] | undefined;
  readonly locks: readonly string[] | undefined;
}

class Bucket {
  readonly jobs = new Map<string, JobKey>();
  locks: ReadonlySet<string> = new Set();
  readonly jobsPath: string;
  readonly locksPath: string;
  /** One function per path for the whole life of the view: setting it again replaces nothing and adds nothing. */
  readonly onJobs: NodeWatcher;
  readonly onLocks: NodeWatcher;
  jobsChanged = true;
  locksChanged = true;
  seenAtMs = 0;
  listedAtMs = -Infinity;
  running: Promise<void> | undefined;
  scheduled = false;
  cancelTimer: (() => void) | undefined;

  constructor(paths: BoardPaths, index: number, changed: (bucket: Bucket) => void) {
    this.jobsPath = paths.bucket('jobs', index);
    this.locksPath = paths.bucket('locks', index);
    this.onJobs = () => {
      this.jobsChanged = true;
      changed(this);
    };
    this.onLocks = () => {
      this.locksChanged = true;
      changed(this);
    };
  }

  lacksHeldLock(listed: readonly string[]): boolean {
    const held = new Set(listed);
    for (const jobId of this.locks) if (!held.has(jobId)) return true;
    return false;
  }
}

export class WatchedBoard implements BoardView {
  readonly #session: CoordinationSession;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listener: (event: BoardEvent) => void;
  readonly #buckets: readonly Bucket[];
  /** Where each job that is shown stands: reckoning it anew, for thousands again and again, costs more than keeping it. */
  readonly #shown = new Map<string, Bucket>();
  readonly #unsubscribe: () => void;
  #due: Bucket[] = [];
  #sweepAt = 0;
  #cancelSweep: () => void = () => undefined;
  #silent = true;
  #closed = false;

  private constructor(o: WatchedBoardOptions) {
    this.#session = o.session;
    this.#clock = o.clock;
    this.#logger = o.logger;
    this.#listener = o.listener;
    this.#buckets = buckets.map((_, index) => new Bucket(o.paths, index, (bucket) => this.#changed(bucket)));
    this.#unsubscribe = o.session.onState((state) => {
      if (state === 'connected') void this.#listAll();
      else if (state === 'lost') this.close();
    });
  }

  /** Resolves after the first listing; events tell only what changes after it. */
  static async open(o: WatchedBoardOptions): Promise<WatchedBoard> {
    const view = new WatchedBoard(o);
    try {
      await Promise.all(view.#buckets.map((bucket) => view.#listOrFail(bucket)));
    } catch (error) {
      view.close();
      throw error;
    }
    view.#silent = false;
    view.#armSweep();
    return view;
  }

  *available(): Iterable<JobKey> {
    for (const { jobs, locks } of this.#buckets)
      for (const key of jobs.values()) if (!locks.has(key.jobId)) yield key;
  }

  isAvailable({ jobId, life }: JobKey): boolean {
    const bucket = this.#shown.get(jobId);
    return bucket?.jobs.get(jobId)?.life === life && !bucket.locks.has(jobId);
  }

  async relook(jobIds: Iterable<string>): Promise<void> {
    const looked = new Set<Bucket>();
    for (const jobId of jobIds) looked.add(this.#bucketOf(jobId));
    await Promise.all(Array.from(looked, (bucket) => this.#listAfresh(bucket)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe();
    this.#cancelSweep();
    for (const bucket of this.#buckets) bucket.cancelTimer?.();
  }

  #bucketOf(jobId: string): Bucket {
    return this.#buckets[bucketIndexOf(jobId)] as Bucket;
  }

  /** A watch fired. */
  #changed(bucket: Bucket): void {
    if (this.#closed) return;
    if (bucket.seenAtMs === 0) bucket.seenAtMs = this.#clock.monotonicMs();
    if (bucket.running === undefined) this.#schedule(bucket);
  }

  #schedule(bucket: Bucket): void {
    if (bucket.scheduled || this.#closed) return;
    bucket.scheduled = true;
    const waitMs = bucket.listedAtMs + listingIntervalMs - this.#clock.monotonicMs();
    if (waitMs > 0) {
      bucket.cancelTimer = this.#clock.setTimer(waitMs, () => void this.#list(bucket));
      return;
    }
    // The notices of one transaction come together: a settled job leaves `jobs` and `locks` at once. Listing only after
    // all of them are in asks for both, jobs first, and so never takes a settled job for a released one.
    if (this.#due.push(bucket) > 1) return;
    queueMicrotask(() => {
      const due = this.#due;
      this.#due = [];
      for (const each of due) void this.#list(each);
    });
  }

  /** What changed since the last listing; never rejects. */
  async #list(bucket: Bucket): Promise<void> {
    if (this.#closed || bucket.running !== undefined) return;
    try {
      await this.#listOrFail(bucket);
    } catch (error) {
      bucket.jobsChanged = bucket.locksChanged = true; // the next connection or sweep looks again
      if (this.#session.state === 'connected')
        this.#logger.warn('board.listing-failed', { path: bucket.jobsPath, error });
    }
  }

  #listOrFail(bucket: Bucket): Promise<void> {
    bucket.cancelTimer?.();
    bucket.scheduled = false;
    bucket.running = this.#read(bucket).finally(() => {
      bucket.running = undefined;
      if ((bucket.jobsChanged || bucket.locksChanged) && this.#session.state === 'connected')
        this.#schedule(bucket);
    });
    return bucket.running;
  }

  async #read(bucket: Bucket): Promise<void> {
    const { jobsChanged, locksChanged, seenAtMs } = bucket;
    bucket.jobsChanged = bucket.locksChanged = false;
    bucket.seenAtMs = 0;
    bucket.listedAtMs = this.#clock.monotonicMs();
    const listJobs = () => this.#session.children(bucket.jobsPath, bucket.onJobs);
    const [firstJobs, locks] = await Promise.all([
      jobsChanged ? listJobs() : undefined,
      locksChanged ? this.#session.children(bucket.locksPath, bucket.onLocks) : undefined,
    ]);
    let jobs = firstJobs;
    // It may also settle before `locks` is read but after `jobs` was. The notice of `jobs` is in by now (the service
    // sends it before the answer), and jobs that are read after the locks tell a settled job from a released one.
    if (bucket.jobsChanged && locks !== undefined && bucket.lacksHeldLock(locks)) {
      bucket.jobsChanged = false;
      jobs = await listJobs();
    }
    if (!this.#closed) this.#apply(bucket, { jobs, locks }, seenAtMs || this.#clock.monotonicMs());
  }

  /** A listing that starts after this call, whatever is under way. */
  async #listAfresh(bucket: Bucket): Promise<void> {
    while (bucket.running !== undefined) await bucket.running.catch(() => undefined);
    if (this.#closed) return;
    bucket.jobsChanged = bucket.locksChanged = true;
    await this.#listOrFail(bucket);
  }

  async #listAll(): Promise<void> {
    await Promise.all(this.#buckets.map((bucket) => this.#listAfresh(bucket).catch(() => undefined)));
  }

  #armSweep(): void {
    this.#cancelSweep = this.#clock.setTimer((sweepMs * sweepBuckets) / this.#buckets.length, () => {
      this.#armSweep();
      if (this.#session.state !== 'connected') return;
      for (const bucket of this.#buckets.slice(this.#sweepAt, this.#sweepAt + sweepBuckets)) {
        bucket.jobsChanged = bucket.locksChanged = true;
        void this.#list(bucket);
      }
      this.#sweepAt = (this.#sweepAt + sweepBuckets) % this.#buckets.length;
    });
  }

  #apply(bucket: Bucket, { jobs, locks }: Listing, seenAtMs: number): void {
    const before = bucket.locks;
    if (locks !== undefined) bucket.locks = new Set(locks);
    const added = jobs === undefined ? [] : this.#applyJobs(bucket, jobs);
    for (const key of added)
      if (!bucket.locks.has(key.jobId))
        this.#tell({ type: 'available', key, released: before.has(key.jobId), seenAtMs });
    if (locks === undefined) return;
    for (const jobId of bucket.locks) if (!before.has(jobId)) this.#tell({ type: 'claimed', jobId });
    const isNew = new Set(added.map((key) => key.jobId));
    for (const jobId of before) {
      const key = bucket.locks.has(jobId) ? undefined : bucket.jobs.get(jobId);
      if (key !== undefined && !isNew.has(jobId))
        this.#tell({ type: 'available', key, released: true, seenAtMs });
    }
  }

  /** Takes the new set of jobs over; answers those that were not there before. */
  #applyJobs(bucket: Bucket, names: readonly string[]): JobKey[] {
    const listed = new Map<string, JobKey>();
    for (const name of names) {
      const key = parseJobName(name);
      // A leftover of life 0 beside a later life waits until that is gone (P-305)
      if (key !== undefined && !((listed.get(key.jobId)?.life ?? -1) > key.life)) listed.set(key.jobId, key);
    }
    for (const jobId of bucket.jobs.keys()) {
      if (listed.has(jobId)) continue;
      bucket.jobs.delete(jobId);
      this.#shown.delete(jobId);
      this.#tell({ type: 'gone', jobId });
    }
    const added: JobKey[] = [];
    for (const key of listed.values()) {
      if (bucket.jobs.get(key.jobId)?.life === key.life) continue;
      bucket.jobs.set(key.jobId, key);
      this.#shown.set(key.jobId, bucket);
      added.push(key);
    }
    return added;
  }

  #tell(event: BoardEvent): void {
    if (!this.#silent) this.#listener(event);
  }
}

export interface WatchedBoardOptions {
  readonly session: CoordinationSession;
  readonly paths: BoardPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: (event: BoardEvent) => void;
}
