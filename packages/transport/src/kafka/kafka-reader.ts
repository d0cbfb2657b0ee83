/**
 * Purpose: reads single partitions of one topic from given offsets, without a consumer group (P-1222).
 * States: no cluster → connected → (any error but out-of-range) no cluster …; closed.
 * What is authoritative: the broker. No offset is kept or committed here; leaders are trusted until a request fails.
 * On failure: the cluster object is thrown away with its sockets and built anew at the next call (P-1223): about 10 ms, and
 *   nothing is left of half-dead connections. The error is the caller's to retry.
 * Not here: back-off (inbox), decoding.
 */
import { UnavailableError, type LogReader, type ReadResult } from '@baton/core';
import { KafkaSockets } from './kafka-sockets.js';
import {
  newCluster,
  READ_UNCOMMITTED,
  type FetchedPartition,
  type KafkaBroker,
  type KafkaCluster,
} from './kafkajs-internals.js';
import { mapError } from './map-error.js';
import { connectionTimeoutMs, retryOf, type KafkaOptions } from './kafka-options.js';

interface ReadRequest {
  readonly partition: number;
  readonly from: number;
  readonly waitMs: number;
  readonly maxBytes?: number;
}

interface Connection {
  readonly sockets: KafkaSockets;
  readonly ready: Promise<KafkaCluster>;
}

const MAX_BYTES = 1024 * 1024;
/** Beyond the wait that the broker was asked for: then it, or the way to it, is dead. */
const ANSWER_WITHIN_MS = 5_000;

export class KafkaReader implements LogReader {
  readonly #options: KafkaOptions;
  readonly #topic: string;
  readonly #onClose: (reader: KafkaReader) => void;
  #connection: Connection | undefined;
  #closed = false;
  /** Ends when the read before has ended: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KafkaOptions, topic: string, onClose: (reader: KafkaReader) => void) {
    this.#options = options;
    this.#topic = topic;
    this.#onClose = onClose;
  }

  read(request: ReadRequest): Promise<ReadResult> {
    const result = this.#turn.then(() => this.#attempt(request.partition, () => this.#readOn(request)));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Does not wait for a read: kafkajs keeps fetches on a socket of their own. */
  bounds(partition: number): Promise<{ readonly start: number; readonly end: number }> {
    return this.#attempt(partition, async () => {
      const [start, end] = await Promise.all([this.#offset(partition, true), this.#offset(partition, false)]);
      return { start, end };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClose(this);
    await this.#disconnect();
    await this.#turn;
  }

  async #attempt<T>(partition: number, work: () => Promise<T>): Promise<T> {
    const what = `${this.#topic}/${partition}`;
    if (this.#closed)
      throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', `the reader of ${what} is closed`);
    const connection = this.#connect();
    try {
      return await work();
    } catch (error) {
      if (isOutOfRange(error)) throw error;
      await this.#disconnect(connection);
      throw mapError(error, `cannot read ${what}`, 'BATON_UNAVAILABLE_DISCONNECTED');
    }
  }

  /** Until there is something at or after `from`, or the wait is over. */
  async #readOn({ partition, from, waitMs, maxBytes = MAX_BYTES }: ReadRequest): Promise<ReadResult> {
    for (let at = from; ;) {
      const { highWatermark, messages } = await this.#fetch({ partition, from: at, waitMs, maxBytes });
      const records = messages
        // a fetch answers from the start of a stored batch: drop what lies before
        .filter(({ offset, isControlRecord }) => !isControlRecord && Number(offset) >= from)
        .map(({ offset, value }) => ({ position: Number(offset), value: value ?? new Uint8Array() }));
      const last = messages.at(-1);
      if (records.length > 0 || last === undefined) return { records, end: Number(highWatermark) };
      at = Number(last.offset) + 1;
    }
  }

  async #fetch({ partition, from, waitMs, maxBytes }: Required<ReadRequest>): Promise<FetchedPartition> {
    const broker = await this.#leader(partition);
    const fetchOffset = String(from);
    try {
      const { responses } = await broker.fetch({
        maxWaitTime: waitMs,
        minBytes: 1,
        maxBytes,
        isolationLevel: READ_UNCOMMITTED,
        topics: [
          {
            topic: this.#topic,
            partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset, maxBytes }],
          },
        ],
      });
      const answer = responses[0]?.partitions[0];
      if (answer === undefined) throw new Error('the answer names no partition');
      return answer;
    } catch (error) {
      if ((error as Error).name !== 'KafkaJSOffsetOutOfRange') throw error;
      throw this.#outOfRange(partition, from, {
        start: await this.#offset(partition, true),
        end: await this.#offset(partition, false),
      });
    }
  }

  #outOfRange(
    partition: number,
    from: number,
    { start, end }: { readonly start: number; readonly end: number },
  ): UnavailableError {
    return new UnavailableError(
      'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE',
      `${this.#topic}/${partition} has positions ${start} to ${end}, asked was ${from}`,
      { details: { topic: this.#topic, partition, from, start, end } },
    );
  }

  async #offset(partition: number, fromBeginning: boolean): Promise<number> {
    await this.#leader(partition);
    const cluster = await this.#connect().ready;
    const [topic] = await cluster.fetchTopicsOffset([
      { topic: this.#topic, partitions: [{ partition }], fromBeginning },
    ]);
    return Number(topic?.partitions[0]?.offset);
  }

  async #leader(partition: number): Promise<KafkaBroker> {
    const cluster = await this.#connect().ready;
    let nodeId = leaderOf(cluster, this.#topic, partition);
    if (nodeId === undefined) {
      // partitions may have been added since
      await cluster.refreshMetadata();
      nodeId = leaderOf(cluster, this.#topic, partition);
    }
    if (nodeId === undefined)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_REFUSED',
        `topic ${this.#topic} has no partition ${partition}`,
      );
    return cluster.findBroker({ nodeId });
  }

  #connect(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    const { brokers, clientId } = this.#options;
    const sockets = new KafkaSockets();
    if (this.#closed) void sockets.close();
    const cluster = newCluster({
      socketFactory: sockets.factory,
      brokers: () => brokers,
      clientId,
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: ANSWER_WITHIN_MS,
      retry: retryOf(brokers),
    });
    const open = async (): Promise<KafkaCluster> => {
      await cluster.connect();
      await cluster.addTargetTopic(this.#topic);
      return cluster;
    };
    this.#connection = { sockets, ready: open() };
    // whoever uses it gets the error too
    this.#connection.ready.catch(() => undefined);
    return this.#connection;
  }

  async #disconnect(connection = this.#connection): Promise<void> {
    if (this.#connection === connection) this.#connection = undefined;
    await connection?.sockets.close();
  }
}

function leaderOf(cluster: KafkaCluster, topic: string, partition: number): string | undefined {
  return Object.keys(cluster.findLeaderForPartitions(topic, [partition]))[0];
}

function isOutOfRange(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE';
}
