import { describe, expect, it } from '@jest/globals';
import { bytes, expectRefusal, range, text } from '../../contracts/expectations.js';
import { fakeRuntime } from '../../runtime/runtimes.js';
import { SimulatedPartitionLog } from './simulated-partition-log.js';

const UNKNOWN = 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN';
const topic = 't';

async function setUp(seed = 1) {
  const runtime = fakeRuntime({ seed });
  const { clock } = runtime;
  const log = new SimulatedPartitionLog(runtime);
  const { service } = log;
  const drive = <T>(promise: Promise<T>) => clock.drive(promise, { withinMs: 100 });
  await drive(log.ensureTopics([{ topic, partitions: 4 }]));
  const appender = await drive(log.openAppender());
  const reader = await drive(log.openReader(topic));
  const append = (...texts: string[]) =>
    appender.append(texts.map((each) => ({ topic, partition: 0, value: bytes(each) })));
  const stored = (partition = 0) => service.recordsOf(topic, partition).map(text);
  return { clock, log, service, drive, appender, reader, append, stored };
}

describe('SimulatedPartitionLog under faults', () => {
  it('lose-reply: appended, unknown', async () => {
    const { service, drive, append, stored } = await setUp();
    service.faults.next('lose-reply');
    await drive(expectRefusal(append('x'), UNKNOWN));
    expect(stored()).toEqual(['x']);
  });

  it('lose-request: not appended, unknown', async () => {
    const { service, drive, append, stored } = await setUp();
    service.faults.next('lose-request');
    await drive(expectRefusal(append('x'), UNKNOWN));
    expect(stored()).toEqual([]);
  });

  it('land-late: unknown, appended behind what was appended meanwhile', async () => {
    const { clock, service, drive, append, stored } = await setUp();
    service.faults.next('land-late', { delayMs: 300 });
    await drive(expectRefusal(append('late'), UNKNOWN));
    await drive(append('x'));
    await clock.advance(300);
    expect(stored()).toEqual(['x', 'late']);
  });

  it('duplicate: acknowledged and twice there', async () => {
    const { service, drive, append, stored } = await setUp();
    service.faults.next('duplicate');
    await drive(append('x', 'y'));
    expect(stored()).toEqual(['x', 'y', 'x', 'y']);
  });

  it('refuse: not appended, and the reason said', async () => {
    const { service, drive, append, stored } = await setUp();
    service.faults.next('refuse');
    await drive(expectRefusal(append('x'), 'BATON_UNAVAILABLE_REFUSED'));
    expect(stored()).toEqual([]);
  });

  it('tear: whole partitions are missing; of a single one the last records', async () => {
    const { service, drive, appender, append, stored } = await setUp();
    service.faults.next('tear');
    const records = range(4).flatMap((partition) => [
      { topic, partition, value: bytes('x') },
      { topic, partition, value: bytes('y') },
    ]);
    await drive(expectRefusal(appender.append(records), UNKNOWN));
    const lengths = range(4).map((partition) => stored(partition).length);
    expect([...lengths].sort()).toEqual([0, 0, 2, 2]);
    const before = stored().length;
    service.faults.next('tear');
    await drive(expectRefusal(append('1', '2', '3'), UNKNOWN));
    expect(['1', '2', '3'].slice(0, stored().length - before)).toEqual(stored().slice(before));
    expect(stored().length - before).toBeLessThan(3);
  });

  it('appends under way at the same time have no order', async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { drive, append, stored } = await setUp(seed);
      await drive(Promise.all(['x', 'y', 'z'].map((each) => append(each))));
      orders.add(stored().join(''));
    }
    expect(orders.size).toBeGreaterThan(2);
  });

  it('an answer may hold fewer records than there are', async () => {
    const { drive, append, reader } = await setUp();
    await drive(append(...range(50).map(String)));
    const counts = new Set<number>();
    for (let again = 0; again < 40; again++)
      counts.add((await drive(reader.read({ partition: 0, from: 0, waitMs: 0 }))).records.length);
    expect(counts.has(50)).toBe(true);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts.size).toBeGreaterThan(1);
  });

  it('dropBelow: positions below are out of range, those above keep theirs', async () => {
    const { service, drive, append, reader } = await setUp();
    await drive(append('0', '1', '2'));
    service.dropBelow({ topic, partition: 0, position: 2 });
    const reading = reader.read({ partition: 0, from: 1, waitMs: 0 });
    const details = await drive(expectRefusal(reading, 'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE'));
    expect(details).toMatchObject({ start: 2, end: 3 });
    const { records } = await drive(reader.read({ partition: 0, from: 2, waitMs: 0 }));
    expect(records.map(({ position, value }) => [position, text(value)])).toEqual([[2, '2']]);
  });

  it('a read can be refused, and be tried again', async () => {
    const { service, drive, append, reader } = await setUp();
    await drive(append('x'));
    service.faults.next('refuse', { operation: 'read' });
    await drive(
      expectRefusal(reader.read({ partition: 0, from: 0, waitMs: 0 }), 'BATON_UNAVAILABLE_REFUSED'),
    );
    expect((await drive(reader.read({ partition: 0, from: 0, waitMs: 0 }))).records).toHaveLength(1);
  });

  it('a topic or partition that is not there refuses, and nothing of that append is there', async () => {
    const { drive, appender, log, stored } = await setUp();
    const appending = appender.append([
      { topic, partition: 0, value: bytes('x') },
      { topic, partition: 4, value: bytes('x') },
    ]);
    await drive(expectRefusal(appending, 'BATON_UNAVAILABLE_REFUSED'));
    expect(stored()).toEqual([]);
    const reader = await drive(log.openReader('none'));
    await drive(expectRefusal(reader.bounds(0), 'BATON_UNAVAILABLE_REFUSED'));
  });

  it('close ends waiting reads and leaves no timer behind', async () => {
    const { clock, log, reader, drive } = await setUp();
    const reading = expectRefusal(
      reader.read({ partition: 0, from: 0, waitMs: 60_000 }),
      'BATON_UNAVAILABLE_DISCONNECTED',
    );
    await clock.advance(10);
    await drive(log.close());
    await reading;
    expect(clock.pendingTimers).toBe(0);
  });
});
