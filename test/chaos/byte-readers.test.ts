/** What is read from the bytes of services: recorded once from real ones (fixtures/record.mjs). */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JournalTap } from './journal-tap.js';
import { recordsOf } from './kafka-log.js';
import { transactionsOf } from './zookeeper-log.js';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-bytes-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the transaction log of ZooKeeper', () => {
  const whole = readFileSync(fixture('zookeeper.log'));

  /** A server for each log, as it is when the server is gone. */
  function serversWith(...logs: readonly Buffer[]): string[] {
    return logs.map((log, index) => {
      const server = join(folder, `server-${index}`);
      mkdirSync(server);
      writeFileSync(join(server, 'log.1'), log);
      return server;
    });
  }

  const operationsIn = (folders: readonly string[]) =>
    transactionsOf(folders).flatMap(({ operations }) =>
      operations.map(({ type, path, ...more }) => {
        const { version, ephemeral } = more as { version?: number; ephemeral?: boolean };
        const data = 'data' in more ? Buffer.from(more.data).toString() : undefined;
        return [type, path, data, version, ephemeral].filter((value) => value !== undefined);
      }),
    );

  it('tells what was changed, in order, and nothing of what failed', () => {
    expect(operationsIn(serversWith(whole))).toEqual([
      ['create', '/a', 'one', false],
      ['set', '/a', 'two', 0],
      ['set', '/a', 'three', 1],
      ['create', '/b', 'mine', true],
      ['create', '/c', '', false],
      ['delete', '/c'],
      // with its session
      ['delete', '/b'],
    ]);
  });

  it('tells who did it, when, and under which zxid', () => {
    const changes = transactionsOf(serversWith(whole)).filter(({ operations }) => operations.length > 0);
    expect(new Set(changes.map(({ sessionId }) => sessionId)).size).toBe(1);
    const zxids = changes.map(({ zxid }) => zxid);
    expect(zxids).toEqual(zxids.toSorted((a, b) => (a < b ? -1 : 1)));
    for (const { atMs } of changes) expect(new Date(atMs).getUTCFullYear()).toBeGreaterThan(2020);
  });

  it('ends where the server was killed in the middle of a write', () => {
    const complete = operationsIn(serversWith(whole)).length;
    const used = whole.findLastIndex((byte) => byte !== 0);
    rmSync(join(folder, 'server-0'), { recursive: true });
    expect(operationsIn(serversWith(whole.subarray(0, used - 3)))).toHaveLength(complete - 1);
    rmSync(join(folder, 'server-0'), { recursive: true });
    expect(operationsIn(serversWith(Buffer.alloc(0)))).toEqual([]);
  });

  it('of three servers tells what two have, and leaves out what one had alone before the others went on', () => {
    const without = withoutSecondTransaction(whole);
    expect(operationsIn(serversWith(whole, whole, without))).toHaveLength(7);
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    expect(operationsIn(serversWith(whole, without, without))).toHaveLength(6);
  });

  /** The second is the first that changes a node; the first one opens the session. */
  function withoutSecondTransaction(log: Buffer): Buffer {
    const sizeAt = (at: number): number => 12 + log.readInt32BE(at + 8) + 1;
    const second = 16 + sizeAt(16);
    return Buffer.concat([log.subarray(0, second), log.subarray(second + sizeAt(second))]);
  }
});

describe('the segments of Kafka', () => {
  it('tell each record with its partition and time, also of a batch of several', () => {
    mkdirSync(join(folder, 'x.request-0'));
    mkdirSync(join(folder, 'x.request.other-0'));
    copyFileSync(fixture('kafka.log'), join(folder, 'x.request-0', '00000000000000000000.log'));
    const records = recordsOf(folder, 'x.request');
    expect(records.map(({ value }) => value.toString())).toEqual(['first', 'second', 'x'.repeat(300)]);
    expect(new Set(records.map(({ partition }) => partition))).toEqual(new Set([0]));
    for (const { atMs } of records) expect(new Date(atMs).getUTCFullYear()).toBeGreaterThan(2020);
  });

  it('end where the broker was killed in the middle of a write', () => {
    const bytes = readFileSync(fixture('kafka.log'));
    mkdirSync(join(folder, 'x.request-3'));
    const file = join(folder, 'x.request-3', '00000000000000000000.log');
    writeFileSync(file, bytes.subarray(0, bytes.length - 1));
    const values = recordsOf(folder, 'x.request').map(({ partition, value }) => [
      partition,
      value.toString(),
    ]);
    expect(values).toEqual([
      [3, 'first'],
      [3, 'second'],
    ]);
    writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(200)]));
    expect(recordsOf(folder, 'x.request')).toHaveLength(3);
  });
});

describe('what came to the store', () => {
  const chunks = readFileSync(fixture('mongodb.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly to: string; readonly bytes: string });

  /** `size`: of the pieces in which it arrives. */
  function tapped({ size = Infinity, answers = true } = {}) {
    const tap = new JournalTap();
    const stored: string[] = [];
    tap.onStored = ({ flowId, seq, body }) => stored.push(`${flowId}:${seq} ${body}`);
    const connections = new Map<string, ReturnType<JournalTap['connection']>>();
    for (const { to, bytes } of chunks) {
      const [side = '', number = ''] = to.split(' ');
      const connection = connections.get(number) ?? tap.connection('conductor-1');
      connections.set(number, connection);
      const whole = Buffer.from(bytes, 'base64');
      for (let at = 0; at < whole.length; at += size) {
        const piece = whole.subarray(at, at + size);
        if (side === 'service') connection.toService(piece);
        else if (answers) connection.toClient(piece);
      }
    }
    const attempts = tap.attempts.map(({ flowId, seq, opId, by, verdict }) =>
      [flowId, seq, opId, by, verdict].join(' '),
    );
    return { attempts, stored };
  }

  it.each([Infinity, 7])(
    'are the inserts into the journal with their answers, in pieces of %s bytes',
    (size) => {
      expect(tapped({ size })).toEqual({
        attempts: [
          'job 0 a conductor-1 stored',
          'job 1 b conductor-1 stored',
          'job 1 c conductor-1 duplicate',
          'job 2 d conductor-1 stored',
        ],
        stored: ['job:0 {"of":"a"}', 'job:1 {"of":"b"}', 'job:2 {"of":"d"}'],
      });
    },
  );

  it('has no verdict where no answer came', () => {
    const { attempts, stored } = tapped({ answers: false });
    expect(attempts).toHaveLength(4);
    expect(attempts.filter((attempt) => !attempt.endsWith('conductor-1 '))).toEqual([]);
    expect(stored).toEqual([]);
  });
});
