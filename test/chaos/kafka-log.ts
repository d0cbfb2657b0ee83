/**
 * Reads the segments of one topic from the files of a Kafka broker: every record it took, with the moment of its append (the broker is told to stamp them:
 * test/support/services/kafka.ts). Format: record batches, version 2, not compressed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AppendedRecord {
  readonly partition: number;
  readonly atMs: number;
  readonly value: Buffer;
}

/** Of a batch: its length counts from behind itself, its records come behind the header. */
const batchAt = { length: 8, magic: 16, maxTimestamp: 35, count: 57, records: 61 } as const;
const beforeLength = 12;

export function recordsOf(folder: string, topic: string): readonly AppendedRecord[] {
  const partitions = readdirSync(folder).flatMap((name) => {
    const number = name.startsWith(`${topic}-`) ? Number(name.slice(topic.length + 1)) : NaN;
    return Number.isInteger(number) ? [{ number, folder: join(folder, name) }] : [];
  });
  return partitions.flatMap((partition) =>
    readdirSync(partition.folder)
      .filter((file) => file.endsWith('.log'))
      .sort()
      .flatMap((file) => [...read(readFileSync(join(partition.folder, file)), partition.number)]),
  );
}

function* read(bytes: Buffer, partition: number): Generator<AppendedRecord> {
  for (let at = 0; at + batchAt.records <= bytes.length;) {
    const size = beforeLength + bytes.readInt32BE(at + batchAt.length);
    // reserved space, or being written
    if (bytes[at + batchAt.magic] !== 2 || at + size > bytes.length) return;
    const atMs = Number(bytes.readBigInt64BE(at + batchAt.maxTimestamp));
    const records = new Records(bytes.subarray(at + batchAt.records, at + size));
    for (let left = bytes.readInt32BE(at + batchAt.count); left > 0; left--)
      yield { partition, atMs, value: records.next() };
    at += size;
  }
}

class Records {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The value of the next one. */
  next(): Buffer {
    const size = this.#number();
    const end = this.#at + size;
    this.#at++; // attributes
    this.#number(); // its own time
    this.#number(); // its own offset
    this.#text(); // key
    const value = this.#text();
    this.#at = end;
    return value;
  }

  #text(): Buffer {
    const size = Math.max(0, this.#number());
    return this.#bytes.subarray(this.#at, (this.#at += size));
  }

  /** Seven bits a byte, lowest first, the sign in the lowest bit. */
  #number(): number {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }
}
