/** Timers by due time, equal ones in the order of setting: a binary heap, so that very many cost no more each. */
export class TimerQueue {
  readonly #heap: Timer[] = [];
  readonly #cancelled = new Set<Timer>();
  readonly #byId = new Map<string, Timer>();
  #count = 0;

  set(id: string, dueMs: number): void {
    const timer = { id, dueMs, order: this.#count++ };
    this.#byId.set(id, timer);
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
  }

  cancel(id: string): void {
    const timer = this.#byId.get(id);
    if (timer && this.#byId.delete(id)) this.#cancelled.add(timer);
  }

  /** Takes out the timer that is due first. */
  next(): { readonly id: string; readonly dueMs: number } | undefined {
    for (let timer = this.#pop(); timer; timer = this.#pop())
      if (!this.#cancelled.delete(timer)) {
        this.#byId.delete(timer.id);
        return timer;
      }
    return undefined;
  }

  #pop(): Timer | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (first === last || !last) return first;
    this.#heap[0] = last;
    this.#sink(0);
    return first;
  }

  #rise(at: number): void {
    for (let child = at; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfEarlier(child, parent)) return;
      child = parent;
    }
  }

  #sink(at: number): void {
    for (let parent = at; ;) {
      const [left, right] = [2 * parent + 1, 2 * parent + 2];
      const child = isEarlier(this.#heap[right], this.#heap[left]) ? right : left;
      if (!this.#swapIfEarlier(child, parent)) return;
      parent = child;
    }
  }

  #swapIfEarlier(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (!a || !b || !isEarlier(a, b)) return false;
    this.#heap[one] = b;
    this.#heap[other] = a;
    return true;
  }
}

interface Timer {
  readonly id: string;
  readonly dueMs: number;
  readonly order: number;
}

function isEarlier(a: Timer | undefined, b: Timer | undefined): boolean {
  if (!a || !b) return a !== undefined;
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
