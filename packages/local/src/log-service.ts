/**
 * Purpose: the server's side of PartitionLog: append, read, waiting reads, retention.
 * States of a partition: `start` (oldest kept) ≤ `end` (next); both only rise.
 * What is authoritative: records and starts in storage; ends and sizes are counted from them at start-up and kept in memory.
 * On failure: see storage. Retention bounds what a partition keeps, by age and bytes; positions are never used again.
 */
import { type ReadRecord, type ReadResult, type TopicSpec, UnavailableError } from '@baton/core';
import type { Handlers } from './handlers.js';
import { BATCH_BYTES_MAX, READ_WAIT_MS_MAX, type RequestOf } from './protocol.js';
import type { Storage } from './storage.js';

/** Positions per partition. A record's row id is `partition id × this + position`: one ordered key, no second index. */
const POSITIONS = 2 ** 36;
const READ_RECORDS_MAX = 1_000;
const TRIM_EVERY_MS = 30_000;
const TRIM_STEP_RECORDS = 1_000;
/** Trimmed a little below the limit, so that a full partition is not trimmed at every append. */
const TRIM_TO = 255 / 256;

/** What a partition keeps at most, unless its topic says another age. */
export const logRetention = Object.freeze({ ageMs: 24 * 3_600_000, partitionBytesMax: 64 * 1024 * 1024 });

interface Topic {
  readonly name: string;
  retentionMs: number;
  readonly partitions: Partition[];
}

interface Partition {
  readonly topic: Topic;
  readonly number: number;
  /** Row id of position 0. */
  readonly base: number;
  start: number;
  end: number;
  bytes: number;
  readonly waiting: Set<WaitingRead>;
}

interface WaitingRead {
  readonly request: ReadRequest;
  readonly timer: NodeJS.Timeout;
  readonly settle: (answer: Promise<ReadResult>) => void;
}

type ReadRequest = RequestOf<'log.read'>;

export class LogService {
  readonly #topics = new Map<string, Topic>();
  readonly #grown = new Set<Partition>();
  readonly #partitionBytesMax: number;
  readonly #nowMs: () => number;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #trimTimer: NodeJS.Timeout;
  #lastPartitionId = 0;
  #trimDue = false;

  constructor(options: {
    readonly storage: Storage;
    readonly partitionBytesMax?: number;
    readonly nowMs?: () => number;
    /** Called when a turn should be ended although nothing was asked: it is time to trim. */
    readonly onWork: () => void;
  }) {
    this.#partitionBytesMax = options.partitionBytesMax ?? logRetention.partitionBytesMax;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#sql = prepare(options.storage);
    this.#load();
    this.#trimTimer = setInterval(() => {
      this.#trimDue = true;
      options.onWork();
    }, TRIM_EVERY_MS).unref();
  }

  readonly handlers: Handlers<'log'> = {
    'log.ensure': ({ topics }) => {
      for (const topic of topics) this.#ensure(topic);
      return null;
    },
    'log.partitions': ({ topic }) => this.#topics.get(topic)?.partitions.length ?? 0,
    'log.append': ({ records }) => {
      // all or nothing: an unknown partition is found before anything is written
      const targets = records.map(({ topic, partition }) => this.#partition(topic, partition));
      const atMs = this.#nowMs();
      for (const [index, { value, key }] of records.entries()) {
        const partition = targets[index] as Partition;
        this.#sql.append(partition.base + partition.end, atMs, key ?? null, value);
        partition.end += 1;
        partition.bytes += value.length;
        this.#grown.add(partition);
      }
      return null;
    },
    'log.read': (request) => {
      const partition = this.#partition(request.topic, request.partition);
      const result = this.#read(partition, request);
      return result.records.length === 0 && request.waitMs > 0 ? this.#wait(partition, request) : result;
    },
    'log.bounds': ({ topic, partition }) => {
      const { start, end } = this.#partition(topic, partition);
      return { start, end };
    },
  };

  /** Once per turn, before its commit: answers who waits for what was appended, and trims what has grown too large. */
  endTurn(): void {
    for (const partition of this.#grown) {
      for (const { settle, request } of partition.waiting) settle(this.#attempt(partition, request));
      if (partition.bytes > this.#partitionBytesMax) this.#trimBytes(partition);
    }
    this.#grown.clear();
    if (this.#trimDue) this.trim();
  }

  /** Drops what is older than its topic keeps it. */
  trim(): void {
    this.#trimDue = false;
    for (const topic of this.#topics.values())
      for (const partition of topic.partitions) this.#trimAge(partition);
  }

  close(): void {
    clearInterval(this.#trimTimer);
    for (const { partitions } of this.#topics.values())
      for (const { waiting } of partitions) for (const { timer } of waiting) clearTimeout(timer);
  }

  #ensure({ topic: name, partitions, retentionMs }: TopicSpec): void {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = { name, retentionMs: logRetention.ageMs, partitions: [] };
      this.#topics.set(name, topic);
    }
    if (retentionMs !== undefined) topic.retentionMs = retentionMs;
    this.#sql.storeTopic(name, topic.retentionMs);
    while (topic.partitions.length < partitions) {
      const id = ++this.#lastPartitionId;
      this.#sql.storePartition(id, name, topic.partitions.length);
      this.#addPartition(topic, { id, start: 0 });
    }
  }

  #addPartition(topic: Topic, { id, start }: { readonly id: number; readonly start: number }): Partition {
    const partition: Partition = {
      topic,
      number: topic.partitions.length,
      base: id * POSITIONS,
      start,
      end: start,
      bytes: 0,
      waiting: new Set(),
    };
    topic.partitions.push(partition);
    return partition;
  }

  #partition(topic: string, number: number): Partition {
    const partition = this.#topics.get(topic)?.partitions[number];
    if (partition === undefined)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_REFUSED',
        `topic ${topic} has no partition ${number}; create it first`,
        { details: { topic, partition: number } },
      );
    return partition;
  }

  #read(partition: Partition, { from, maxBytes }: ReadRequest): ReadResult {
    const { start, end, base, topic, number } = partition;
    if (from < start || from > end)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE',
        `partition ${number} of ${topic.name} has positions ${start} to ${end}, not ${from}`,
        { details: { topic: topic.name, partition: number, position: from, start, end } },
      );
    if (from === end) return { records: [], end };
    const bytesMax = Math.min(maxBytes, BATCH_BYTES_MAX);
    // about as many rows as will fit: rows that do not fit were read for nothing
    const rowsMax = Math.ceil(bytesMax / Math.max(1, partition.bytes / (end - start)));
    const rows = this.#sql.read(base + from, base + end, Math.max(1, Math.min(rowsMax, READ_RECORDS_MAX)));
    const records: ReadRecord[] = [];
    let bytes = 0;
    for (const { id, value } of rows) {
      bytes += value.length;
      if (bytes > bytesMax && records.length > 0) break;
      records.push({ position: id - base, value });
    }
    return { records, end };
  }

  #wait(partition: Partition, request: ReadRequest): Promise<ReadResult> {
    return new Promise((resolve) => {
      const settle = (answer: Promise<ReadResult>) => {
        clearTimeout(read.timer);
        partition.waiting.delete(read);
        resolve(answer);
      };
      const timer = setTimeout(
        () => settle(this.#attempt(partition, request)),
        Math.min(request.waitMs, READ_WAIT_MS_MAX),
      );
      const read: WaitingRead = { request, timer, settle };
      partition.waiting.add(read);
    });
  }

  async #attempt(partition: Partition, request: ReadRequest): Promise<ReadResult> {
    return this.#read(partition, request);
  }

  #trimBytes(partition: Partition): void {
    const target = this.#partitionBytesMax * TRIM_TO;
    let { bytes, start } = partition;
    while (bytes > target && start < partition.end - 1) {
      const rows = this.#sql.sizes(partition.base + start, partition.base + partition.end, TRIM_STEP_RECORDS);
      for (const { size } of rows) {
        if (bytes <= target || start === partition.end - 1) break;
        bytes -= size;
        start += 1;
      }
    }
    this.#trimBelow(partition, { start, bytes });
  }

  #trimAge(partition: Partition): void {
    const beforeMs = this.#nowMs() - partition.topic.retentionMs;
    const { base, start, end } = partition;
    if (start === end) return;
    const [oldest] = this.#sql.firstSince(base + start, base + end, beforeMs);
    const keepFrom = oldest === undefined ? end : oldest.id - base;
    if (keepFrom === start) return;
    const [dropped] = this.#sql.bytes(base + start, base + keepFrom);
    this.#trimBelow(partition, { start: keepFrom, bytes: partition.bytes - (dropped?.bytes ?? 0) });
  }

  #trimBelow(
    partition: Partition,
    { start, bytes }: { readonly start: number; readonly bytes: number },
  ): void {
    this.#sql.remove(partition.base + partition.start, partition.base + start);
    this.#sql.storeStart(start, partition.base / POSITIONS);
    partition.start = start;
    partition.bytes = bytes;
  }

  #load(): void {
    for (const { name, retention } of this.#sql.topics())
      this.#topics.set(name, { name, retentionMs: retention, partitions: [] });
    for (const { id, topic: name, start } of this.#sql.partitions()) {
      const topic = this.#topics.get(name) as Topic;
      const partition = this.#addPartition(topic, { id, start });
      const [kept] = this.#sql.bytes(partition.base, partition.base + POSITIONS);
      partition.bytes = kept?.bytes ?? 0;
      const last = kept?.last ?? undefined;
      partition.end = last === undefined ? start : last - partition.base + 1;
      this.#lastPartitionId = Math.max(this.#lastPartitionId, id);
    }
  }
}

function prepare(storage: Storage) {
  storage.define(`
    CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, retention INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS partitions (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL,
      start INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT, value BLOB NOT NULL);
  `);
  return {
    topics: storage.query<{ name: string; retention: number }>('SELECT name, retention FROM topics'),
    partitions: storage.query<{ id: number; topic: string; start: number }>(
      'SELECT id, topic, start FROM partitions ORDER BY topic, number',
    ),
    bytes: storage.query<{ bytes: number; last: number | null }>(
      'SELECT coalesce(sum(length(value)), 0) AS bytes, max(id) AS last FROM records WHERE id >= ? AND id < ?',
    ),
    read: storage.query<{ id: number; value: Uint8Array }>(
      'SELECT id, value FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
    ),
    sizes: storage.query<{ size: number }>(
      'SELECT length(value) AS size FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
    ),
    firstSince: storage.query<{ id: number }>(
      'SELECT id FROM records WHERE id >= ? AND id < ? AND at >= ? ORDER BY id LIMIT 1',
    ),
    append: storage.statement('INSERT INTO records (id, at, key, value) VALUES (?, ?, ?, ?)'),
    remove: storage.statement('DELETE FROM records WHERE id >= ? AND id < ?'),
    storeTopic: storage.statement('INSERT OR REPLACE INTO topics (name, retention) VALUES (?, ?)'),
    storePartition: storage.statement(
      'INSERT INTO partitions (id, topic, number, start) VALUES (?, ?, ?, 0)',
    ),
    storeStart: storage.statement('UPDATE partitions SET start = ? WHERE id = ?'),
  };
}
