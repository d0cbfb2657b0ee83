import { copyOf, type Conductor, type State, type Worker } from './state.js';
import type { Allowed, Rules } from './variant.js';

/** Told of each state that can follow. `isFault`: what no end may depend on (I08). */
export type Emit = (label: string, next: State, isFault: boolean) => void;

/** The moves from one state. A change that answers false turns out to be none. */
export class Move {
  readonly rules: Rules;
  readonly before: State;
  readonly #emit: Emit;

  constructor(rules: Rules, before: State, emit: Emit) {
    this.rules = rules;
    this.before = before;
    this.#emit = emit;
  }

  to(label: string, change: (next: State) => unknown): void {
    this.#go(label, change, false);
  }

  /** Takes one of what is allowed. */
  fault(cost: Allowed, label: string, change: (next: State) => unknown): void {
    if (!this.allows(cost)) return;
    this.#go(
      label,
      (next) => {
        next.budget = { ...next.budget, [cost]: (next.budget[cost] ?? 0) - 1 };
        return change(next);
      },
      true,
    );
  }

  /** A write that was on its way lands: it never has to. */
  late(label: string, change: (next: State) => unknown): void {
    this.#go(label, change, true);
  }

  allows(what: Allowed): boolean {
    return (this.before.budget[what] ?? 0) > 0;
  }

  #go(label: string, change: (next: State) => unknown, isFault: boolean): void {
    const next = copyOf(this.before);
    if (change(next) !== false) this.#emit(label, next, isFault);
  }
}

export function conductorOf(state: State, index: number): Conductor {
  return state.conductors[index] as Conductor;
}

export function workerOf(state: State, index: number): Worker {
  return state.workers[index] as Worker;
}
