import type { LogReader, PartitionLog, ReadRecord } from '@baton/core';
import type { Scope, World } from '../contract.js';
import { range } from '../expectations.js';

export interface PartitionLogWorld extends World<PartitionLog> {
  /** Every topic a case makes starts with it; unique to this world. */
  readonly topicPrefix: string;
}

/** A topic of this case with so many partitions, empty. */
export async function makeTopic(
  { primitive, topicPrefix }: PartitionLogWorld,
  partitions = 1,
  name = 'a',
): Promise<string> {
  const topic = `${topicPrefix}.${name}`;
  await primitive.ensureTopics([{ topic, partitions }]);
  return topic;
}

export async function openReader(world: PartitionLogWorld, scope: Scope, topic: string): Promise<LogReader> {
  return scope.own(await world.primitive.openReader(topic));
}

/** Appends one record per value, in one append. */
export async function append(
  world: PartitionLogWorld,
  scope: Scope,
  target: { readonly topic: string; readonly partition?: number; readonly values: readonly Uint8Array[] },
): Promise<void> {
  const appender = scope.own(await world.primitive.openAppender());
  const { topic, partition = 0, values } = target;
  await appender.append(values.map((value) => ({ topic, partition, value })));
}

/** Everything from `from` to the end, however many reads it takes. */
export async function readAll(
  reader: LogReader,
  { partition = 0, from = 0, maxBytes }: { partition?: number; from?: number; maxBytes?: number } = {},
): Promise<readonly ReadRecord[]> {
  const all: ReadRecord[] = [];
  for (let next = from; ; next = from + all.length) {
    const request = { partition, from: next, waitMs: 0, ...(maxBytes === undefined ? {} : { maxBytes }) };
    const { records, end } = await reader.read(request);
    all.push(...records);
    if (from + all.length >= end) return all;
    if (records.length === 0) throw new Error(`nothing read at ${next} although the end is ${end}`);
  }
}

export function positionsOf(records: readonly ReadRecord[]): readonly number[] {
  return records.map(({ position }) => position);
}

/** The texts, each once, in the order of their first appearance: an append may stand twice. */
export function distinctTexts(records: readonly ReadRecord[]): readonly string[] {
  return [...new Set(records.map(({ value }) => new TextDecoder().decode(value)))];
}

/** `prefix-0`, `prefix-1`, … */
export function labels(prefix: string, count: number): readonly string[] {
  return range(count).map((n) => `${prefix}-${n}`);
}
