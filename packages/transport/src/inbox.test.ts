import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import {
  UnavailableError,
  type LogReader,
  type PartitionLog,
  type ReadRecord,
  type ReadResult,
  type ReplyMessage,
} from '@baton/core';
import { encodeReply } from '@baton/wire';
import { Inbox, type Received } from './inbox.js';
import type { Poison } from './poison.js';

interface Read {
  readonly from: number;
  answer(records: readonly ReadRecord[]): void;
  fail(error: Error): void;
}

/** A reader whose every answer the test gives. */
class SlowReader implements LogReader {
  start = 0;
  end = 10;
  reads: Read[] = [];
  boundsFail = false;

  read({ from }: { readonly from: number }): Promise<ReadResult> {
    return new Promise((resolve, reject) =>
      this.reads.push({ from, answer: (records) => resolve({ records, end: this.end }), fail: reject }),
    );
  }

  async bounds() {
    if (this.boundsFail) throw away;
    return { start: this.start, end: this.end };
  }

  async close() {
    this.reads.at(-1)?.fail(away);
  }
}

const away = new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away');
const outOfRange = new UnavailableError('BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE', 'gone');
const accepted = (n: number): ReplyMessage => ({
  kind: 'accepted',
  worker: 'w',
  workerEpoch: 'e',
  requestId: `r${n}`,
  delivery: 1,
});
const record = (position: number, clusterId = 'k'): ReadRecord => ({
  position,
  value: encodeReply(accepted(position), { clusterId, sender: 'm', sentAtMs: 0 }),
});

async function world(options: { readonly throwing?: Error } = {}) {
  const runtime = fakeRuntime();
  const reader = new SlowReader();
  const log = { openReader: async () => reader } as Partial<PartitionLog>;
  const received: Received<ReplyMessage>[] = [];
  const poison: Poison[] = [];
  const positionsSeen: number[] = [];
  const inbox: Inbox<ReplyMessage> = await Inbox.openReplies({
    log: log as PartitionLog,
    prefix: 'p',
    partition: 3,
    runtime,
    clusterId: 'k',
    onMessages: (messages) => {
      if (options.throwing !== undefined) throw options.throwing;
      received.push(...messages);
      positionsSeen.push(inbox.position);
    },
    onPoison: (each) => void poison.push(each),
  });
  await runtime.clock.settle();
  const last = () => reader.reads.at(-1) as Read;
  return { runtime, clock: runtime.clock, reader, last, inbox, received, poison, positionsSeen };
}

describe('Inbox', () => {
  it('reads on from the end it opened at, record by record', async () => {
    const { clock, reader, last, inbox, received, positionsSeen } = await world();
    expect(inbox.position).toBe(10);
    last().answer([record(10), record(11)]);
    await clock.settle();
    expect(received).toEqual([10, 11].map((position) => ({ position, message: accepted(position) })));
    expect(inbox.position).toBe(12);
    // whoever records a position while it handles messages names one that has them still before it
    expect(positionsSeen).toEqual([10]);
    last().answer([]);
    await clock.settle();
    expect(reader.reads.map(({ from }) => from)).toEqual([10, 12, 12]);
    await inbox.close();
  });

  it('tells when a position is reached, also by records that were poison', async () => {
    const { clock, last, inbox, received, poison } = await world();
    const reached: number[] = [];
    for (const position of [10, 11, 13]) void inbox.reached(position).then(() => reached.push(position));
    await clock.settle();
    expect(reached).toEqual([10]);
    last().answer([
      { position: 10, value: Uint8Array.from([1, 2]) },
      record(11, 'other-cluster'),
      record(12),
    ]);
    await clock.settle();
    expect(reached).toEqual([10, 11, 13]);
    expect(received.map(({ position }) => position)).toEqual([12]);
    expect(
      poison.map(({ topic, partition, position, reason }) => [topic, partition, position, reason.name]),
    ).toEqual([10, 11].map((position) => ['p.task.reply', 3, position, 'InputError']));
    await inbox.close();
  });

  it('reads again after errors, from the same position, with pauses up to 2 s', async () => {
    const { runtime, clock, reader, last, inbox } = await world();
    const pauses: number[] = [];
    for (let failures = 0; failures < 20; failures++) {
      const failedMs = clock.monotonicMs();
      const before = reader.reads.length;
      last().fail(away);
      await clock.advanceUntil(() => reader.reads.length > before);
      pauses.push(clock.monotonicMs() - failedMs);
    }
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_000);
    expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(1_000);
    expect(new Set(reader.reads.map(({ from }) => from))).toEqual(new Set([10]));
    expect(runtime.logger.messages('warn')).toHaveLength(1);
    last().answer([record(10)]);
    await clock.settle();
    last().fail(away);
    const [failedMs, before] = [clock.monotonicMs(), reader.reads.length];
    await clock.advanceUntil(() => reader.reads.length > before);
    expect(clock.monotonicMs() - failedMs).toBeLessThanOrEqual(50);
    await inbox.close();
  });

  it.each([
    { what: 'goes on at the oldest when retention was faster', start: 40, end: 50, next: 40 },
    { what: 'goes on at the end when the log was cut', start: 0, end: 4, next: 4 },
  ])('$what, and says so as an error', async ({ start, end, next }) => {
    const { runtime, clock, reader, last, inbox } = await world();
    Object.assign(reader, { start, end, boundsFail: true });
    last().fail(outOfRange);
    await clock.settle();
    expect(inbox.position).toBe(10);
    reader.boundsFail = false;
    await clock.advance(50);
    last().fail(outOfRange);
    await clock.settle();
    expect(last().from).toBe(next);
    expect(inbox.position).toBe(next);
    expect(runtime.logger.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'inbox.position.lost',
        fields: expect.objectContaining({ from: 10, to: next }),
      }),
    );
    await inbox.close();
  });

  it('hands over nothing once it is closed, and leaves no timer', async () => {
    const { clock, last, inbox, received } = await world();
    const waiting = expect(inbox.reached(20)).rejects.toThrow('inbox is closed');
    const closed = inbox.close();
    last().answer([record(10)]);
    await closed;
    await waiting;
    await clock.settle();
    expect(received).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes in the middle of a pause', async () => {
    const { clock, last, inbox } = await world();
    last().fail(away);
    await clock.settle();
    expect(clock.pendingTimers).toBe(1);
    await inbox.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends, and says so, when a handler throws: it cannot know what was taken', async () => {
    const throwing = new Error('a defect');
    const { last, inbox } = await world({ throwing });
    const ended = expect(inbox.ended).rejects.toBe(throwing);
    last().answer([record(10)]);
    await ended;
    expect(inbox.position).toBe(10);
    await inbox.close();
  });
});
