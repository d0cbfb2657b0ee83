/** Transitions that were taken and not followed yet: first in, first out, and which atoms they lead to. Adding, taking and asking cost O(1). */
import type { TakenTransition, Trigger } from '@baton/core';

export interface Pending {
  readonly to: string;
  readonly message?: TakenTransition['message'];
  /** Undefined: the start of the run leads there. */
  readonly by?: Trigger;
}

export class Backlog {
  readonly #items: Pending[] = [];
  readonly #leading = new Map<string, number>();
  #next = 0;

  get length(): number {
    return this.#items.length - this.#next;
  }

  get first(): Pending | undefined {
    return this.#items[this.#next];
  }

  /** Whether one of them leads there. */
  leadsTo(name: string): boolean {
    return this.#leading.has(name);
  }

  add(pending: Pending): void {
    this.#items.push(pending);
    this.#leading.set(pending.to, (this.#leading.get(pending.to) ?? 0) + 1);
  }

  take(): Pending | undefined {
    const pending = this.#items[this.#next++];
    if (pending) {
      const others = (this.#leading.get(pending.to) ?? 1) - 1;
      if (others > 0) this.#leading.set(pending.to, others);
      else this.#leading.delete(pending.to);
    }
    if (this.length <= 0) this.clear();
    return pending;
  }

  clear(): void {
    this.#items.length = 0;
    this.#leading.clear();
    this.#next = 0;
  }

  toJSON(): readonly Pending[] {
    return this.#items.slice(this.#next);
  }
}
