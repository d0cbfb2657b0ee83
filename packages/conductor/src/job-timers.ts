import type { Clock } from '@baton/core';

const durable = 'timer ';

/** The durable timers of one flow as far as they must fire here, and the short-lived ones of its owner. All end with `stop`. */
export class JobTimers {
  readonly #clock: Clock;
  readonly #onDue: (id: string) => void;
  /** Due by the monotonic clock: what is being waited for here does not change when the wall clock is set. */
  readonly #started = new Map<string, { readonly dueAtMs: number; readonly cancel: () => void }>();
  #quiet = false;

  constructor(clock: Clock, onDue: (id: string) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Sets or moves a durable timer; due times in the past fire in a later turn of the event loop. */
  set(id: string, dueAtMs: number): void {
    this.#start(durable + id, dueAtMs - this.#clock.wallMs(), () => this.#onDue(id));
  }

  cancel(id: string): void {
    this.#end(durable + id);
  }

  /** When a request of `createdAtMs` (wall ms, of an owner whose clock may go ahead of ours) has waited for a worker for so long. */
  queue(requestId: string, createdAtMs: number, timeoutMs: number, callback: () => void): void {
    this.#start(`queue ${requestId}`, Math.min(0, createdAtMs - this.#clock.wallMs()) + timeoutMs, callback);
  }

  dequeue(requestId: string): void {
    this.#end(`queue ${requestId}`);
  }

  /** Before a request that was refused is sent again. */
  pause(requestId: string, pauseMs: number, callback: () => void): void {
    this.#start(`pause ${requestId}`, pauseMs, callback);
  }

  /** Calls back once when the flow has not moved for so long. */
  quiet(afterMs: number, callback: () => void): void {
    this.#quiet = true;
    this.#start('quiet', afterMs, callback);
  }

  /** The flow has not moved since `quiet`. */
  get isQuiet(): boolean {
    return this.#quiet;
  }

  /** One is due that has not fired yet. */
  get isOverdue(): boolean {
    const nowMs = this.#clock.monotonicMs();
    for (const { dueAtMs } of this.#started.values()) if (dueAtMs <= nowMs) return true;
    return false;
  }

  /** The durable one that is due first, and in how long. */
  get next(): { readonly timer: string; readonly inMs: number } | undefined {
    const nowMs = this.#clock.monotonicMs();
    let next: { timer: string; inMs: number } | undefined;
    for (const [key, { dueAtMs }] of this.#started)
      if (key.startsWith(durable) && dueAtMs - nowMs < (next?.inMs ?? Infinity))
        next = { timer: key.slice(durable.length), inMs: dueAtMs - nowMs };
    return next;
  }

  moved(): void {
    if (!this.#quiet) return;
    this.#quiet = false;
    this.#end('quiet');
  }

  stop(): void {
    for (const { cancel } of this.#started.values()) cancel();
    this.#started.clear();
  }

  #start(key: string, delayMs: number, callback: () => void): void {
    this.#end(key);
    const fire = (): void => {
      this.#started.delete(key);
      callback();
    };
    const dueAtMs = this.#clock.monotonicMs() + delayMs;
    this.#started.set(key, { dueAtMs, cancel: this.#clock.setTimer(Math.max(0, delayMs), fire) });
  }

  #end(key: string): void {
    this.#started.get(key)?.cancel();
    this.#started.delete(key);
  }
}
