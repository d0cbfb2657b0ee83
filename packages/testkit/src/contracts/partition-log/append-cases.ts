import { expect } from '@jest/globals';
import type { LogAppender } from '@baton/core';
import { type Case, casesOf } from '../contract.js';
import { binary, bytes, expectRefusal, range, text } from '../expectations.js';
import {
  append,
  distinctTexts,
  labels,
  makeTopic,
  openReader,
  type PartitionLogWorld,
  positionsOf,
  readAll,
} from './partition-log-world.js';

const KIB = 1024;

async function appendOneByOne(appender: LogAppender, topic: string, texts: readonly string[]): Promise<void> {
  for (const each of texts) await appender.append([{ topic, partition: 0, value: bytes(each) }]);
}

export const appendCases: readonly Case<PartitionLogWorld>[] = casesOf<PartitionLogWorld>({
  'records stand in the order of one append, from position 0 on without gaps': async (world, scope) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: labels('x', 100).map(bytes) });
    const records = await readAll(await openReader(world, scope, topic));
    expect(positionsOf(records)).toEqual(range(records.length));
    expect(distinctTexts(records)).toEqual(labels('x', 100));
  },

  'appends awaited one after the other stand in that order': async (world, scope) => {
    const topic = await makeTopic(world);
    const appender = scope.own(await world.primitive.openAppender());
    await appendOneByOne(appender, topic, labels('x', 50));
    const records = await readAll(await openReader(world, scope, topic));
    expect(positionsOf(records)).toEqual(range(records.length));
    expect(distinctTexts(records)).toEqual(labels('x', 50));
  },

  'appends under way at the same time all stand': async (world, scope) => {
    const topic = await makeTopic(world);
    const appender = scope.own(await world.primitive.openAppender());
    const texts = labels('x', 100);
    await Promise.all(texts.map((each) => appender.append([{ topic, partition: 0, value: bytes(each) }])));
    const records = await readAll(await openReader(world, scope, topic));
    expect([...distinctTexts(records)].sort()).toEqual([...texts].sort());
  },

  'appenders interleave: each keeps its own order, none loses a record': async (world, scope) => {
    const topic = await makeTopic(world);
    const peer = await world.peer();
    const appenders = [
      scope.own(await world.primitive.openAppender()),
      scope.own(await world.primitive.openAppender()),
      scope.own(await peer.openAppender()),
    ];
    await Promise.all(appenders.map((each, index) => appendOneByOne(each, topic, labels(`a${index}`, 40))));
    const records = await readAll(await openReader(world, scope, topic));
    expect(positionsOf(records)).toEqual(range(records.length));
    const texts = distinctTexts(records);
    for (const index of range(3))
      expect(texts.filter((each) => each.startsWith(`a${index}-`))).toEqual(labels(`a${index}`, 40));
    expect(texts).toHaveLength(120);
  },

  'one append serves several partitions and topics; each record goes where it says, whatever its key': async (
    world,
    scope,
  ) => {
    const one = await makeTopic(world, 3, 'one');
    const two = await makeTopic(world, 1, 'two');
    const appender = scope.own(await world.primitive.openAppender());
    const targets = [
      { topic: one, partition: 2 },
      { topic: two, partition: 0 },
      { topic: one, partition: 0 },
      { topic: one, partition: 2 },
    ];
    await appender.append(
      targets.map((target, index) => ({ ...target, value: bytes(String(index)), key: 'same' })),
    );
    const readerOne = await openReader(world, scope, one);
    const readerTwo = await openReader(world, scope, two);
    expect(distinctTexts(await readAll(readerOne, { partition: 0 }))).toEqual(['2']);
    expect(distinctTexts(await readAll(readerOne, { partition: 1 }))).toEqual([]);
    expect(distinctTexts(await readAll(readerOne, { partition: 2 }))).toEqual(['0', '3']);
    expect(distinctTexts(await readAll(readerTwo))).toEqual(['1']);
  },

  'values are exact for any bytes, also none': async (world, scope) => {
    const topic = await makeTopic(world);
    const values = [new Uint8Array(), binary(256), Uint8Array.of(0), binary(100 * KIB, 3)];
    for (const value of values) await append(world, scope, { topic, values: [value] });
    const records = await readAll(await openReader(world, scope, topic));
    const distinct = records.filter(
      ({ value }, index) => index === 0 || Buffer.compare(value, records[index - 1]?.value ?? value) !== 0,
    );
    expect(distinct.map(({ value }) => value.length)).toEqual(values.map(({ length }) => length));
    for (const [index, { value }] of distinct.entries())
      expect(Buffer.compare(value, values[index] as Uint8Array)).toBe(0);
  },

  'bytes are taken when append is called': async (world, scope) => {
    const topic = await makeTopic(world);
    const appender = scope.own(await world.primitive.openAppender());
    const value = bytes('before');
    const appending = appender.append([{ topic, partition: 0, value }]);
    value.fill(0);
    await appending;
    expect(distinctTexts(await readAll(await openReader(world, scope, topic)))).toEqual(['before']);
  },

  'a record above 1 MiB is refused before sending, and none of that append is sent': async (world, scope) => {
    const topic = await makeTopic(world);
    const appender = scope.own(await world.primitive.openAppender());
    const small = { topic, partition: 0, value: bytes('small') };
    const large = { topic, partition: 0, value: new Uint8Array(KIB * KIB + 1) };
    await expectRefusal(appender.append([small, large]), 'BATON_INPUT_TOO_LARGE');
    const reader = await openReader(world, scope, topic);
    expect(await reader.bounds(0)).toEqual({ start: 0, end: 0 });
    await appender.append([small]);
    expect(distinctTexts(await readAll(reader))).toEqual(['small']);
  },

  'a record of 900 KiB is appended, and several of them at once': async (world, scope) => {
    const topic = await makeTopic(world);
    const values = range(4).map((n) => binary(900 * KIB, n));
    await append(world, scope, { topic, values });
    const records = await readAll(await openReader(world, scope, topic));
    for (const value of values)
      expect(records.some((record) => Buffer.compare(record.value, value) === 0)).toBe(true);
  },

  'an append may hold 3,000 records of together more than 4 MiB': async (world, scope) => {
    const topic = await makeTopic(world, 2);
    const appender = scope.own(await world.primitive.openAppender());
    const label = (n: number) => `${n}`.padEnd(1_500, '.');
    await appender.append(range(3_000).map((n) => ({ topic, partition: n % 2, value: bytes(label(n)) })));
    const reader = await openReader(world, scope, topic);
    for (const partition of [0, 1]) {
      const texts = distinctTexts(await readAll(reader, { partition }));
      expect(texts).toEqual(range(1_500).map((n) => label(2 * n + partition)));
    }
  },

  'appending nothing is done at once': async (world, scope) => {
    const appender = scope.own(await world.primitive.openAppender());
    await appender.append([]);
  },

  'closing an appender twice is closing it once': async (world, scope) => {
    const topic = await makeTopic(world);
    const appender = await world.primitive.openAppender();
    await appender.append([{ topic, partition: 0, value: bytes('x') }]);
    await appender.close();
    await appender.close();
    const records = await readAll(await openReader(world, scope, topic));
    expect(records.map(({ value }) => text(value))).toContain('x');
  },
});
