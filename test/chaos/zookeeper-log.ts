/**
 * Reads the transaction logs of ZooKeeper: every change of the tree that the ensemble agreed on, with its zxid, its session and the leader's wall time. An
 * account of the board that nobody of Baton wrote. Formats: org.apache.zookeeper.server.persistence.FileTxnLog and zookeeper.jute, 3.6 and later.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeOperation } from '@baton/core';

export interface Transaction {
  readonly zxid: bigint;
  readonly sessionId: bigint;
  readonly atMs: number;
  readonly operations: readonly NodeOperation[];
}

const MAGIC = 0x5a4b4c47; // ZKLG
const types = {
  create: 1,
  delete: 2,
  set: 5,
  multi: 14,
  create2: 15,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  error: -1,
  closeSession: -11,
} as const;

/**
 * The servers' logs as one, in order of zxid. `folders`: their `version-2`. What a majority did not log was never agreed on: a leader that is killed may
 * keep in its log what nobody else heard of, and what the others go on without.
 */
export function transactionsOf(folders: readonly string[]): readonly Transaction[] {
  const logs = folders.map(logOf);
  const all = new Map(logs.flatMap((log) => [...log]));
  const majority = Math.floor(logs.length / 2) + 1;
  const spans = logs.map((log) => spanOf([...log.keys()]));
  const isAgreed = (zxid: bigint): boolean => {
    const without = logs.flatMap((log, index) => (log.has(zxid) ? [] : (spans[index] ?? [])));
    if (logs.length - without.length >= majority) return true;
    // the last ones may not have come everywhere yet
    return !without.some(({ first, last }) => first < zxid && zxid < last);
  };
  return [...all.values()].filter(({ zxid }) => isAgreed(zxid)).sort((a, b) => (a.zxid < b.zxid ? -1 : 1));
}

function logOf(folder: string): ReadonlyMap<bigint, Transaction> {
  const files = readdirSync(folder).filter((file) => file.startsWith('log.'));
  const transactions = files.flatMap((file) => [...read(readFileSync(join(folder, file)))]);
  return new Map(transactions.map((transaction) => [transaction.zxid, transaction]));
}

function spanOf(zxids: readonly bigint[]): { readonly first: bigint; readonly last: bigint } {
  const sorted = zxids.toSorted((a, b) => (a < b ? -1 : 1));
  return { first: sorted[0] ?? 0n, last: sorted.at(-1) ?? 0n };
}

function* read(bytes: Buffer): Generator<Transaction> {
  // a log that was made and not written to when its server was killed
  if (bytes.length < 16 || bytes.readInt32BE(0) !== MAGIC) return;
  for (let at = 16; at + 12 <= bytes.length;) {
    const size = bytes.readInt32BE(at + 8);
    // the rest of the file is reserved space, or was being written when the server was killed
    if (size <= 0 || at + 12 + size > bytes.length) return;
    yield transactionOf(new Record(bytes.subarray(at + 12, at + 12 + size)));
    at += 12 + size + 1;
  }
}

function transactionOf(record: Record): Transaction {
  const sessionId = record.long();
  record.int(); // cxid
  const zxid = record.long();
  const atMs = Number(record.long());
  return { zxid, sessionId, atMs, operations: operationsOf(record.int(), record) };
}

/** Empty for what changes no node: an error, the beginning of a session, a check. */
function operationsOf(type: number, record: Record): NodeOperation[] {
  switch (type) {
    case types.create:
    case types.create2: {
      const [path, data] = [record.text(), record.bytes()];
      record.skipAccess();
      return [{ type: 'create', path, data, ephemeral: record.flag() }];
    }
    case types.createContainer:
    case types.createTtl:
      return [{ type: 'create', path: record.text(), data: record.bytes() }];
    case types.delete:
    case types.deleteContainer:
      return [{ type: 'delete', path: record.text() }];
    case types.set: {
      const [path, data] = [record.text(), record.bytes()];
      return [{ type: 'set', path, data, version: record.int() - 1 }];
    }
    case types.closeSession:
      return record.list(() => ({ type: 'delete', path: record.text() }));
    case types.multi: {
      const parts = record.list(() => ({ type: record.int(), part: new Record(record.bytes()) }));
      // one that failed is logged with what came before the error as it was
      if (parts.some((each) => each.type === types.error)) return [];
      return parts.flatMap((each) => operationsOf(each.type, each.part));
    }
    default:
      return [];
  }
}

/** Jute: big-endian numbers; texts, bytes and lists behind their length. */
class Record {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4);
  }

  long(): bigint {
    return this.#bytes.readBigInt64BE((this.#at += 8) - 8);
  }

  flag(): boolean {
    return this.#bytes[this.#at++] === 1;
  }

  bytes(): Buffer {
    const size = Math.max(0, this.int());
    return this.#bytes.subarray(this.#at, (this.#at += size));
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  list<T>(item: () => T): T[] {
    // a closeSession of an older server has no list
    if (this.#at === this.#bytes.length) return [];
    return Array.from({ length: Math.max(0, this.int()) }, item);
  }

  /** Permissions, scheme and id of each. */
  skipAccess(): void {
    this.list(() => [this.int(), this.bytes(), this.bytes()]);
  }
}
