import { describe, expect, it } from '@jest/globals';
import type { LogAppender, LogReader, PartitionLog } from '@baton/core';
import { simulatedPartitionLogWorld } from '../simulated/simulated-worlds.js';
import { caseNamed, runCase } from './contract.js';
import { mutant } from './mutant.js';
import { partitionLogCases, partitionLogContract, type PartitionLogWorld } from './partition-log-contract.js';

partitionLogContract('SimulatedPartitionLog', simulatedPartitionLogWorld);

interface Mutation {
  readonly log?: (log: PartitionLog) => Partial<PartitionLog>;
  readonly appender?: (appender: LogAppender) => Partial<LogAppender>;
  readonly reader?: (reader: LogReader) => Partial<LogReader>;
}

async function worldWith(mutation: Mutation): Promise<PartitionLogWorld> {
  const world = await simulatedPartitionLogWorld();
  const mutate = (log: PartitionLog): PartitionLog =>
    mutant(log, {
      openAppender: async () => {
        const appender = await log.openAppender();
        return mutant(appender, mutation.appender?.(appender) ?? {});
      },
      openReader: async (topic) => {
        const reader = await log.openReader(topic);
        return mutant(reader, mutation.reader?.(reader) ?? {});
      },
      ...mutation.log?.(log),
    });
  return { ...world, primitive: mutate(world.primitive), peer: async () => mutate(await world.peer()) };
}

/** The mistake, the case that finds it, the mistake in code. */
const mutants: readonly (readonly [string, string, Mutation])[] = [
  [
    'ensuring never raises',
    'ensuring raises the number of partitions and keeps the records; the new ones can be used',
    {
      log: (log) => ({
        ensureTopics: async (topics) => {
          for (const spec of topics)
            if ((await log.partitions(spec.topic)) === 0) await log.ensureTopics([spec]);
        },
      }),
    },
  ],
  [
    'ensuring a topic again is an error',
    'ensuring again changes nothing, and never lowers',
    {
      log: (log) => ({
        ensureTopics: async (topics) => {
          for (const { topic } of topics)
            if ((await log.partitions(topic)) > 0) throw new Error(`${topic} exists`);
          await log.ensureTopics(topics);
        },
      }),
    },
  ],
  [
    'two who ensure at the same time disturb each other',
    'several clients may ensure at the same time',
    {
      log: (log) => {
        let busy = false;
        return {
          ensureTopics: async (topics) => {
            if (busy) throw new Error('somebody else is making topics');
            busy = true;
            await log.ensureTopics(topics);
            busy = false;
          },
        };
      },
    },
  ],
  [
    'records of one append are turned around',
    'records stand in the order of one append, from position 0 on without gaps',
    { appender: (appender) => ({ append: (records) => appender.append([...records].reverse()) }) },
  ],
  [
    'an append is acknowledged before it is carried out, and overtaken',
    'appends awaited one after the other stand in that order',
    {
      appender: (appender) => {
        let held: Parameters<LogAppender['append']>[0] | undefined;
        return {
          append: async (records) => {
            const before = held;
            held = before === undefined ? records : undefined;
            if (before === undefined) return;
            await appender.append(records);
            await appender.append(before);
          },
        };
      },
    },
  ],
  [
    'an append under way with others is lost',
    'appends under way at the same time all stand',
    {
      appender: (appender) => {
        let underWay = 0;
        return {
          append: async (records) => {
            if (++underWay < 50) await appender.append(records);
            underWay--;
          },
        };
      },
    },
  ],
  [
    'the key chooses the partition',
    'one append serves several partitions and topics; each record goes where it says, whatever its key',
    {
      appender: (appender) => ({
        append: (records) => appender.append(records.map((each) => ({ ...each, partition: 0 }))),
      }),
    },
  ],
  [
    'values pass through text',
    'values are exact for any bytes, also none',
    {
      appender: (appender) => ({
        append: (records) =>
          appender.append(
            records.map((each) => ({
              ...each,
              value: new TextEncoder().encode(new TextDecoder().decode(each.value)),
            })),
          ),
      }),
    },
  ],
  [
    'an append without the record that is too large',
    'a record above 1 MiB is refused before sending, and none of that append is sent',
    {
      appender: (appender) => ({
        append: async (records) => {
          await appender.append(records.filter(({ value }) => value.length <= 1_000_000));
          await appender.append(records);
        },
      }),
    },
  ],
  [
    'the bytes are read later',
    'bytes are taken when append is called',
    {
      appender: (appender) => ({
        append: async (records) => {
          await new Promise(setImmediate);
          await appender.append(records);
        },
      }),
    },
  ],
  [
    'a large append is cut',
    'an append may hold 3,000 records of together more than 4 MiB',
    { appender: (appender) => ({ append: (records) => appender.append(records.slice(0, 1_000)) }) },
  ],
  [
    'positions count from 1',
    'records stand in the order of one append, from position 0 on without gaps',
    {
      reader: (reader) => ({
        read: async (request) => {
          const { records, end } = await reader.read(request);
          return { records: records.map((each) => ({ ...each, position: each.position + 1 })), end };
        },
      }),
    },
  ],
  [
    'a read gives the whole batch around its position',
    'reading from the middle of one append gives nothing before',
    { reader: (reader) => ({ read: (request) => reader.read({ ...request, from: 0 }) }) },
  ],
  [
    'end is the last record',
    'end is where the next append lands; bounds tells the same',
    {
      reader: (reader) => ({
        bounds: async (partition) => {
          const { start, end } = await reader.bounds(partition);
          return { start, end: Math.max(start, end - 1) };
        },
      }),
    },
  ],
  [
    'a read does not wait',
    'a read at the end waits and answers as soon as something comes',
    { reader: (reader) => ({ read: (request) => reader.read({ ...request, waitMs: 0 }) }) },
  ],
  [
    'a read does not wait',
    'a read at the end gives up after its wait, not before',
    { reader: (reader) => ({ read: (request) => reader.read({ ...request, waitMs: 0 }) }) },
  ],
  [
    'out of range reads from the oldest',
    'a position above the end is out of range and tells the bounds',
    {
      reader: (reader) => ({
        read: (request) => reader.read(request).catch(() => reader.read({ ...request, from: 0 })),
      }),
    },
  ],
  [
    'maxBytes is ignored',
    'maxBytes bounds the answer, and reading on gives the rest',
    {
      reader: (reader) => ({
        // several times, as the simulated reader itself gives fewer now and then
        read: async (request) => {
          const { end } = await reader.bounds(request.partition);
          const records = [];
          while (request.from + records.length < end)
            records.push(
              ...(await reader.read({ ...request, from: request.from + records.length, maxBytes: 1e9 }))
                .records,
            );
          return { records, end };
        },
      }),
    },
  ],
  [
    'what does not fit is not given',
    'a record larger than maxBytes is given whole',
    {
      reader: (reader) => ({
        read: async (request) => {
          const { records, end } = await reader.read(request);
          return { records: records.filter(({ value }) => value.length <= (request.maxBytes ?? 1e9)), end };
        },
      }),
    },
  ],
  [
    'close waits for the read that waits',
    'closing a reader ends a read that waits, and can be repeated',
    {
      reader: (reader) => {
        let last: Promise<unknown> = Promise.resolve();
        return {
          read: (request) =>
            (last = reader
              .read({ ...request, waitMs: 100 })
              .then(() => Promise.reject(new Error('slow')))) as ReturnType<LogReader['read']>,
          close: async () => {
            await last;
            await reader.close();
          },
        };
      },
    },
  ],
];

describe('the contract of PartitionLog finds', () => {
  it.each(mutants)('%s (%s)', async (_mistake, name, mutation) => {
    const each = caseNamed(partitionLogCases, name);
    await expect(runCase(each, () => worldWith(mutation))).rejects.toThrow();
  });

  it('readers that share one connection, so that one waits for another', async () => {
    const open = async (): Promise<PartitionLogWorld> => {
      let shared: Promise<LogReader> | undefined;
      const world = await worldWith({
        log: (log) => ({ openReader: (topic) => (shared ??= shortWait(log, topic)) }),
      });
      return world;
    };
    const name = 'readers are independent of each other, also when one waits';
    await expect(runCase(caseNamed(partitionLogCases, name), open)).rejects.toThrow();
  });
});

/** Waits 100 ms at most, so that the test need not wait long for the mistake. */
async function shortWait(log: PartitionLog, topic: string): Promise<LogReader> {
  const reader = await log.openReader(topic);
  return mutant(reader, {
    read: (request) => reader.read({ ...request, waitMs: Math.min(100, request.waitMs) }),
  });
}
