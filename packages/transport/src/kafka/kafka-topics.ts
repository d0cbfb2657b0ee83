/**
 * Purpose: creates topics and raises partition counts.
 * On failure: Kafka answers "unknown topic" or "not the leader" right after creating, and "exists already" or "has so many already"
 *   when somebody else was faster: each time it is looked again, until everything is there or 30 s have passed.
 */
import { UnavailableError, type TopicSpec } from '@baton/core';
import type { Admin, ITopicMetadata, PartitionMetadata } from 'kafkajs';
import { kafkaErrorType, mapError } from './map-error.js';

/** Somebody else was faster, or the brokers have not all heard of it: looking again tells. */
const PASSING = new Set([
  'TOPIC_ALREADY_EXISTS',
  'INVALID_PARTITIONS',
  'REASSIGNMENT_IN_PROGRESS',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'NOT_CONTROLLER',
  'REQUEST_TIMED_OUT',
]);
const WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 50;

/** Enough to lose one broker and still have two copies. */
const REPLICATION_MAX = 3;

export interface Replication {
  /** Replicas of each partition of a topic that is made. Undefined: 3, or as many as there are brokers. */
  readonly replication: number | undefined;
}

/**
 * Topics that exist keep the replicas they have.
 * @throws UnavailableError `BATON_UNAVAILABLE_REFUSED` (also when there are fewer brokers than replicas asked for),
 *   `BATON_UNAVAILABLE_DEADLINE`.
 */
export async function ensureKafkaTopics(
  admin: Admin,
  specs: readonly TopicSpec[],
  options: Replication,
): Promise<void> {
  const giveUpAt = performance.now() + WITHIN_MS;
  for (;;) {
    try {
      if (await step(admin, specs, options)) return;
    } catch (error) {
      if (!causesOf(error).every((cause) => PASSING.has(kafkaErrorType(cause))))
        throw mapError(error, 'cannot create topics', 'BATON_UNAVAILABLE_REFUSED');
    }
    if (performance.now() > giveUpAt)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_DEADLINE',
        `the topics ${specs.map(({ topic }) => topic).join(', ')} are not ready after ${WITHIN_MS} ms`,
      );
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** Partitions of a topic, 0 when it does not exist. */
export async function partitionCountOf(admin: Admin, topic: string): Promise<number> {
  return (await partitionsOf(admin, topic)).length;
}

/** Replicas of the partition of a topic that has the fewest, 0 when it does not exist. */
export async function replicaCountOf(admin: Admin, topic: string): Promise<number> {
  const counts = (await partitionsOf(admin, topic)).map(({ replicas }) => replicas.length);
  return counts.length === 0 ? 0 : Math.min(...counts);
}

async function partitionsOf(admin: Admin, topic: string): Promise<readonly PartitionMetadata[]> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions ?? [];
  } catch (error) {
    if (kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return [];
    throw error;
  }
}

/** Does what is missing; true when nothing was. */
async function step(
  admin: Admin,
  specs: readonly TopicSpec[],
  { replication }: Replication,
): Promise<boolean> {
  const names = new Set(await admin.listTopics());
  const missing = specs.filter(({ topic }) => !names.has(topic));
  if (missing.length > 0) {
    // kafkajs leaves it to default.replication.factor, which is 1 unless somebody has set it: one broker lost, some inboxes lost
    const replicationFactor =
      replication ?? Math.min(REPLICATION_MAX, (await admin.describeCluster()).brokers.length);
    await admin.createTopics({
      waitForLeaders: false,
      topics: missing.map(({ topic, partitions, retentionMs }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor,
        configEntries:
          retentionMs === undefined ? [] : [{ name: 'retention.ms', value: String(retentionMs) }],
      })),
    });
    return false;
  }
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ topic }) => topic) });
  const found = new Map(topics.map((topic) => [topic.name, topic]));
  const short = specs.filter(({ topic, partitions }) => countOf(found.get(topic)) < partitions);
  if (short.length > 0) {
    await admin.createPartitions({
      topicPartitions: short.map(({ topic, partitions }) => ({ topic, count: partitions })),
    });
    return false;
  }
  if (topics.some(({ partitions }) => partitions.some(({ leader }) => leader < 0))) return false;
  // a broker is named as leader a moment before it knows: only an answer shows that it serves every partition
  for (const { name } of topics) await admin.fetchTopicOffsets(name);
  return true;
}

function countOf(topic: ITopicMetadata | undefined): number {
  return topic?.partitions.length ?? 0;
}

/** `createTopics` gathers one error per topic. */
function causesOf(error: unknown): readonly unknown[] {
  const { errors } = error as { readonly errors?: readonly unknown[] };
  return errors ?? [error];
}
