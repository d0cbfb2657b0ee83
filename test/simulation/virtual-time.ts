/**
 * Purpose: virtual time for a whole cluster in one process (P-1502): a heap of events by due time, equal times in seeded order; one event at a time,
 *   and every promise reaction that it made ready before the next.
 * What is authoritative: `nowMs` and the heap. Real time plays no part: the same seed gives the same events.
 * On failure: what a callback throws ends `run`.
 * Not here: whose callback it is, and whether that one is alive (process.ts).
 */
import { setImmediate as nextTurn } from 'node:timers';
import { runInThisContext } from 'node:vm';

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
  run(over: () => boolean, untilMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const slice = (): void => {
        try {
          for (let count = 0; count < sliceMax; count++) {
            if (over()) return resolve(true);
            if (!this.#next(untilMs)) return resolve(false);
            if (runReactions === undefined) break;
            runReactions();
          }
          nextTurn(slice);
        } catch (error) {
          reject(error as Error);
        }
      };
      nextTurn(slice);
    });
  }

  #next(untilMs: number): boolean {
    for (;;) {
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
      return true;
    }
  }
}

/** So many events before the real event loop gets a turn: unhandled rejections are told then. */
const sliceMax = 64;

/**
 * Runs every promise reaction that is ready, and those they make ready, without a turn of the real event loop (which costs more than most events).
 * V8 offers it with `--allow-natives-syntax`; without that flag each event is followed by a turn. It does nothing when called from a reaction.
 */
const runReactions = checkpoint();

function checkpoint(): (() => void) | undefined {
  try {
    return runInThisContext('() => %PerformMicrotaskCheckpoint()') as () => void;
  } catch {
    return undefined;
  }
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
