/**
 * Purpose: PartitionLog on Apache Kafka (3.x, 4.x) by kafkajs.
 * What is authoritative: the brokers; nothing is cached beyond a connection.
 * On failure: every call rejects with an UnavailableError; appenders and readers reconnect by themselves at the next call.
 * Not here: consumer groups, committed offsets, transactions: none is used.
 */
import type { LogAppender, LogReader, PartitionLog, TopicSpec } from '@baton/core';
import kafkajs, { type Admin } from 'kafkajs';
import { KafkaAppender } from './kafka-appender.js';
import { connectionTimeoutMs, retryOf, type KafkaOptions } from './kafka-options.js';
import { KafkaReader } from './kafka-reader.js';
import { KafkaSockets } from './kafka-sockets.js';
import { ensureKafkaTopics, partitionCountOf, replicaCountOf } from './kafka-topics.js';
import { quietIdleTimers } from './kafkajs-internals.js';
import { mapError } from './map-error.js';

export class KafkaPartitionLog implements PartitionLog {
  readonly #options: KafkaOptions;
  readonly #open = new Set<LogAppender | LogReader>();

  constructor(options: KafkaOptions) {
    this.#options = options;
    quietIdleTimers();
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    const { replication } = this.#options;
    return this.#administer('ensure topics', (admin) => ensureKafkaTopics(admin, topics, { replication }));
  }

  partitions(topic: string): Promise<number> {
    return this.#administer(`describe ${topic}`, (admin) => partitionCountOf(admin, topic));
  }

  /** Replicas of the partition of the topic that has the fewest, 0 when it does not exist. */
  replicas(topic: string): Promise<number> {
    return this.#administer(`describe ${topic}`, (admin) => replicaCountOf(admin, topic));
  }

  async openAppender(): Promise<LogAppender> {
    const appender = new KafkaAppender(this.#options, (closed) => this.#open.delete(closed));
    this.#open.add(appender);
    try {
      await appender.connect();
    } catch (error) {
      await appender.close();
      throw error;
    }
    return appender;
  }

  /** Connects at the first read. */
  async openReader(topic: string): Promise<LogReader> {
    const reader = new KafkaReader(this.#options, topic, (closed) => this.#open.delete(closed));
    this.#open.add(reader);
    return reader;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((open) => open.close()));
  }

  /** With a connection of its own: administration is rare. */
  async #administer<T>(what: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    const { brokers, clientId, logger } = this.#options;
    const sockets = new KafkaSockets();
    const admin = new kafkajs.Kafka({
      clientId,
      brokers: () => [...brokers],
      socketFactory: sockets.factory,
      connectionTimeout: connectionTimeoutMs,
      retry: retryOf(brokers),
      logLevel: kafkajs.logLevel.NOTHING,
    }).admin();
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      logger.debug('kafka.admin.failed', { what, error });
      throw mapError(error, `cannot ${what}`, 'BATON_UNAVAILABLE_DISCONNECTED');
    } finally {
      await sockets.close();
    }
  }
}
