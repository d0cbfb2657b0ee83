/**
 * Purpose: how full the board is, before something is put on it: every conductor lists and remembers what is there, and a listing has to fit one answer.
 * Buckets fill evenly, so one of them stands for all (P-301).
 * What is authoritative: nothing: a count is up to a second old, and several posters count apart. The limit is far below what would hurt.
 * On failure: what `children` rejects with.
 */
import { UnavailableError, type Clock, type CoordinationSession } from '@baton/core';
import { bucketIndexOf, buckets, type BoardPaths } from './layout.js';

/** With the longest names a listing of so many is a quarter of what ZooKeeper answers at once. 512,000 jobs on a board. */
export const jobsPerBucketMax = 2_000;

const COUNTED_AGAIN_MS = 1_000;

interface Count {
  readonly jobs: Promise<number>;
  readonly atMs: number;
  /** Let in since. */
  admitted: number;
}

export class BoardRoom {
  readonly #session: Pick<CoordinationSession, 'children'>;
  readonly #paths: BoardPaths;
  readonly #clock: Clock;
  readonly #counts = new Map<number, Count>();

  constructor(o: {
    readonly session: Pick<CoordinationSession, 'children'>;
    readonly paths: BoardPaths;
    readonly clock: Clock;
  }) {
    this.#session = o.session;
    this.#paths = o.paths;
    this.#clock = o.clock;
  }

  /** @throws UnavailableError `BATON_UNAVAILABLE_BOARD_FULL` */
  async admit(jobId: string, { isChild = false }: { readonly isChild?: boolean } = {}): Promise<void> {
    const count = this.#countOf(bucketIndexOf(jobId));
    count.admitted++;
    const jobs = (await count.jobs) + count.admitted;
    if (jobs <= (isChild ? 2 : 1) * jobsPerBucketMax) return;
    throw new UnavailableError(
      'BATON_UNAVAILABLE_BOARD_FULL',
      `the board is full: about ${buckets.length * (jobs - 1)} jobs on it have not ended; job ${jobId} was not posted`,
    );
  }

  #countOf(bucket: number): Count {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#counts.get(bucket);
    if (known !== undefined && nowMs - known.atMs < COUNTED_AGAIN_MS) return known;
    const listings = (['jobs', 'dormant'] as const).map((kind) =>
      this.#session.children(this.#paths.bucket(kind, bucket)),
    );
    const jobs = Promise.all(listings).then((listed) => listed.flat().length);
    const count: Count = { jobs, atMs: nowMs, admitted: 0 };
    this.#counts.set(bucket, count);
    // an answer that did not come is no count
    jobs.catch(() => this.#counts.delete(bucket));
    return count;
  }
}
