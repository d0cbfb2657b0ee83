import { priorities, type Posting } from '@baton/jobboard';

interface Prioritised {
  readonly posting: Pick<Posting, 'priority' | 'createdAtMs'>;
}

/** Jobs that may be claimed, highest priority first, then oldest. */
export class ReadyQueue<J extends Prioritised> {
  readonly #lanes = new Map<Posting['priority'], J[]>(priorities.map((priority) => [priority, []]));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(job: J): void {
    const lane = this.#lanes.get(job.posting.priority) ?? [];
    lane.splice(placeFor(job, lane), 0, job);
    this.#size++;
  }

  pop(): J | undefined {
    for (const lane of this.#lanes.values()) {
      const job = lane.shift();
      if (job === undefined) continue;
      this.#size--;
      return job;
    }
    return undefined;
  }

  /** The one that `pop` would give last. */
  popLast(): J | undefined {
    for (const lane of [...this.#lanes.values()].reverse()) {
      const job = lane.pop();
      if (job === undefined) continue;
      this.#size--;
      return job;
    }
    return undefined;
  }

  /** Drops the others. */
  keep(isWanted: (job: J) => boolean): void {
    this.#size = 0;
    for (const [priority, lane] of this.#lanes) {
      const kept = lane.filter(isWanted);
      this.#lanes.set(priority, kept);
      this.#size += kept.length;
    }
  }
}

/** Behind those that are as old. A lane may be as long as the board, so it is not searched job by job. */
function placeFor({ posting: { createdAtMs } }: Prioritised, lane: readonly Prioritised[]): number {
  let [from, to] = [0, lane.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((lane[middle] as Prioritised).posting.createdAtMs > createdAtMs) to = middle;
    else from = middle + 1;
  }
  return from;
}
