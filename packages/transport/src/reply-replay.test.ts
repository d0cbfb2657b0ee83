import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import {
  UnavailableError,
  type LogReader,
  type PartitionLog,
  type ReadResult,
  type ReplyMessage,
} from '@baton/core';
import { encodeReply } from '@baton/wire';
import { ReplyReplay } from './reply-replay.js';

const away = new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away');
const outOfRange = new UnavailableError('BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE', 'gone');
const accepted = (n: number): ReplyMessage => ({
  kind: 'accepted',
  worker: 'w',
  workerEpoch: 'e',
  requestId: `r${n}`,
  delivery: 1,
});

/** Positions `start` to `end`, given two at a time; grows by one with each read, as a busy inbox does. */
class GrowingReader implements LogReader {
  start = 5;
  end = 10;
  failing = 0;
  calls: string[] = [];

  async read({ from, waitMs }: { readonly from: number; readonly waitMs: number }): Promise<ReadResult> {
    this.calls.push(`read ${from} ${waitMs}`);
    if (this.failing-- > 0) throw away;
    if (from < this.start || from > this.end) throw outOfRange;
    const end = this.end++;
    const records = [from, from + 1]
      .filter((position) => position < end)
      .map((position) => ({
        position,
        value: encodeReply(accepted(position), { clusterId: 'k', sender: 'm', sentAtMs: 0 }),
      }));
    return { records, end };
  }

  async bounds() {
    this.calls.push('bounds');
    return { start: this.start, end: this.end };
  }

  async close() {
    this.calls.push('close');
  }
}

async function world() {
  const runtime = fakeRuntime();
  const reader = new GrowingReader();
  const log = { openReader: async () => reader } as Partial<PartitionLog>;
  const replay = await ReplyReplay.open({ log: log as PartitionLog, prefix: 'p', runtime, clusterId: 'k' });
  reader.calls = [];
  reader.end = 10;
  const positions: number[] = [];
  const read = (from: number) => replay.read(0, from, (_message, position) => void positions.push(position));
  return { runtime, clock: runtime.clock, reader, replay, positions, read };
}

describe('ReplyReplay', () => {
  it('stops at the end it saw first, although the inbox grows, and never waits', async () => {
    const { reader, positions, read } = await world();
    expect(await read(6)).toBe(10);
    expect(positions).toEqual([6, 7, 8, 9]);
    expect(reader.calls).toEqual(['read 6 0', 'read 8 0']);
  });

  it('goes on where it was after errors', async () => {
    const { clock, reader, positions, read } = await world();
    reader.failing = 3;
    expect(await clock.drive(read(6))).toBe(10);
    expect(positions).toEqual([6, 7, 8, 9]);
  });

  it('gives up after 30 s', async () => {
    const { clock, reader, read } = await world();
    reader.failing = 1_000;
    const startedMs = clock.monotonicMs();
    await expect(clock.drive(read(6))).rejects.toThrow('away');
    expect(clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(30_000);
    expect(clock.monotonicMs() - startedMs).toBeLessThan(33_000);
  });

  it('skips what retention took, with an error in the log', async () => {
    const { runtime, positions, read } = await world();
    expect(await read(2)).toBe(10);
    expect(positions).toEqual([5, 6, 7, 8, 9]);
    expect(runtime.logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'replay.position.lost' }),
    );
  });

  it('finds nothing beyond the end', async () => {
    const { positions, read } = await world();
    expect(await read(20)).toBe(10);
    expect(positions).toEqual([]);
  });

  it('asks each minute, so that its connection stays warm, and no more once closed', async () => {
    const { clock, reader, replay } = await world();
    await clock.advance(59_000);
    expect(reader.calls).toEqual([]);
    await clock.advance(1_000);
    expect(reader.calls).toEqual(['bounds', 'read 10 0']);
    reader.failing = 1;
    await clock.advance(60_000);
    await clock.advance(60_000);
    expect(reader.calls).toHaveLength(6);
    await replay.close();
    await clock.advance(200_000);
    expect(reader.calls).toHaveLength(7);
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects a reading that waits when it is closed', async () => {
    const { clock, reader, replay, read } = await world();
    reader.failing = 1_000;
    const reading = expect(read(6)).rejects.toThrow('replay is closed');
    await clock.settle();
    await replay.close();
    await reading;
    expect(clock.pendingTimers).toBe(0);
  });
});
