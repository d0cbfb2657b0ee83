import type { Demand } from './worker-roster.js';
import { lineOf } from './worker-roster.js';

/** How the next delivery of a waiting request is numbered. */
export interface Waiting {
  readonly delivery: number;
  readonly losses: number;
  /** Worker that should rather not get it again. */
  readonly except?: string;
}

/**
 * Requests that wait for a worker, in one line per task and version: when no worker has room for the first of a line, none has for
 * the others, so a turn costs as much as it gives away, however many wait.
 */
export class WaitingLines {
  readonly #lines = new Map<string, Line>();
  readonly #lineOf = new Map<string, Line>();

  get size(): number {
    return this.#lineOf.size;
  }

  has(requestId: string): boolean {
    return this.#lineOf.has(requestId);
  }

  get(requestId: string): Waiting | undefined {
    return this.#lineOf.get(requestId)?.requests.get(requestId);
  }

  add(requestId: string, demand: Demand, waiting: Waiting): void {
    const name = lineOf(demand);
    let line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, (line = new Line(name, demand)));
    line.requests.set(requestId, waiting);
    this.#lineOf.set(requestId, line);
  }

  delete(requestId: string): void {
    const line = this.#lineOf.get(requestId);
    if (line === undefined) return;
    this.#lineOf.delete(requestId);
    line.requests.delete(requestId);
    if (line.requests.size === 0) this.#lines.delete(line.name);
  }

  *demands(): Iterable<Demand> {
    for (const line of this.#lines.values()) yield line.demand;
  }

  /** Offers the oldest of each line in turn until nothing is taken any more; what was taken leaves its line. */
  serve(take: (requestId: string, waiting: Waiting) => boolean): void {
    let lines = [...this.#lines.values()];
    while (lines.length > 0)
      lines = lines.filter((line) => {
        const first = line.first();
        if (first === undefined || !take(...first)) return false;
        this.delete(first[0]);
        return true;
      });
  }

  clear(): void {
    this.#lines.clear();
    this.#lineOf.clear();
  }
}

class Line {
  readonly requests = new Map<string, Waiting>();
  readonly name: string;
  readonly demand: Demand;
  /** Goes on where it stopped: from its start, a map is searched through everything that was taken out of it before. */
  #rest = this.requests.entries();
  #first: [string, Waiting] | undefined;

  constructor(name: string, demand: Demand) {
    this.name = name;
    this.demand = demand;
  }

  first(): [string, Waiting] | undefined {
    if (this.#first !== undefined && this.requests.get(this.#first[0]) === this.#first[1]) return this.#first;
    let next = this.#rest.next();
    if (next.done === true) {
      this.#rest = this.requests.entries();
      next = this.#rest.next();
    }
    return (this.#first = next.done === true ? undefined : next.value);
  }
}
