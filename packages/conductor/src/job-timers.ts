import type { Clock } from '@baton/core';
import { limits } from './options.js';

const durable = 'timer ';

interface JobTimerCallbacks {
  /** Takes in what came before a durable timer was due. False: nobody can say now what did. */
  readonly beforeDue: () => Promise<boolean>;
  readonly onDue: (id: string) => void;
}

/** The durable timers of one flow as far as they must fire here, and the short-lived ones of its owner. All end with `stop`. */
export class JobTimers {
  readonly #clock: Clock;
  readonly #callbacks: JobTimerCallbacks;
  /** Due by the monotonic clock: what is being waited for here does not change when the wall clock is set. */
  readonly #started = new Map<string, { readonly dueAtMs: number; readonly cancel: () => void }>();
  #quiet = false;

  constructor(clock: Clock, callbacks: JobTimerCallbacks) {
    this.#clock = clock;
    this.#callbacks = callbacks;
  }

  /** Sets or moves a durable timer; due times in the past fire in a later turn of the event loop, each once all that came before it is known. */
  set(id: string, dueAtMs: number): void {
    const key = durable + id;
    const fire = (): void => {
      const due = this.#started.get(key);
      void this.#callbacks.beforeDue().then((isKnown) => {
        if (this.#started.get(key) !== due) return; // moved or cancelled
        if (!isKnown) return this.set(id, this.#clock.wallMs() + limits.timerPauseMs);
        this.#started.delete(key);
        this.#callbacks.onDue(id);
      });
    };
    this.#start(key, dueAtMs - this.#clock.wallMs(), fire);
  }

  /** Due in a later turn of the event loop, whatever came before it. */
  setDue(id: string): void {
    this.#startOnce(durable + id, 0, () => this.#callbacks.onDue(id));
  }

  cancel(id: string): void {
    this.#end(durable + id);
  }

  /** It is waited for, perhaps anew since it was due. */
  isSet(id: string): boolean {
    return this.#started.has(durable + id);
  }

  /** When a request of `createdAtMs` (wall ms, of an owner whose clock may go ahead of ours) has waited for a worker for so long. */
  queue(requestId: string, createdAtMs: number, timeoutMs: number, callback: () => void): void {
    this.#startOnce(
      `queue ${requestId}`,
      Math.min(0, createdAtMs - this.#clock.wallMs()) + timeoutMs,
      callback,
    );
  }

  dequeue(requestId: string): void {
    this.#end(`queue ${requestId}`);
  }

  /** Before a request that was refused is sent again. */
  pause(requestId: string, pauseMs: number, callback: () => void): void {
    this.#startOnce(`pause ${requestId}`, pauseMs, callback);
  }

  /** Calls back once when the flow has not moved for so long. */
  quiet(afterMs: number, callback: () => void): void {
    this.#quiet = true;
    this.#startOnce('quiet', afterMs, callback);
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

  #startOnce(key: string, delayMs: number, callback: () => void): void {
    this.#start(key, delayMs, () => {
      this.#started.delete(key);
      callback();
    });
  }

  #start(key: string, delayMs: number, fire: () => void): void {
    this.#end(key);
    const dueAtMs = this.#clock.monotonicMs() + delayMs;
    this.#started.set(key, { dueAtMs, cancel: this.#clock.setTimer(Math.max(0, delayMs), fire) });
  }

  #end(key: string): void {
    this.#started.get(key)?.cancel();
    this.#started.delete(key);
  }
}
