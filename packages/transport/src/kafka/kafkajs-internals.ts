/**
 * Purpose: the only place that touches files of kafkajs which are not public, with our own declarations of the little that
 *   is used. kafkajs offers reading only through consumer groups (no `assign`), and a group's rebalance stops even members
 *   that it does not concern for about a second; its own `Cluster` and `Broker` can fetch one partition from one offset.
 *   This is why kafkajs is pinned to exactly 2.2.4 (P-1223).
 * Not here: reconnecting, positions (kafka-reader).
 */
import { createRequire } from 'node:module';
import type { ISocketFactory, RetryOptions } from 'kafkajs';

/** One record as a Fetch answer has it. */
export interface FetchedRecord {
  readonly offset: string;
  readonly value: Buffer | null;
  /** Marker of a transaction, not data. */
  readonly isControlRecord: boolean;
}

export interface FetchedPartition {
  readonly highWatermark: string;
  readonly messages: readonly FetchedRecord[];
}

interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly currentLeaderEpoch: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

export interface KafkaBroker {
  /** Errors in the answer are thrown; a position out of range has the name `KafkaJSOffsetOutOfRange`. */
  fetch(request: FetchRequest): Promise<{
    readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[];
  }>;
}

export interface KafkaCluster {
  connect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  /** Partition numbers by id of the node that leads them; unknown partitions are left out. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, readonly number[]>;
  /** Connects when it is not connected. */
  findBroker(node: { readonly nodeId: string }): Promise<KafkaBroker>;
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      readonly fromBeginning: boolean;
    }[],
  ): Promise<
    readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]
  >;
}

interface ClusterOptions {
  readonly logger: object;
  readonly socketFactory: ISocketFactory;
  /** Must be a function: only then the list is asked again for each seed. */
  readonly brokers: () => readonly string[];
  readonly clientId: string;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly metadataMaxAge: number;
  readonly maxInFlightRequests: null;
  readonly allowAutoTopicCreation: boolean;
  readonly isolationLevel: number;
  readonly retry: RetryOptions;
}

interface RequestQueuePrototype {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

/** Answers are given up to the high watermark, whatever transactions of others are open. */
export const READ_UNCOMMITTED = 0;

const requireInternal = createRequire(import.meta.url);
const Cluster = requireInternal('kafkajs/src/cluster') as new (options: ClusterOptions) => KafkaCluster;
const { createLogger } = requireInternal('kafkajs/src/loggers') as {
  createLogger(options: { readonly level: number; readonly logCreator: () => () => void }): object;
};

export function newCluster(
  options: Pick<
    ClusterOptions,
    'socketFactory' | 'brokers' | 'clientId' | 'connectionTimeout' | 'requestTimeout' | 'retry'
  >,
): KafkaCluster {
  return new Cluster({
    ...options,
    // what goes wrong comes as an error to whoever reads, who logs it once
    logger: createLogger({ level: 0, logCreator: () => () => undefined }),
    enforceRequestTimeout: true,
    metadataMaxAge: 300_000,
    maxInFlightRequests: null,
    allowAutoTopicCreation: false,
    isolationLevel: READ_UNCOMMITTED,
  });
}

/**
 * kafkajs arms a timer of 1 ms per connection for ever (its issues 1556 and 1704; on Node 24 it also warns): 2.5 % of a core
 * for five idle producers. With this it is armed only when something is pending or throttled, which is all it is for. (P-1227)
 */
export function quietIdleTimers(): void {
  const { prototype } = requireInternal('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueuePrototype & { [QUIET]?: true };
  };
  if (prototype[QUIET]) return;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype[QUIET] = true;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueuePrototype) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

const QUIET = Symbol('quietIdleTimers');
