/**
 * Purpose: somebody waits for a job, and a service goes away and comes back: asks again, with back-off, until it answers.
 * States: well → away → well; each change is told once.
 * On failure: a service that refuses, or anything but an outage, is the caller's at once.
 * Not here: how long somebody waits (their signal).
 */
import { codeOf, familyOf, toFailure } from '@baton/core';
import type { Clock } from '@baton/core';

const BACK_OFF_MS = { first: 100, max: 2_000 };

/** Told when nothing can be learned about a job for a while. */
export interface OutageListener {
  /** A service does not answer; it is asked again. */
  readonly onOutage?: (error: Error) => void;
  /** It answers again. */
  readonly onRecovery?: () => void;
}

export class OutagePatience {
  readonly #clock: Clock;
  readonly #listener: OutageListener;
  readonly #signal: AbortSignal | undefined;
  readonly #isClosed: () => boolean;
  #problem: string | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly listener: OutageListener;
    readonly signal: AbortSignal | undefined;
    /** Nobody can be asked any more. */
    readonly isClosed: () => boolean;
  }) {
    this.#clock = options.clock;
    this.#listener = options.listener;
    this.#signal = options.signal;
    this.#isClosed = options.isClosed;
  }

  /** What was said last; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Rejects with the reason of the signal as soon as that is aborted, whatever `ask` does. */
  async through<T>(ask: () => Promise<T>): Promise<T> {
    for (let pauseMs = BACK_OFF_MS.first; ; pauseMs = Math.min(BACK_OFF_MS.max, pauseMs * 2)) {
      try {
        const answer = await unlessAborted(ask(), this.#signal);
        this.#over();
        return answer;
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (this.#isClosed() || !isOutage(error)) throw error;
        this.#failed(error);
      }
      await this.pause(pauseMs);
    }
  }

  /** Ends early, and rejects, when the signal is aborted. */
  async pause(ms: number): Promise<void> {
    let cancel = (): void => undefined;
    try {
      await unlessAborted(
        new Promise<void>((resolve) => (cancel = this.#clock.setTimer(ms, resolve))),
        this.#signal,
      );
    } finally {
      cancel();
    }
  }

  #failed(error: unknown): void {
    const isFirst = this.#problem === undefined;
    this.#problem = toFailure(error).message;
    if (isFirst && error instanceof Error) this.#listener.onOutage?.(error);
  }

  #over(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#listener.onRecovery?.();
  }
}

/** A refusal is a service's last word. */
function isOutage(error: unknown): boolean {
  return familyOf(error) === 'unavailable' && codeOf(error) !== 'BATON_UNAVAILABLE_REFUSED';
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
    work.catch(() => undefined);
  }
}
