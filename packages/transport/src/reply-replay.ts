/**
 * Purpose: reads what stands in the inboxes of former owners, for an adoption (P-802): from a recorded position to the end
 *   that was there when the reading began, whoever wrote it.
 * States: open → closed; any number of reads wait for each other.
 * What is authoritative: the log; nothing is remembered.
 * On failure: repeats with back-off for 30 s, going on where it was, then throws. Positions that retention has taken are
 *   skipped with an error in the log. Records that cannot be decoded are skipped: whoever owned the inbox reported them.
 * Not here: waiting for more (that is the inbox), what replies mean.
 */
import {
  codeOf,
  familyOf,
  type LogReader,
  type PartitionLog,
  type ReadResult,
  type ReplyMessage,
  type Runtime,
} from '@baton/core';
import { decodeReply } from '@baton/wire';
import { BackOff } from './back-off.js';
import { checkCluster } from './inbox.js';
import { closedError } from './poison.js';
import { topicsOf } from './topics.js';

export interface ReplyReplayOptions {
  readonly log: PartitionLog;
  readonly prefix: string;
  readonly runtime: Runtime;
  readonly clusterId: string;
}

/** Brokers end connections that are idle for ten minutes; an adoption should find its own warm (P-1230). */
const PING_MS = 60_000;
const RETRY_FOR_MS = 30_000;

export class ReplyReplay {
  readonly #options: ReplyReplayOptions;
  readonly #topic: string;
  readonly #reader: LogReader;
  #cancelPing: () => void = () => undefined;
  #open = true;
  readonly #pauses = new Set<BackOff>();

  /** @throws UnavailableError when the log is not reachable. */
  static async open(options: ReplyReplayOptions): Promise<ReplyReplay> {
    const topic = topicsOf(options.prefix).reply;
    const reader = await options.log.openReader(topic);
    try {
      await warm(reader);
    } catch (error) {
      await reader.close();
      throw error;
    }
    return new ReplyReplay(options, topic, reader);
  }

  private constructor(options: ReplyReplayOptions, topic: string, reader: LogReader) {
    this.#options = options;
    this.#topic = topic;
    this.#reader = reader;
    this.#pingLater();
  }

  /**
   * Hands over every reply of `partition` from `from` (at or after it) to the end seen first; resolves with that end.
   * @throws UnavailableError when the log was not readable for 30 s, or this is closed.
   */
  async read(
    partition: number,
    from: number,
    each: (message: ReplyMessage, position: number) => void,
  ): Promise<number> {
    let position = from;
    let end: number | undefined;
    do {
      const asked = position;
      const result = await this.#patiently(() => this.#readOrSkip(partition, asked));
      end ??= result.end;
      for (const { position: at, value } of result.records) {
        if (at >= end) break;
        this.#decode(value, (message) => each(message, at));
      }
      const last = result.records.at(-1);
      position = last === undefined ? end : last.position + 1;
    } while (position < end);
    return end;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#open = false;
    this.#cancelPing();
    for (const pause of this.#pauses) pause.cancel();
    await this.#reader.close();
  }

  async #readOrSkip(partition: number, from: number): Promise<ReadResult> {
    try {
      return await this.#reader.read({ partition, from, waitMs: 0 });
    } catch (error) {
      if (codeOf(error) !== 'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE') throw error;
      const { start, end } = await this.#reader.bounds(partition);
      const to = from < start ? start : end;
      this.#options.runtime.logger.error('replay.position.lost', {
        topic: this.#topic,
        partition,
        from,
        to,
      });
      return to >= end ? { records: [], end } : this.#reader.read({ partition, from: to, waitMs: 0 });
    }
  }

  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { runtime } = this.#options;
    const giveUpMs = runtime.clock.monotonicMs() + RETRY_FOR_MS;
    const backOff = new BackOff(runtime);
    for (;;) {
      if (!this.#open) throw closedError('replay');
      try {
        return await attempt();
      } catch (error) {
        if (familyOf(error) !== 'unavailable' || runtime.clock.monotonicMs() >= giveUpMs) throw error;
        runtime.logger.warn('replay.read.failed', { topic: this.#topic, error });
        this.#pauses.add(backOff);
        await backOff.pause();
        this.#pauses.delete(backOff);
      }
    }
  }

  #decode(value: Uint8Array, give: (message: ReplyMessage) => void): void {
    let decoded: ReturnType<typeof decodeReply>;
    try {
      decoded = decodeReply(value);
      checkCluster(decoded.header, this.#options.clusterId);
    } catch (error) {
      this.#options.runtime.logger.debug('replay.record.skipped', { topic: this.#topic, error });
      return;
    }
    give(decoded.message);
  }

  #pingLater(): void {
    const { clock, logger } = this.#options.runtime;
    this.#cancelPing = clock.setTimer(PING_MS, () => {
      warm(this.#reader)
        .catch((error: unknown) => logger.debug('replay.ping.failed', { topic: this.#topic, error }))
        .finally(() => this.#open && this.#pingLater());
    });
  }
}

/** A real read, not only a question: substrates may use different connections for the two. */
async function warm(reader: LogReader): Promise<void> {
  const { end } = await reader.bounds(0);
  await reader.read({ partition: 0, from: end, waitMs: 0 });
}
