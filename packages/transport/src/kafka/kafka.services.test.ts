import { describe, expect, it } from '@jest/globals';
import { codeOf } from '@baton/core';
import { eventually, leakCheck, realRuntime } from '@baton/testkit';
import { partitionLogContract, transportSuite, type PartitionLogWorld } from '@baton/testkit/suites';
import kafkajs from 'kafkajs';
import { realServices } from '../../../../test/support/services/endpoints.js';
import { KafkaPartitionLog } from './index.js';

const brokers = () => realServices().kafka.split(',');

async function kafkaWorld(): Promise<PartitionLogWorld> {
  const { logger, random } = realRuntime();
  const opened: KafkaPartitionLog[] = [];
  const connect = () => {
    const log = new KafkaPartitionLog({ brokers: brokers(), clientId: 'baton-test', logger });
    opened.push(log);
    return log;
  };
  return {
    primitive: connect(),
    topicPrefix: `test-${random.nonce().slice(0, 12)}.`,
    peer: async () => connect(),
    dispose: async () => void (await Promise.all(opened.map((log) => log.close()))),
  };
}

partitionLogContract('Kafka', kafkaWorld);
transportSuite('Kafka', kafkaWorld);

/** A topic of one partition, and kafkajs itself to do what Baton never does. */
async function withTopic(
  work: (place: {
    log: PartitionLogWorld['primitive'];
    topic: string;
    kafka: kafkajs.Kafka;
  }) => Promise<void>,
): Promise<void> {
  const world = await kafkaWorld();
  const topic = `${world.topicPrefix}one`;
  try {
    await world.primitive.ensureTopics([{ topic, partitions: 1 }]);
    const kafka = new kafkajs.Kafka({ brokers: brokers(), logLevel: kafkajs.logLevel.NOTHING });
    await work({ log: world.primitive, topic, kafka });
  } finally {
    await world.dispose();
  }
}

describe('KafkaPartitionLog', () => {
  it('skips the markers of transactions, and waits behind them', async () => {
    await withTopic(async ({ log, topic, kafka }) => {
      const producer = kafka.producer({
        transactionalId: topic,
        maxInFlightRequests: 1,
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      });
      await producer.connect();
      for (const value of ['a', 'b']) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value, partition: 0 }] });
        await transaction.commit();
      }
      await producer.disconnect();
      const reader = await log.openReader(topic);
      const first = await reader.read({ partition: 0, from: 0, waitMs: 500 });
      expect(first.records.map(({ position }) => position)).toEqual([0, 2]);
      expect(first.end).toBe(4);
      // position 3 is a marker: the read waits for what comes after it
      const waiting = reader.read({ partition: 0, from: 3, waitMs: 5_000 });
      const appender = await log.openAppender();
      await appender.append([{ topic, partition: 0, value: Buffer.from('c') }]);
      expect((await waiting).records).toEqual([{ position: 4, value: Buffer.from('c') }]);
    });
  });

  it('names the range when a position was deleted', async () => {
    await withTopic(async ({ log, topic, kafka }) => {
      const appender = await log.openAppender();
      await appender.append(
        Array.from({ length: 10 }, () => ({ topic, partition: 0, value: Buffer.from('x') })),
      );
      const admin = kafka.admin();
      await admin.connect();
      await admin.fetchTopicOffsets(topic); // deleteTopicRecords needs the metadata, but does not ask for it
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] });
      await admin.disconnect();
      const reader = await log.openReader(topic);
      for (const from of [3, 11]) {
        const error = await reader.read({ partition: 0, from, waitMs: 0 }).catch((thrown: unknown) => thrown);
        expect(codeOf(error)).toBe('BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE');
        expect(error).toMatchObject({ details: { start: 7, end: 10 } });
      }
      expect((await reader.read({ partition: 0, from: 7, waitMs: 0 })).records).toHaveLength(3);
    });
  });

  it('reads a partition that was added after the reader was opened', async () => {
    await withTopic(async ({ log, topic }) => {
      const reader = await log.openReader(topic);
      await reader.read({ partition: 0, from: 0, waitMs: 0 });
      expect(codeOf(await reader.bounds(1).catch((error: unknown) => error))).toBe(
        'BATON_UNAVAILABLE_REFUSED',
      );
      await log.ensureTopics([{ topic, partitions: 2 }]);
      await eventually(async () => (await reader.bounds(1)).end === 0);
      const appender = await log.openAppender();
      await appender.append([{ topic, partition: 1, value: Buffer.from('x') }]);
      expect((await reader.read({ partition: 1, from: 0, waitMs: 2_000 })).records).toHaveLength(1);
    });
  });

  it('appends more at once than fits into one batch of the broker, in order', async () => {
    await withTopic(async ({ log, topic }) => {
      const appender = await log.openAppender();
      const records = Array.from({ length: 12 }, (_, n) => ({
        topic,
        partition: 0,
        value: Buffer.alloc(300_000, n),
      }));
      await appender.append(records);
      const reader = await log.openReader(topic);
      const firsts: (number | undefined)[] = [];
      while (firsts.length < 12) {
        const result = await reader.read({ partition: 0, from: firsts.length, waitMs: 1_000 });
        firsts.push(...result.records.map(({ value }) => value[0]));
      }
      expect(firsts).toEqual(records.map((_, n) => n));
    });
  });

  it('keeps no timer of a millisecond per connection, and leaves nothing behind', async () => {
    const leaks = leakCheck();
    await withTopic(async ({ log, topic }) => {
      const before = count('Timeout');
      const appender = await log.openAppender();
      await appender.append([{ topic, partition: 0, value: Buffer.from('x') }]);
      const reader = await log.openReader(topic);
      await reader.read({ partition: 0, from: 0, waitMs: 0 });
      // kafkajs's own guard of request timeouts is one timer per connection; its busy timer would be a second one
      await eventually(() => count('Timeout') - before <= count('TCPSocketWrap'));
    });
    await leaks.verify();
  });
});

const count = (kind: string) => process.getActiveResourcesInfo().filter((each) => each === kind).length;
