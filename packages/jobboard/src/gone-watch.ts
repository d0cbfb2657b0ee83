/**
 * Purpose: who waits for which job to leave the board.
 * States of a job: awaited by somebody; or by nobody any more, while its watch is still set: then the next change only ends that.
 * What is authoritative: the nodes. They are looked at when somebody comes, when the job's node changes and at each reconnection.
 * On failure: a look that goes unanswered is repeated; all waits end with the session.
 *
 * Sessions cannot take a watcher back: one function a job, whoever waits for it, so that callers who give up leave nothing behind.
 */
import { UnavailableError, type CoordinationSession } from '@baton/core';
import { parseJobName, type BoardPaths } from './layout.js';
import { getIfAny, isInterruption } from './session-reads.js';

interface AwaitedJob {
  readonly jobId: string;
  readonly waiters: Set<Waiter>;
  /** Watches the job's node. */
  readonly changed: () => void;
}

interface Waiter {
  gone(): void;
  failed(error: unknown): void;
}

export class GoneWatch {
  readonly #session: CoordinationSession;
  readonly #paths: BoardPaths;
  readonly #jobs = new Map<string, AwaitedJob>();

  constructor(o: { session: CoordinationSession; paths: BoardPaths }) {
    this.#session = o.session;
    this.#paths = o.paths;
    o.session.onState((state) => {
      if (state === 'suspended') return;
      const lost = new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', 'the session ended while waiting');
      for (const job of this.#jobs.values())
        if (state === 'lost') this.#tell(job, [...job.waiters], (waiter) => waiter.failed(lost));
        else if (job.waiters.size > 0) this.#look(job);
    });
  }

  /** Resolves when no job or dormant node of the job is on the board. */
  async wait(jobId: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const job = this.#jobs.get(jobId) ?? this.#add(jobId);
    let waiter: Waiter | undefined;
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { gone: resolve, failed: reject };
        onAbort = () => reject(signal?.reason as Error);
        signal?.addEventListener('abort', onAbort);
        job.waiters.add(waiter);
        this.#look(job);
      });
    } finally {
      if (waiter) job.waiters.delete(waiter);
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }

  #add(jobId: string): AwaitedJob {
    const job: AwaitedJob = {
      jobId,
      waiters: new Set(),
      changed: () => (job.waiters.size > 0 ? this.#look(job) : this.#drop(job)),
    };
    this.#jobs.set(jobId, job);
    return job;
  }

  #look(job: AwaitedJob): void {
    const asking = [...job.waiters]; // who comes later, after a post perhaps, has a look of its own
    this.#isGone(job).then(
      (gone) => {
        if (gone) this.#tell(job, asking, (waiter) => waiter.gone());
      },
      (error: unknown) => {
        if (!isInterruption(error)) this.#tell(job, asking, (waiter) => waiter.failed(error));
        else if (this.#session.state === 'connected' && job.waiters.size > 0) this.#look(job); // a single request went unanswered
      },
    );
  }

  #tell(job: AwaitedJob, waiters: readonly Waiter[], tell: (waiter: Waiter) => void): void {
    for (const waiter of waiters) {
      job.waiters.delete(waiter);
      tell(waiter);
    }
    if (job.waiters.size === 0) this.#drop(job);
  }

  /** A look that was under way may end when somebody waits for the same job again. */
  #drop(job: AwaitedJob): void {
    if (this.#jobs.get(job.jobId) === job) this.#jobs.delete(job.jobId);
  }

  /** Whether the job is gone; if not, its node is watched. Only one that is there is: a watch for its creation would never end. */
  async #isGone(job: AwaitedJob): Promise<boolean> {
    for (;;) {
      const path = await this.#pathOf(job.jobId);
      if (path === undefined) return true;
      if ((await getIfAny(this.#session, path, job.changed)) !== undefined) return false;
    }
  }

  /** Looks twice at the jobs: between two single listings a job could wake up from the one into the other. */
  async #pathOf(jobId: string): Promise<string | undefined> {
    const paths = this.#paths;
    const [jobs, dormant, again] = await Promise.all([
      lives(this.#session, paths.bucketOf('jobs', jobId), jobId),
      lives(this.#session, paths.bucketOf('dormant', jobId), jobId),
      lives(this.#session, paths.bucketOf('jobs', jobId), jobId),
    ]);
    const life = again.at(-1) ?? jobs.at(-1);
    if (life !== undefined) return paths.job({ jobId, life });
    const asleep = dormant.at(-1);
    return asleep === undefined ? undefined : paths.dormant({ jobId, life: asleep });
  }
}

/** Lives of a job in one bucket, ascending. */
export async function lives(session: CoordinationSession, bucket: string, jobId: string): Promise<number[]> {
  const names = await session.children(bucket);
  const found = names.flatMap((name) => {
    const key = parseJobName(name);
    return key?.jobId === jobId ? [key.life] : [];
  });
  return found.sort((a, b) => a - b);
}
