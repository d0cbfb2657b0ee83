import { expect, it } from '@jest/globals';
import type { Admin, ITopicConfig } from 'kafkajs';
import { ensureKafkaTopics, replicaCountOf } from './kafka-topics.js';

/** A cluster of so many brokers, and the topics it was asked for. */
function clusterOf(brokerCount: number) {
  const created: ITopicConfig[] = [];
  const partitionsOf = ({ numPartitions = 0, replicationFactor = 1 }: ITopicConfig) =>
    Array.from({ length: numPartitions }, (_, partitionId) => ({
      ...{ partitionErrorCode: 0, partitionId, leader: 1, isr: [1], offlineReplicas: [] },
      replicas: Array.from({ length: replicationFactor }, (__, replica) => replica + 1),
    }));
  const admin: Partial<Admin> = {
    listTopics: async () => created.map(({ topic }) => topic),
    describeCluster: async () => ({
      ...{ clusterId: 'c', controller: 1 },
      brokers: Array.from({ length: brokerCount }, (_, nodeId) => ({ nodeId, host: 'h', port: 1 })),
    }),
    createTopics: async ({ topics }) => created.push(...topics) > 0,
    fetchTopicMetadata: async () => ({
      topics: created.map((topic) => ({ name: topic.topic, partitions: partitionsOf(topic) })),
    }),
    fetchTopicOffsets: async () => [],
  };
  return { admin: admin as Admin, created };
}

it.each([
  [1, undefined, 1],
  [2, undefined, 2],
  [3, undefined, 3],
  [9, undefined, 3],
  [9, 5, 5],
  [3, 1, 1],
])(
  'on %i brokers with a replication of %s, each partition is made with %i replicas',
  async (brokers, replication, replicas) => {
    const { admin, created } = clusterOf(brokers);
    await ensureKafkaTopics(admin, [{ topic: 't', partitions: 2 }], { replication });
    expect(created).toMatchObject([{ topic: 't', numPartitions: 2, replicationFactor: replicas }]);
    expect(await replicaCountOf(admin, 't')).toBe(replicas);
  },
);

it('a topic has as many replicas as its partition with the fewest, and none when it is not there', async () => {
  const { admin } = clusterOf(1);
  expect(await replicaCountOf(admin, 'nowhere')).toBe(0);
  const partition = { partitionErrorCode: 0, partitionId: 0, leader: 1, isr: [1], replicas: [1, 2, 3] };
  admin.fetchTopicMetadata = async () => ({
    topics: [{ name: 't', partitions: [partition, { ...partition, partitionId: 1, replicas: [1, 2] }] }],
  });
  expect(await replicaCountOf(admin, 't')).toBe(2);
});
