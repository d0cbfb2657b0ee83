import { expect } from '@jest/globals';
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

export const readCases: readonly Case<PartitionLogWorld>[] = casesOf<PartitionLogWorld>({
  'a new partition is empty and ends at 0': async (world, scope) => {
    const topic = await makeTopic(world, 2);
    const reader = await openReader(world, scope, topic);
    expect(await reader.bounds(1)).toEqual({ start: 0, end: 0 });
    expect(await reader.read({ partition: 1, from: 0, waitMs: 0 })).toEqual({ records: [], end: 0 });
  },

  'reading from the middle of one append gives nothing before': async (world, scope) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: labels('x', 20).map(bytes) });
    const reader = await openReader(world, scope, topic);
    for (const from of [0, 7, 19]) {
      const records = await readAll(reader, { from });
      expect(records[0]?.position).toBe(from);
      expect(text(records[0]?.value ?? new Uint8Array())).toBe(`x-${from}`);
    }
  },

  'end is where the next append lands; bounds tells the same': async (world, scope) => {
    const topic = await makeTopic(world);
    const reader = await openReader(world, scope, topic);
    for (const label of labels('x', 5)) {
      const { end } = await reader.bounds(0);
      expect((await reader.read({ partition: 0, from: end, waitMs: 0 })).end).toBe(end);
      await append(world, scope, { topic, values: [bytes(label)] });
      const [record] = await readAll(reader, { from: end });
      expect(record && [record.position, text(record.value)]).toEqual([end, label]);
    }
    expect((await reader.bounds(0)).start).toBe(0);
  },

  'a record is read as soon as its append is acknowledged, and again as often as asked': async (
    world,
    scope,
  ) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: [bytes('x')] });
    const peer = await world.peer();
    const reader = scope.own(await peer.openReader(topic));
    for (let again = 0; again < 3; again++) expect(distinctTexts(await readAll(reader))).toEqual(['x']);
  },

  'a read at the end waits and answers as soon as something comes': async (world, scope) => {
    const topic = await makeTopic(world, 2);
    const reader = await openReader(world, scope, topic);
    const appender = scope.own(await world.primitive.openAppender());
    const startedMs = performance.now();
    const reading = reader.read({ partition: 0, from: 0, waitMs: 20_000 });
    // round trips meanwhile, so that the read stands at the service
    for (let trip = 0; trip < 3; trip++) await appender.append([{ topic, partition: 1, value: bytes('y') }]);
    await appender.append([{ topic, partition: 0, value: bytes('x') }]);
    const { records, end } = await reading;
    expect(records.map(({ value }) => text(value))[0]).toBe('x');
    expect(end).toBeGreaterThan(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  },

  'a read at the end gives up after its wait, not before': async (world, scope) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: [bytes('x')] });
    const reader = await openReader(world, scope, topic);
    const { end } = await reader.bounds(0);
    const startedMs = performance.now();
    expect(await reader.read({ partition: 0, from: end, waitMs: 150 })).toEqual({ records: [], end });
    const tookMs = performance.now() - startedMs;
    expect(tookMs).toBeGreaterThan(75);
    expect(tookMs).toBeLessThan(5_000);
  },

  'a read that has something does not wait': async (world, scope) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: [bytes('x')] });
    const reader = await openReader(world, scope, topic);
    const startedMs = performance.now();
    const { records } = await reader.read({ partition: 0, from: 0, waitMs: 20_000 });
    expect(records[0] && text(records[0].value)).toBe('x');
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  },

  'a position above the end is out of range and tells the bounds': async (world, scope) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: labels('x', 3).map(bytes) });
    const reader = await openReader(world, scope, topic);
    const { end } = await reader.bounds(0);
    const reading = reader.read({ partition: 0, from: end + 5, waitMs: 20_000 });
    const details = await expectRefusal(reading, 'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE');
    expect(details).toMatchObject({ start: 0, end });
    expect(distinctTexts(await readAll(reader))).toEqual(labels('x', 3));
  },

  'maxBytes bounds the answer, and reading on gives the rest': async (world, scope) => {
    const topic = await makeTopic(world);
    // appended one by one: a service may keep together what came together
    for (const n of range(12)) await append(world, scope, { topic, values: [binary(10_000, n)] });
    const reader = await openReader(world, scope, topic);
    const { records } = await reader.read({ partition: 0, from: 0, waitMs: 0, maxBytes: 35_000 });
    expect(records.length).toBeGreaterThan(0);
    expect(records.length).toBeLessThanOrEqual(3);
    const all = await readAll(reader, { maxBytes: 35_000 });
    expect(positionsOf(all)).toEqual(range(all.length));
    expect(all.length).toBeGreaterThanOrEqual(12);
  },

  'a record larger than maxBytes is given whole': async (world, scope) => {
    const topic = await makeTopic(world);
    for (const n of range(2)) await append(world, scope, { topic, values: [binary(300_000, n)] });
    const reader = await openReader(world, scope, topic);
    const { records } = await reader.read({ partition: 0, from: 0, waitMs: 0, maxBytes: 1_000 });
    expect(records[0]?.value.length).toBe(300_000);
    expect(Buffer.compare(records[0]?.value ?? new Uint8Array(), binary(300_000, 0))).toBe(0);
    expect(await readAll(reader, { maxBytes: 1_000 })).toHaveLength((await reader.bounds(0)).end);
  },

  'readers are independent of each other, also when one waits': async (world, scope) => {
    const topic = await makeTopic(world, 2);
    await append(world, scope, { topic, values: labels('x', 4).map(bytes) });
    const waiting = await openReader(world, scope, topic);
    const reader = await openReader(world, scope, topic);
    const pending = waiting.read({ partition: 1, from: 0, waitMs: 20_000 });
    const startedMs = performance.now();
    expect(distinctTexts(await readAll(reader, { from: 2 }))).toEqual(['x-2', 'x-3']);
    expect(distinctTexts(await readAll(reader))).toEqual(labels('x', 4));
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await append(world, scope, { topic, partition: 1, values: [bytes('y')] });
    expect((await pending).records.map(({ value }) => text(value))[0]).toBe('y');
  },

  'a second read of one reader waits for the first': async (world, scope) => {
    const topic = await makeTopic(world);
    await append(world, scope, { topic, values: labels('x', 6).map(bytes) });
    const reader = await openReader(world, scope, topic);
    const reads = range(6).map((from) => reader.read({ partition: 0, from, waitMs: 0 }));
    const answers = await Promise.all([...reads, reader.bounds(0)]);
    for (const from of range(6)) {
      const answer = answers[from];
      expect(answer && 'records' in answer && answer.records[0]?.position).toBe(from);
    }
  },

  'closing a reader ends a read that waits, and can be repeated': async (world) => {
    const topic = await makeTopic(world);
    const reader = await world.primitive.openReader(topic);
    await reader.bounds(0);
    const startedMs = performance.now();
    const reading = reader.read({ partition: 0, from: 0, waitMs: 20_000 }).then(
      ({ records }) => records.length,
      (error: { code?: string }) => error.code,
    );
    await reader.close();
    expect([0, 'BATON_UNAVAILABLE_DISCONNECTED']).toContain(await reading);
    await reader.close();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  },
});
