import type { Posting } from '@baton/jobboard';

/** Highest first. */
export const priorities = [
  'VERY_HIGH',
  'HIGH',
  'NORMAL',
  'LOW',
  'VERY_LOW',
] as const satisfies readonly Posting['priority'][];

interface Prioritised {
  readonly posting: Pick<Posting, 'priority' | 'createdAtMs'>;
}

/** Jobs that may be claimed, highest priority first, then oldest. Small (the inspect window), so insertion keeps it sorted. */
export class ReadyQueue<J extends Prioritised> {
  readonly #lanes = new Map<Posting['priority'], J[]>(priorities.map((priority) => [priority, []]));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(job: J): void {
    const lane = this.#lanes.get(job.posting.priority) ?? [];
    let index = lane.length;
    while (index > 0 && (lane[index - 1] as J).posting.createdAtMs > job.posting.createdAtMs) index--;
    lane.splice(index, 0, job);
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
}
