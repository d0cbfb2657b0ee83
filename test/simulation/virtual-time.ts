/**
 * Purpose: virtual time for a whole cluster in one process (P-1502): a heap of events by due time, equal times in seeded order; one event at a time,
 *   and every promise reaction that it made ready before the next.
 * What is authoritative: `nowMs` and the heap. Real time plays no part: the same seed gives the same events.
 * On failure: what a callback throws ends `run`.
 * Not here: whose callback it is, and whether that one is alive (process.ts).
 */
import { setImmediate as nextTurn } from 'node:timers';

interface Event {
  readonly dueMs: number;
  readonly tie: number;
  callback: (() => void) | undefined;
}

export class VirtualTime {
  #nowMs = 0;
  #events = 0;
  readonly #heap: Event[] = [];
  readonly #tie: () => number;

  /** `tie` orders what is due at the same time. */
  constructor(tie: () => number) {
    this.#tie = tie;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have run. */
  get events(): number {
    return this.#events;
  }

  /** Calls back after `delayMs`; the answer cancels. */
  schedule(delayMs: number, callback: () => void): () => void {
    const event: Event = { dueMs: this.#nowMs + Math.max(0, delayMs), tie: this.#tie(), callback };
    push(this.#heap, event);
    return () => {
      event.callback = undefined;
    };
  }

  /** Runs event after event until `over` holds; false when `untilMs` or the last event came first. */
  async run(over: () => boolean, untilMs: number): Promise<boolean> {
    await turn();
    while (!over()) {
      const event = this.#heap[0];
      if (event === undefined || event.dueMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      pop(this.#heap);
      if (event.callback === undefined) continue;
      this.#nowMs = event.dueMs;
      this.#events++;
      event.callback();
      await turn();
    }
    return true;
  }
}

/** Every promise reaction that is ready, and those it makes ready, have run afterwards. */
function turn(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.tie < b.tie);
}

function push(heap: Event[], event: Event): void {
  let place = heap.push(event) - 1;
  while (place > 0) {
    const above = (place - 1) >> 1;
    const parent = heap[above] as Event;
    if (!isBefore(event, parent)) break;
    heap[place] = parent;
    place = above;
  }
  heap[place] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  if (heap.length === 0) return;
  let place = 0;
  for (;;) {
    let below = 2 * place + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Event, heap[below] as Event)) below++;
    const child = heap[below] as Event;
    if (!isBefore(child, last)) break;
    heap[place] = child;
    place = below;
  }
  heap[place] = last;
}
