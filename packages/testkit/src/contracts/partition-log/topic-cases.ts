import { expect } from '@jest/globals';
import { type Case, casesOf } from '../contract.js';
import { bytes, range } from '../expectations.js';
import {
  append,
  distinctTexts,
  makeTopic,
  openReader,
  type PartitionLogWorld,
  readAll,
} from './partition-log-world.js';

export const topicCases: readonly Case<PartitionLogWorld>[] = casesOf<PartitionLogWorld>({
  'a topic has as many partitions as asked, none before it is made': async (world) => {
    const topic = `${world.topicPrefix}.a`;
    expect(await world.primitive.partitions(topic)).toBe(0);
    await world.primitive.ensureTopics([
      { topic, partitions: 3 },
      { topic: `${world.topicPrefix}.b`, partitions: 1, retentionMs: 3_600_000 },
    ]);
    expect(await world.primitive.partitions(topic)).toBe(3);
    expect(await world.primitive.partitions(`${world.topicPrefix}.b`)).toBe(1);
    expect(await world.primitive.partitions(`${world.topicPrefix}.c`)).toBe(0);
  },

  'ensuring again changes nothing, and never lowers': async (world, scope) => {
    const topic = await makeTopic(world, 3);
    await append(world, scope, { topic, partition: 2, values: [bytes('x')] });
    await world.primitive.ensureTopics([{ topic, partitions: 3 }]);
    await world.primitive.ensureTopics([{ topic, partitions: 1 }]);
    expect(await world.primitive.partitions(topic)).toBe(3);
    expect(distinctTexts(await readAll(await openReader(world, scope, topic), { partition: 2 }))).toEqual([
      'x',
    ]);
  },

  'ensuring raises the number of partitions and keeps the records; the new ones can be used': async (
    world,
    scope,
  ) => {
    const topic = await makeTopic(world, 1);
    await append(world, scope, { topic, values: [bytes('x')] });
    await world.primitive.ensureTopics([{ topic, partitions: 4 }]);
    expect(await world.primitive.partitions(topic)).toBe(4);
    await append(world, scope, { topic, partition: 3, values: [bytes('y')] });
    const reader = await openReader(world, scope, topic);
    expect(distinctTexts(await readAll(reader))).toEqual(['x']);
    expect(distinctTexts(await readAll(reader, { partition: 3 }))).toEqual(['y']);
  },

  'several clients may ensure at the same time': async (world) => {
    const peer = await world.peer();
    const topics = range(3).map((n) => ({ topic: `${world.topicPrefix}.t${n}`, partitions: 2 }));
    const clients = [world.primitive, peer, world.primitive, peer];
    await Promise.all(clients.map((client) => client.ensureTopics(topics)));
    for (const { topic } of topics) expect(await peer.partitions(topic)).toBe(2);
  },
});
