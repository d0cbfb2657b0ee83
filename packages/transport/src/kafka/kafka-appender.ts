/**
 * Purpose: appends records to given partitions, acknowledged by all in-sync replicas.
 * States: no producer → connected → (any error) no producer …; closed.
 * What is authoritative: the broker's acknowledgement.
 * On failure: the producer is thrown away with its sockets; the next append makes a new one. A failed append may have
 *   stored any part of its records, some of them twice.
 * Not here: batching and repeating (outbox). Idempotent producing is not used: a new producer would be a new identity
 *   anyway, and receivers know duplicates by request id (P-1228).
 */
import { InputError, UnavailableError, type LogAppender, type LogRecord } from '@baton/core';
import kafkajs, { type Producer, type TopicMessages } from 'kafkajs';
import { KafkaSockets } from './kafka-sockets.js';
import { connectionTimeoutMs, retryOf, type KafkaOptions } from './kafka-options.js';
import { mapError } from './map-error.js';

interface Connection {
  readonly sockets: KafkaSockets;
  readonly ready: Promise<Producer>;
}

/** Brokers take 1,048,588 bytes a batch by default, and all records of one produce for one partition are one batch. */
const BATCH_BYTES_MAX = 1_040_000;
/** Of a record beside key and value, and the share of the batch header of a record alone; generous. */
const OVERHEAD_BYTES = 96;
const ACKNOWLEDGED_WITHIN_MS = 10_000;

export class KafkaAppender implements LogAppender {
  readonly #options: KafkaOptions;
  readonly #onClose: (appender: KafkaAppender) => void;
  #connection: Connection | undefined;
  #closed = false;

  constructor(options: KafkaOptions, onClose: (appender: KafkaAppender) => void) {
    this.#options = options;
    this.#onClose = onClose;
  }

  /** Connects now, so that the first append does not have to. */
  async connect(): Promise<void> {
    await this.#attempt('cannot connect to Kafka', 'BATON_UNAVAILABLE_DISCONNECTED', async () => undefined);
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const record of records) checkSize(record);
    // the bytes are taken now, the later batches are sent later
    const batches = [...batchesOf(records)].map(topicMessagesOf);
    for (const topicMessages of batches)
      await this.#attempt('cannot append', 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN', async (producer) => {
        await producer.sendBatch({ acks: -1, timeout: ACKNOWLEDGED_WITHIN_MS, topicMessages });
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClose(this);
    await this.#disconnect();
  }

  async #attempt(
    what: string,
    code: 'BATON_UNAVAILABLE_DISCONNECTED' | 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    work: (producer: Producer) => Promise<void>,
  ): Promise<void> {
    if (this.#closed)
      throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', `${what}: the appender is closed`);
    const connection = this.#connect();
    try {
      await work(await connection.ready);
    } catch (error) {
      await this.#disconnect(connection);
      throw mapError(error, what, code);
    }
  }

  #connect(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    const { brokers, clientId } = this.#options;
    const sockets = new KafkaSockets();
    const producer = new kafkajs.Kafka({
      clientId,
      brokers: () => [...brokers],
      socketFactory: sockets.factory,
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: ACKNOWLEDGED_WITHIN_MS,
      retry: retryOf(brokers),
      logLevel: kafkajs.logLevel.NOTHING,
    }).producer({
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    this.#connection = { sockets, ready: producer.connect().then(() => producer) };
    this.#connection.ready.catch(() => undefined);
    return this.#connection;
  }

  async #disconnect(connection = this.#connection): Promise<void> {
    if (this.#connection === connection) this.#connection = undefined;
    await connection?.sockets.close();
  }
}

function checkSize(record: LogRecord): void {
  const sizeBytes = sizeOf(record);
  if (sizeBytes > BATCH_BYTES_MAX)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `a record for ${record.topic}/${record.partition} has ${sizeBytes} bytes, at most ${BATCH_BYTES_MAX} fit`,
    );
}

function sizeOf({ key, value }: LogRecord): number {
  return value.length + Buffer.byteLength(key ?? '') + OVERHEAD_BYTES;
}

/** In order; no partition gets more in one batch than a broker takes. */
function* batchesOf(records: readonly LogRecord[]): Generator<readonly LogRecord[]> {
  let batch: LogRecord[] = [];
  let bytes = new Map<string, number>();
  for (const record of records) {
    const place = `${record.topic}/${record.partition}`;
    const sum = (bytes.get(place) ?? 0) + sizeOf(record);
    if (sum > BATCH_BYTES_MAX) {
      yield batch;
      batch = [];
      bytes = new Map();
    }
    batch.push(record);
    bytes.set(place, batch.length === 1 ? sizeOf(record) : sum);
  }
  if (batch.length > 0) yield batch;
}

function topicMessagesOf(records: readonly LogRecord[]): TopicMessages[] {
  const byTopic = new Map<string, TopicMessages>();
  for (const { topic, partition, key, value } of records) {
    const messages = byTopic.get(topic) ?? { topic, messages: [] };
    byTopic.set(topic, messages);
    messages.messages.push({
      partition,
      key: key ?? null,
      value: Buffer.from(value),
    });
  }
  return [...byTopic.values()];
}
