import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import {
  InputError,
  UnavailableError,
  type LogAppender,
  type LogRecord,
  type PartitionLog,
  type ReplyMessage,
} from '@baton/core';
import { decodeReply, wireLimits } from '@baton/wire';
import { Outbox } from './outbox.js';

/** An appender whose every answer the test gives. */
class SlowAppender implements LogAppender {
  /** Appends that were asked for; the last may still wait for its answer. */
  readonly asked: (readonly LogRecord[])[] = [];
  closed = 0;
  #answer: { resolve(): void; reject(error: Error): void } | undefined;

  append(records: readonly LogRecord[]): Promise<void> {
    expect(this.#answer).toBeUndefined();
    this.asked.push(records);
    return new Promise((resolve, reject) => (this.#answer = { resolve, reject }));
  }

  acknowledge(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.resolve();
  }

  fail(error: Error = lost): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.reject(error);
  }

  async close(): Promise<void> {
    this.closed++;
    this.fail();
  }
}

const lost = new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', 'no answer came');

async function world() {
  const runtime = fakeRuntime();
  const appender = new SlowAppender();
  const log = { partitions: async () => 8, openAppender: async () => appender } as Partial<PartitionLog>;
  const outbox = await Outbox.open({
    log: log as PartitionLog,
    prefix: 'p',
    runtime,
    sender: 'member-1',
    clusterId: 'k',
  });
  return { runtime, clock: runtime.clock, appender, outbox };
}

const progress = (n: number, message = ''): ReplyMessage => ({
  kind: 'progress',
  worker: 'w',
  workerEpoch: 'e',
  requestId: `r${n}`,
  delivery: 1,
  progress: 0.5,
  message,
});
const idsOf = (records: readonly LogRecord[] | undefined) =>
  records?.map(({ value }) => (decodeReply(value).message as { readonly requestId: string }).requestId);

describe('Outbox', () => {
  it('sends what falls together as one append, and what comes meanwhile as the next', async () => {
    const { clock, appender, outbox } = await world();
    outbox.sendReply(0, progress(1));
    outbox.sendReply(1, progress(2));
    expect(appender.asked).toHaveLength(0);
    await clock.settle();
    expect(appender.asked.map(idsOf)).toEqual([['r1', 'r2']]);
    for (const n of [3, 4, 5]) outbox.sendReply(0, progress(n));
    await clock.settle();
    expect(appender.asked).toHaveLength(1);
    expect(outbox.pending).toBe(5);
    appender.acknowledge();
    await clock.settle();
    expect(appender.asked.map(idsOf)).toEqual([
      ['r1', 'r2'],
      ['r3', 'r4', 'r5'],
    ]);
    expect(clock.pendingTimers).toBe(0);
    appender.acknowledge();
    await outbox.idle();
    expect(outbox.pending).toBe(0);
    outbox.sendReply(0, progress(6));
    await clock.settle();
    expect(idsOf(appender.asked[2])).toEqual(['r6']);
  });

  it('never gives up: the same batch again after 50 ms to 2 s, in order, for as long as it takes', async () => {
    const { clock, appender, outbox } = await world();
    outbox.sendReply(0, progress(1));
    await clock.settle();
    outbox.sendReply(0, progress(2));
    const pauses: number[] = [];
    for (let failures = 0; failures < 40; failures++) {
      const failedMs = clock.monotonicMs();
      const before = appender.asked.length;
      appender.fail();
      await clock.advanceUntil(() => appender.asked.length > before);
      pauses.push(clock.monotonicMs() - failedMs);
    }
    expect(appender.asked.map(idsOf)).toEqual(Array.from({ length: 41 }, () => ['r1']));
    expect(pauses[0]).toBeGreaterThanOrEqual(25);
    expect(pauses[0]).toBeLessThanOrEqual(50);
    for (const pause of pauses.slice(6)) {
      expect(pause).toBeGreaterThanOrEqual(1_000);
      expect(pause).toBeLessThanOrEqual(2_000);
    }
    expect(new Set(pauses.slice(6)).size).toBeGreaterThan(20);
    expect(outbox.pending).toBe(2);
    appender.acknowledge();
    await clock.settle();
    expect(idsOf(appender.asked.at(-1))).toEqual(['r2']);
    appender.acknowledge();
    await outbox.idle();
  });

  it('warns once per outage, not once per attempt', async () => {
    const { runtime, clock, appender, outbox } = await world();
    outbox.sendReply(0, progress(1));
    await clock.settle();
    for (let failures = 0; failures < 5; failures++) {
      appender.fail();
      await clock.advance(2_000);
    }
    expect(runtime.logger.messages('warn')).toHaveLength(1);
  });

  it('refuses at once what can never be sent', async () => {
    const { outbox } = await world();
    const huge = progress(1, 'x'.repeat(wireLimits.messageBytesMax));
    expect(() => outbox.sendReply(0, huge)).toThrow(
      expect.objectContaining({ code: 'BATON_INPUT_TOO_LARGE' }),
    );
    expect(outbox.pending).toBe(0);
  });

  it('drops a record that the log refuses for good, and sends its neighbours', async () => {
    const { runtime, clock, appender, outbox } = await world();
    for (const n of [1, 2, 3]) outbox.sendReply(0, progress(n));
    await clock.settle();
    const refused = new InputError('BATON_INPUT_TOO_LARGE', 'the broker refuses the size');
    appender.fail(refused);
    await clock.settle();
    appender.acknowledge();
    await clock.settle();
    appender.fail(refused);
    await clock.settle();
    appender.acknowledge();
    await outbox.idle();
    expect(appender.asked.map(idsOf)).toEqual([['r1', 'r2', 'r3'], ['r1'], ['r2'], ['r3']]);
    expect(outbox.pending).toBe(0);
    expect(runtime.logger.messages('error')).toHaveLength(1);
  });

  it('bounds what waits: full from 32 MiB, refused from 64 MiB, open again afterwards', async () => {
    const { clock, appender, outbox } = await world();
    const large = progress(1, 'x'.repeat(900_000));
    let sent = 0;
    const sendUntil = (stop: () => boolean) => {
      for (; !stop(); sent++) outbox.sendReply(0, large);
    };
    sendUntil(() => outbox.full);
    expect(sent * 900_000).toBeGreaterThan(32 * 1024 * 1024 - 900_000);
    expect(() => sendUntil(() => sent > 200)).toThrow(
      expect.objectContaining({ code: 'BATON_UNAVAILABLE_DISCONNECTED' }),
    );
    expect(sent * 900_000).toBeLessThan(64 * 1024 * 1024);
    while (outbox.pending > 0) {
      await clock.settle();
      expect(appender.asked.at(-1)?.length).toBeLessThanOrEqual(4);
      appender.acknowledge();
      await clock.settle();
    }
    expect(outbox.full).toBe(false);
  });

  it('gives up at the deadline of close, and says how much is left', async () => {
    const { runtime, clock, appender, outbox } = await world();
    outbox.sendReply(0, progress(1));
    await clock.settle();
    outbox.sendReply(0, progress(2));
    const idle = outbox.idle();
    const closed = outbox.close({ deadlineMs: 5_000 });
    const startedMs = clock.monotonicMs();
    await clock.drive(closed);
    expect(clock.monotonicMs() - startedMs).toBe(5_000);
    await idle;
    expect(appender.closed).toBe(1);
    expect(runtime.logger.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'outbox.abandoned', fields: { records: 2 } }),
    );
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
    expect(appender.asked).toHaveLength(1);
  });

  it('ends a pause when it is closed', async () => {
    const { clock, appender, outbox } = await world();
    outbox.sendReply(0, progress(1));
    await clock.settle();
    appender.fail();
    await clock.settle();
    await clock.drive(outbox.close({ deadlineMs: 0 }));
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
  });
});
