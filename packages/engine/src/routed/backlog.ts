/** Transitions that were taken and not followed yet: first in, first out, and which atoms they lead to. Adding, taking and asking cost O(1). */
import type { TakenTransition, Trigger } from '@baton/core';
import { Queue } from '../queue.js';

export interface Pending {
  readonly to: string;
  readonly message?: TakenTransition['message'];
  /** Undefined: the start of the run leads there. */
  readonly by?: Trigger;
}

export class Backlog {
  readonly #pending = new Queue<Pending>();
  readonly #leading = new Map<string, number>();

  get length(): number {
    return this.#pending.size;
  }

  get first(): Pending | undefined {
    return this.#pending.first;
  }

  /** Whether one of them leads there. */
  leadsTo(name: string): boolean {
    return this.#leading.has(name);
  }

  /** The activations that it leads there from. */
  origins(name: string): string[] {
    if (!this.leadsTo(name)) return [];
    return [...this.#pending].flatMap(({ to, by }) => (to === name && by ? [by.activation] : []));
  }

  add(pending: Pending): void {
    this.#pending.push(pending);
    this.#leading.set(pending.to, (this.#leading.get(pending.to) ?? 0) + 1);
  }

  take(): Pending | undefined {
    const pending = this.#pending.shift();
    if (!pending) return undefined;
    const others = (this.#leading.get(pending.to) ?? 1) - 1;
    if (others > 0) this.#leading.set(pending.to, others);
    else this.#leading.delete(pending.to);
    return pending;
  }

  clear(): void {
    this.#pending.drain();
    this.#leading.clear();
  }

  toJSON(): readonly Pending[] {
    return [...this.#pending];
  }
}
