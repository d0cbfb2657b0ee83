/**
 * Purpose: reads one partition, the inbox of one member, from its end at opening time on (P-322, P-1223).
 * States: reading ⇄ failing (back-off 50 ms to 2 s) → closed.
 * What is authoritative: the log. `position` is exact: everything below it was handed over or given to `onPoison`, nothing
 *   at or above it was.
 * On failure: reads again from the same position, for ever. Position out of range (retention overtook a reader that was
 *   away too long, or the log was cut): goes on at the oldest, or the end, and logs an error, since messages were lost;
 *   their senders notice by themselves (probe, re-send).
 *   A handler that throws ends the reading (`ended`): it is a defect, and nobody can say which messages were taken.
 * Not here: committed positions (there are none), duplicates, what messages mean.
 */
import {
  codeOf,
  InputError,
  toFailure,
  type LogReader,
  type PartitionLog,
  type ReadRecord,
  type ReplyMessage,
  type RequestMessage,
  type Runtime,
} from '@baton/core';
import { decodeReply, decodeRequest, type WireHeader } from '@baton/wire';
import { BackOff } from './back-off.js';
import { closedError, type Poison } from './poison.js';
import { topicsOf } from './topics.js';

export interface Received<M> {
  readonly message: M;
  readonly position: number;
}

export interface InboxOptions<M> {
  readonly log: PartitionLog;
  readonly prefix: string;
  readonly partition: number;
  readonly runtime: Runtime;
  readonly clusterId: string;
  /** Ascending, never empty. Only enqueues: it neither waits nor throws (P-1221). */
  readonly onMessages: (messages: readonly Received<M>[]) => void;
  /** Usually `(poison) => outbox.sendDead(poison)`. */
  readonly onPoison: (poison: Poison) => void;
}

type Decode<M> = (bytes: Uint8Array) => { readonly header: WireHeader; readonly message: M };

/** How long a read waits when nothing is there; new records end the wait at once. */
const WAIT_MS = 500;

export class Inbox<M> {
  readonly #options: InboxOptions<M>;
  readonly #topic: string;
  readonly #decode: Decode<M>;
  readonly #reader: LogReader;
  readonly #backOff: BackOff;
  readonly #waiters = new Set<{ readonly position: number; resolve(): void; reject(error: Error): void }>();
  #position: number;
  #problem: unknown;
  #open = true;
  /**
   * Resolves when the inbox is closed. Rejects with what a handler threw: nothing is read any more, and the member that others know by
   * this inbox must go.
   */
  readonly ended: Promise<void>;

  /** Inbox of a worker. @throws UnavailableError when the log is not reachable. */
  static openRequests(options: InboxOptions<RequestMessage>): Promise<Inbox<RequestMessage>> {
    return Inbox.#openAt(options, topicsOf(options.prefix).request, decodeRequest);
  }

  /** Inbox of a conductor. @throws UnavailableError when the log is not reachable. */
  static openReplies(options: InboxOptions<ReplyMessage>): Promise<Inbox<ReplyMessage>> {
    return Inbox.#openAt(options, topicsOf(options.prefix).reply, decodeReply);
  }

  static async #openAt<M>(options: InboxOptions<M>, topic: string, decode: Decode<M>): Promise<Inbox<M>> {
    const reader = await options.log.openReader(topic);
    try {
      const { end } = await reader.bounds(options.partition);
      return new Inbox(options, topic, decode, reader, end);
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  private constructor(
    options: InboxOptions<M>,
    topic: string,
    decode: Decode<M>,
    reader: LogReader,
    position: number,
  ) {
    this.#options = options;
    this.#topic = topic;
    this.#decode = decode;
    this.#reader = reader;
    this.#position = position;
    this.#backOff = new BackOff(options.runtime);
    this.ended = this.#readOn();
  }

  /** Next to be consumed. While `onMessages` runs it is still that before the messages it was given. */
  get position(): number {
    return this.#position;
  }

  /** Why nothing can be read at present. */
  get problem(): string | undefined {
    return this.#problem === undefined ? undefined : toFailure(this.#problem).message;
  }

  /**
   * Resolves when `position` has been reached: all below was handed over.
   * @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` when the inbox is closed before.
   */
  reached(position: number): Promise<void> {
    if (this.#position >= position) return Promise.resolve();
    if (!this.#open) return Promise.reject(closedError('inbox'));
    return new Promise((resolve, reject) => this.#waiters.add({ position, resolve, reject }));
  }

  /** Where the next append would land, asked now. @throws UnavailableError when the log is not reachable. */
  async end(): Promise<number> {
    return (await this.#reader.bounds(this.#options.partition)).end;
  }

  /** Nothing is handed over afterwards. Idempotent. */
  async close(): Promise<void> {
    this.#open = false;
    this.#backOff.cancel();
    await this.#reader.close();
    await this.ended.catch(() => undefined); // told already
    for (const { reject } of this.#waiters) reject(closedError('inbox'));
    this.#waiters.clear();
  }

  async #readOn(): Promise<void> {
    while (this.#open) {
      const records = await this.#read();
      if (this.#open && records.length > 0) this.#handOver(records);
    }
  }

  /** Next records, empty when there are none, or not now. */
  async #read(): Promise<readonly ReadRecord[]> {
    const { partition, runtime } = this.#options;
    try {
      const { records } = await this.#reader.read({ partition, from: this.#position, waitMs: WAIT_MS });
      this.#backOff.reset();
      this.#problem = undefined;
      return records;
    } catch (error) {
      if (!this.#open) return [];
      this.#problem = error;
      if (codeOf(error) === 'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE') {
        await this.#skip(error);
        return [];
      }
      const log = this.#backOff.failures === 0 ? 'warn' : 'debug';
      runtime.logger[log]('inbox.read.failed', { topic: this.#topic, partition, error });
      await this.#backOff.pause();
      return [];
    }
  }

  /** Below the oldest: goes on there. Above the end (the log was cut): goes on at the end. (P-1229) */
  async #skip(error: unknown): Promise<void> {
    const { partition, runtime } = this.#options;
    try {
      const { start, end } = await this.#reader.bounds(partition);
      const from = this.#position;
      const to = from < start ? start : end;
      runtime.logger.error('inbox.position.lost', { topic: this.#topic, partition, from, to, error });
      this.#moveTo(to);
    } catch {
      await this.#backOff.pause();
    }
  }

  #handOver(records: readonly ReadRecord[]): void {
    const messages: Received<M>[] = [];
    for (const record of records) {
      const message = this.#decoded(record);
      if (message !== undefined) messages.push({ message, position: record.position });
    }
    if (messages.length > 0) this.#options.onMessages(messages);
    const last = records.at(-1);
    if (last) this.#moveTo(last.position + 1);
  }

  #decoded({ position, value }: ReadRecord): M | undefined {
    const { partition, clusterId, onPoison } = this.#options;
    try {
      const { header, message } = this.#decode(value);
      checkCluster(header, clusterId);
      return message;
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      onPoison({ topic: this.#topic, partition, position, value, reason });
      return undefined;
    }
  }

  #moveTo(position: number): void {
    this.#position = position;
    for (const waiter of this.#waiters) {
      if (waiter.position > position) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** @throws InputError `BATON_INPUT_UNSUPPORTED` for a message of another cluster on a topic of the same name. */
export function checkCluster({ clusterId, sender }: WireHeader, own: string): void {
  if (clusterId !== own)
    throw new InputError(
      'BATON_INPUT_UNSUPPORTED',
      `a message of ${sender} belongs to cluster ${clusterId}, this is ${own}`,
    );
}
