import { toFailure } from './failure.js';
import type { Clock, LogFields, Logger } from './ports/runtime.js';

const AGAIN_MS = { first: 10_000, max: 600_000 };

/**
 * Says an outage once when it begins, at growing intervals (10 s, doubling, up to 10 min) while it lasts, and once when it is over; every failed
 * try of it only at debug. States: well → out → well.
 */
export class OutageLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #messages: { readonly waiting: string; readonly back: string };
  readonly #fields: LogFields;
  #out: { readonly sinceMs: number; nextMs: number; intervalMs: number; error: unknown } | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly messages: { readonly waiting: string; readonly back: string };
    /** On every line. */
    readonly fields?: LogFields;
  }) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#messages = options.messages;
    this.#fields = options.fields ?? {};
  }

  /** What it failed with last; undefined while all is well. */
  get problem(): string | undefined {
    return this.#out && toFailure(this.#out.error).message;
  }

  failed(error: unknown): void {
    const nowMs = this.#clock.monotonicMs();
    const out = (this.#out ??= { sinceMs: nowMs, nextMs: nowMs, intervalMs: AGAIN_MS.first, error });
    out.error = error;
    const isDue = nowMs >= out.nextMs;
    if (isDue) {
      out.nextMs = nowMs + out.intervalMs;
      out.intervalMs = Math.min(AGAIN_MS.max, out.intervalMs * 2);
    }
    const fields = { ...this.#fields, forMs: Math.round(nowMs - out.sinceMs), error };
    this.#logger[isDue ? 'warn' : 'debug'](this.#messages.waiting, fields);
  }

  /** It went well; says so when it had not. */
  over(): void {
    if (this.#out === undefined) return;
    const afterMs = Math.round(this.#clock.monotonicMs() - this.#out.sinceMs);
    this.#out = undefined;
    this.#logger.info(this.#messages.back, { ...this.#fields, afterMs });
  }
}
