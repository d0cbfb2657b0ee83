import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogService } from './log-service.js';
import { Storage } from './storage.js';
import type { Peer } from './handlers.js';

const peer: Peer = { tell: () => undefined, end: () => undefined };
let storage: Storage;
let nowMs: number;
let opened: LogService[];

beforeEach(() => {
  storage = Storage.open(':memory:');
  nowMs = 0;
  opened = [];
});

afterEach(() => {
  for (const service of opened) service.close();
  storage.close();
});

function open(partitionBytesMax = 1_000): LogService {
  const service = new LogService({ storage, partitionBytesMax, nowMs: () => nowMs, onWork: () => undefined });
  opened.push(service);
  return service;
}

function ensure(service: LogService, retentionMs?: number): void {
  const topic = { topic: 't', partitions: 2, ...(retentionMs === undefined ? {} : { retentionMs }) };
  void service.handlers['log.ensure']({ topics: [topic] }, peer);
}

function append(service: LogService, values: readonly number[], sizeBytes = 1): void {
  const records = values.map((value) => ({
    topic: 't',
    partition: 1,
    value: new Uint8Array(sizeBytes).fill(value),
  }));
  void service.handlers['log.append']({ records }, peer);
  service.endTurn();
}

function read(service: LogService, from: number, waitMs = 0) {
  return service.handlers['log.read']({ topic: 't', partition: 1, from, waitMs, maxBytes: 1_000_000 }, peer);
}

const bounds = (service: LogService) => service.handlers['log.bounds']({ topic: 't', partition: 1 }, peer);

const outOfRange = (start: number, end: number) =>
  expect.objectContaining({
    code: 'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE',
    details: expect.objectContaining({ start, end }),
  });

describe('retention of a partition', () => {
  it('drops the oldest above its bytes; positions go on', () => {
    const service = open();
    ensure(service);
    for (let value = 0; value < 30; value++) append(service, [value], 100);
    const { start, end } = bounds(service) as { start: number; end: number };
    expect(end).toBe(30);
    expect(start).toBeGreaterThanOrEqual(20);
    expect(() => read(service, start - 1)).toThrow(outOfRange(start, end));
    expect(read(service, start)).toHaveProperty('records.length', 30 - start);
  });

  it('keeps the last record, however large', () => {
    const service = open();
    ensure(service);
    append(service, [1, 2], 5_000);
    expect(bounds(service)).toEqual({ start: 1, end: 2 });
  });

  it('drops what is older than its topic keeps, down to nothing, and the next position survives a restart', () => {
    const service = open();
    ensure(service, 1_000);
    append(service, [1, 2]);
    nowMs = 900;
    append(service, [3]);
    nowMs = 1_500;
    service.trim();
    expect(bounds(service)).toEqual({ start: 2, end: 3 });
    nowMs = 3_000;
    service.trim();
    expect(bounds(service)).toEqual({ start: 3, end: 3 });
    const next = open();
    expect(bounds(next)).toEqual({ start: 3, end: 3 });
    append(next, [4]);
    expect(read(next, 3)).toMatchObject({ records: [{ position: 3 }], end: 4 });
  });

  it('counts anew what is there at a restart', () => {
    const service = open();
    ensure(service);
    append(service, [1, 2, 3], 300);
    const next = open();
    expect(bounds(next)).toEqual({ start: 0, end: 3 });
    append(next, [4, 5], 300);
    expect(bounds(next)).toEqual({ start: 2, end: 5 });
  });
});

describe('a read that waits', () => {
  it('gets everything of the turn that ends its wait', async () => {
    const service = open();
    ensure(service);
    const waiting = read(service, 0, 10_000);
    append(service, [1, 2]);
    expect(await waiting).toMatchObject({ records: [{ position: 0 }, { position: 1 }], end: 2 });
  });

  it('is told when its position was trimmed in the meantime', async () => {
    const service = open();
    ensure(service, 1_000);
    const waiting = Promise.resolve(read(service, 0, 10_000));
    // appended and gone before the turn ended
    void service.handlers['log.append'](
      { records: [{ topic: 't', partition: 1, value: new Uint8Array(1) }] },
      peer,
    );
    nowMs = 5_000;
    service.trim();
    service.endTurn();
    await expect(waiting).rejects.toEqual(outOfRange(1, 1));
  });
});

it('an append that names an unknown partition writes nothing', () => {
  const service = open();
  ensure(service);
  const records = [1, 2].map((partition) => ({ topic: 't', partition, value: new Uint8Array(1) }));
  expect(() => service.handlers['log.append']({ records }, peer)).toThrow(
    expect.objectContaining({ code: 'BATON_UNAVAILABLE_REFUSED' }),
  );
  expect(bounds(service)).toEqual({ start: 0, end: 0 });
});
