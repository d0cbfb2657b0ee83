/**
 * Purpose: wakes dormant jobs whose timers are due, and those of which a command was stored and nobody was told (P-1103, P-1104).
 * States of a bucket of the board: another conductor's → ours, by rank among those that live → another's. Two may take it for theirs for a moment, which
 *   wakes a job twice, and that is no more than once.
 * What is authoritative: the dormant nodes. What is kept here of them may be stale; a waker that comes late does nothing.
 * On failure: what could not be listed, read or woken is looked at again by the sweep, which comes to each bucket twice a minute.
 * Not here: putting to sleep (`dormancy.ts`).
 */
import { rendezvousFirst, type Runtime } from '@baton/core';
import { buckets, type DormantJob, type JobBoard, type JobKey } from '@baton/jobboard';
import type { Commands } from '@baton/persistence';
import { limits } from './options.js';
import type { SessionTimers } from './session-timers.js';

interface DormantWatchDeps {
  readonly board: Pick<JobBoard, 'dormant'>;
  readonly commands: Commands;
  readonly runtime: Runtime;
  readonly timers: SessionTimers;
  readonly memberId: string;
  /** Ids of the conductors that live, this one included. */
  readonly conductors: () => Iterable<string>;
}

interface Sleeper extends Pick<DormantJob, 'lastCommand' | 'life'> {
  /** When it is to be woken, by the monotonic clock; infinite: it waits for no timer. */
  readonly dueAtMs: number;
  isArmed: boolean;
}

/** Of a bucket that is ours. */
interface Bucket {
  /** By job id. */
  readonly sleepers: Map<string, Sleeper>;
  /** Told by the board that something changed. */
  readonly onChange: () => void;
  isDue: boolean;
}

/** Buckets that are listed at a time. */
const BATCH = 16;

export class DormantWatch {
  readonly #deps: DormantWatchDeps;
  readonly #buckets = new Map<number, Bucket>();
  /** Of those that are ours: not listed yet, or not since the board could not tell of changes. */
  readonly #unlisted = new Set<number>();
  #isShareDue = false;
  #sweepAt = 0;

  constructor(deps: DormantWatchDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.share();
    this.#deps.timers.every((limits.dormantSweepMs * BATCH) / buckets.length, () => this.#sweep());
  }

  /** Conductors came or went. The jobs of one that died are taken over first: listing hundreds of buckets would go before their claims. */
  share(): void {
    if (this.#isShareDue) return;
    this.#isShareDue = true;
    this.#deps.timers.after(limits.dormantShareMs, () => {
      this.#isShareDue = false;
      this.#share();
    });
  }

  /** The board could not tell of changes for a while. */
  relist(): void {
    for (const index of this.#buckets.keys()) this.#unlisted.add(index);
    this.share();
  }

  #share(): void {
    const { memberId, conductors } = this.#deps;
    const all = [...conductors()];
    for (let index = 0; index < buckets.length; index++) {
      const isOurs = rendezvousFirst(`dormant ${index}`, all) === memberId;
      if (!isOurs) this.#buckets.delete(index);
      else if (!this.#buckets.has(index)) this.#follow(index);
    }
    void this.#listUnlisted();
  }

  async #listUnlisted(): Promise<void> {
    for (;;) {
      const batch = [...this.#unlisted].slice(0, BATCH);
      if (batch.length === 0) return;
      for (const index of batch) this.#unlisted.delete(index);
      await Promise.all(batch.map((index) => this.#list(index, this.#buckets.get(index))));
    }
  }

  #follow(index: number): void {
    const onChange = (): void => {
      if (bucket.isDue) return;
      bucket.isDue = true;
      this.#deps.timers.after(limits.dormantListingMs, () => void this.#list(index, bucket));
    };
    const bucket: Bucket = { sleepers: new Map(), onChange, isDue: false };
    this.#buckets.set(index, bucket);
    this.#unlisted.add(index);
  }

  #sweep(): void {
    for (let index = this.#sweepAt; index < this.#sweepAt + BATCH; index++) {
      const bucket = this.#buckets.get(index);
      if (bucket !== undefined) void this.#sweepBucket(index, bucket);
    }
    this.#sweepAt = (this.#sweepAt + BATCH) % buckets.length;
  }

  async #sweepBucket(index: number, bucket: Bucket): Promise<void> {
    await this.#list(index, bucket);
    for (const [jobId, sleeper] of bucket.sleepers) {
      this.#arm(bucket, jobId, sleeper);
      void this.#wakeIfAsked({ jobId, life: sleeper.life }, sleeper);
    }
  }

  async #list(index: number, bucket: Bucket | undefined): Promise<void> {
    if (bucket === undefined || this.#buckets.get(index) !== bucket) return;
    bucket.isDue = false;
    const { runtime, board } = this.#deps;
    const { dormant } = board;
    const { sleepers } = bucket;
    try {
      const keys = await dormant.list(index, bucket.onChange);
      const listed = new Map(keys.map(({ jobId, life }) => [jobId, life]));
      for (const [jobId, { life }] of sleepers) if (listed.get(jobId) !== life) sleepers.delete(jobId);
      const added = keys.filter(({ jobId }) => !sleepers.has(jobId));
      if (added.length === 0) return;
      const all = await Promise.all(added.map((key) => dormant.find(key)));
      const nowMs = runtime.clock.monotonicMs();
      const timeMs = runtime.clock.wallMs();
      for (const found of all) {
        if (found === undefined) continue;
        const { jobId, life, lastCommand, due, sinceMs } = found;
        // by the clock of the board: those of whoever put it to sleep and of whoever wakes it may differ by far (P-203); it tells whole ms
        const dueAtMs = due === undefined ? Infinity : nowMs + due.inMs - (timeMs - sinceMs) + 1;
        const sleeper = { life, lastCommand, dueAtMs, isArmed: false };
        sleepers.set(jobId, sleeper);
        this.#arm(bucket, jobId, sleeper);
      }
    } catch (error) {
      runtime.logger.debug('dormant.listing-failed', { bucket: index, error });
    }
  }

  /** What is due before the sweep has come by twice; most wait for much longer. */
  #arm(bucket: Bucket, jobId: string, sleeper: Sleeper): void {
    if (sleeper.isArmed) return;
    const leftMs = sleeper.dueAtMs - this.#deps.runtime.clock.monotonicMs();
    if (leftMs > 2 * limits.dormantSweepMs) return;
    sleeper.isArmed = true;
    this.#deps.timers.after(Math.max(0, leftMs), () => {
      sleeper.isArmed = false;
      if (bucket.sleepers.get(jobId) === sleeper)
        void this.#wake({ jobId, life: sleeper.life }, { isDue: true });
    });
  }

  /** Whoever stored it died before it woke the job, or saw an old state of the board. */
  async #wakeIfAsked(key: JobKey, { lastCommand }: Sleeper): Promise<void> {
    try {
      const commands = await this.#deps.commands.after(key.jobId, lastCommand);
      if (commands.length > 0) await this.#wake(key);
    } catch (error) {
      this.#deps.runtime.logger.debug('dormant.commands-unknown', { jobId: key.jobId, error });
    }
  }

  async #wake(key: JobKey, why?: { readonly isDue: boolean }): Promise<void> {
    try {
      await this.#deps.board.dormant.wake(key, why);
    } catch (error) {
      this.#deps.runtime.logger.debug('dormant.not-woken', { jobId: key.jobId, error });
    }
  }
}
