/**
 * Purpose: sends what a member has to say. Messages that fall together share one append: one is in flight, all that is
 *   collected meanwhile goes with the next (P-1226); no timer, so a lone message waits for nothing.
 * States: idle → sending → (failing: back-off 50 ms to 2 s, then the same batch again) → … → closed.
 * What is authoritative: the log, once an append was acknowledged. Until then a message lives only here: it is lost with
 *   the process, which is what re-sending by request id is for.
 * On failure: never gives up while open; the batch is repeated unchanged, so a record may stand twice, and order within a
 *   partition holds. A record that the log refuses for good is logged and dropped, so that it blocks nobody else.
 * Not here: who gets what (conductor, worker), duplicates (receivers drop them by request id).
 */
import {
  familyOf,
  toFailure,
  UnavailableError,
  type LogAppender,
  type LogRecord,
  type PartitionLog,
  type ReplyMessage,
  type RequestMessage,
  type Runtime,
} from '@baton/core';
import { encodeReply, encodeRequest, type WireHeader } from '@baton/wire';
import { BackOff } from './back-off.js';
import { closedError, deadLetterOf, type Poison } from './poison.js';
import { topicsOf, type Topics } from './topics.js';

export interface OutboxOptions {
  readonly log: PartitionLog;
  readonly prefix: string;
  readonly runtime: Runtime;
  /** Member id. */
  readonly sender: string;
  readonly clusterId: string;
}

/** One append: big enough to amortise a round trip, small enough to be repeated cheaply. */
const BATCH_RECORDS_MAX = 1_000;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Waiting bytes from which `full` is true, and above which sending is refused. */
const FULL_BYTES = 32 * 1024 * 1024;
const REFUSE_BYTES = 64 * 1024 * 1024;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #topics: Topics;
  readonly #appender: LogAppender;
  readonly #backOff: BackOff;
  #queue: LogRecord[] = [];
  /** Records of the append in flight. */
  #inFlight = 0;
  /** Bytes queued and in flight. */
  #bytes = 0;
  #sending = false;
  #state: 'open' | 'closing' | 'abandoned' = 'open';
  #problem: unknown;
  #idleWaiters: (() => void)[] = [];
  #closed: Promise<void> | undefined;

  /** @throws UnavailableError when the log is not reachable. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const topics = topicsOf(options.prefix);
    return new Outbox(options, topics, await options.log.openAppender());
  }

  private constructor(options: OutboxOptions, topics: Topics, appender: LogAppender) {
    this.#options = options;
    this.#topics = topics;
    this.#appender = appender;
    this.#backOff = new BackOff(options.runtime);
  }

  /** Records not yet acknowledged. */
  get pending(): number {
    return this.#queue.length + this.#inFlight;
  }

  /** More than 32 MiB wait: whoever can should stop producing. Above 64 MiB sending throws. */
  get full(): boolean {
    return this.#bytes > FULL_BYTES;
  }

  /** Why nothing can be sent at present. */
  get problem(): string | undefined {
    if (this.#problem !== undefined) return toFailure(this.#problem).message;
    return this.full ? `${this.#bytes} bytes wait to be sent` : undefined;
  }

  /**
   * Queues a message for a worker's inbox.
   * @throws InputError `BATON_INPUT_TOO_LARGE`, `BATON_INPUT_INVALID`: nothing was queued, the message can never be sent.
   * @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` when closed or overfull.
   */
  sendRequest(partition: number, message: RequestMessage): void {
    const value = encodeRequest(message, this.#header());
    this.#enqueue({ topic: this.#topics.request, partition, value });
  }

  /** Queues a message for a conductor's inbox. Throws as `sendRequest`. */
  sendReply(partition: number, message: ReplyMessage): void {
    const value = encodeReply(message, this.#header());
    this.#enqueue({ topic: this.#topics.reply, partition, value });
  }

  /** Queues a dead letter; when there is no room for it, it is only logged. */
  sendDead(poison: Poison): void {
    const { runtime, sender } = this.#options;
    const { topic, partition, position, reason } = poison;
    runtime.logger.warn('outbox.dead-letter', { topic, partition, position, reason: reason.message });
    if (this.full || this.#state !== 'open') return;
    const value = deadLetterOf(poison, { member: sender, atMs: runtime.clock.wallMs() });
    this.#enqueue({ topic: this.#topics.dead, partition: 0, value });
  }

  /** Resolves when nothing is pending (any more), or the outbox was closed. */
  idle(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Takes nothing more, gives what is pending `deadlineMs` to be sent, then ends. Idempotent. */
  close(options: { readonly deadlineMs: number }): Promise<void> {
    this.#closed ??= this.#close(options.deadlineMs);
    return this.#closed;
  }

  async #close(deadlineMs: number): Promise<void> {
    const { clock, logger } = this.#options.runtime;
    this.#state = 'closing';
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(deadlineMs, resolve);
      void this.idle().then(() => {
        cancel();
        resolve();
      });
    });
    this.#state = 'abandoned';
    this.#backOff.cancel();
    if (this.pending > 0) logger.warn('outbox.abandoned', { records: this.pending });
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
    await this.#appender.close();
  }

  #header(): WireHeader {
    const { clusterId, sender, runtime } = this.#options;
    return { clusterId, sender, sentAtMs: runtime.clock.wallMs() };
  }

  #enqueue(record: LogRecord): void {
    if (this.#state !== 'open') throw closedError('outbox');
    if (this.#bytes + record.value.length > REFUSE_BYTES)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_DISCONNECTED',
        `outbox is full: ${this.pending} records with ${this.#bytes} bytes wait for the message log`,
      );
    this.#queue.push(record);
    this.#bytes += record.value.length;
    if (this.#sending) return;
    this.#sending = true;
    this.#options.runtime.clock.setImmediate(() => void this.#sendAll());
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0 && this.#state !== 'abandoned') {
      const batch = this.#takeBatch();
      await this.#deliver(batch);
    }
    this.#sending = false;
    if (this.pending > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #takeBatch(): readonly LogRecord[] {
    let bytes = 0;
    let count = 0;
    for (const { value } of this.#queue) {
      bytes += value.length;
      if (count > 0 && (bytes > BATCH_BYTES_MAX || count === BATCH_RECORDS_MAX)) break;
      count++;
    }
    const batch = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    this.#inFlight = batch.length;
    return batch;
  }

  /** Ends when the batch is acknowledged, or nobody waits for it any more. */
  async #deliver(batch: readonly LogRecord[]): Promise<void> {
    for (;;) {
      try {
        await this.#appender.append(batch);
        this.#backOff.reset();
        this.#problem = undefined;
        return this.#settled(batch);
      } catch (error) {
        if (this.#state === 'abandoned') return;
        if (familyOf(error) === 'input') return this.#deliverSingly(batch, error);
        this.#problem = error;
        // only the first of a row of failures is news
        const log = this.#backOff.failures === 0 ? 'warn' : 'debug';
        this.#options.runtime.logger[log]('outbox.append.failed', { records: batch.length, error });
        await this.#backOff.pause();
      }
    }
  }

  /** The log refuses some record of the batch for good: the others must not suffer. */
  async #deliverSingly(batch: readonly LogRecord[], error: unknown): Promise<void> {
    const [first] = batch;
    if (batch.length > 1) {
      for (const record of batch) await this.#deliver([record]);
    } else if (first) {
      const { topic, partition, value } = first;
      const { logger } = this.#options.runtime;
      logger.error('outbox.record.dropped', { topic, partition, sizeBytes: value.length, error });
      this.#settled(batch);
    }
  }

  #settled(batch: readonly LogRecord[]): void {
    this.#inFlight -= batch.length;
    for (const { value } of batch) this.#bytes -= value.length;
  }
}
