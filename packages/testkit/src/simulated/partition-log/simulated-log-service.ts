/**
 * Purpose: the service side of the simulated partition log, shared by all its clients: topics and their records.
 * States: none beyond the records; it is up always, what goes wrong is planned in `faults` or done by the test.
 * What is authoritative: `#topics`. Positions are contiguous; a position never comes back.
 * On failure: a topic or partition that does not exist refuses appends and reads.
 * Not here: order among appends of one client (SimulatedPartitionLog).
 */
import { type LogRecord, type Runtime, UnavailableError } from '@baton/core';
import { Faults } from '../faults.js';

/**
 * `lose-request`: nothing is appended, outcome unknown. `lose-reply`: all is appended, outcome unknown. `tear`: only the records
 * of some partitions are appended, outcome unknown. `land-late`: outcome unknown, appended after `delayMs`. `duplicate`: appended
 * twice and acknowledged. `refuse`: not done, the service says so.
 */
export type LogFault = 'lose-request' | 'lose-reply' | 'tear' | 'land-late' | 'duplicate' | 'refuse';
export type LogOperation = 'append' | 'read' | 'bounds';

/** Records of one partition; the first stands at position `start`. */
export interface PartitionRecords {
  start: number;
  readonly records: Uint8Array[];
  readonly waiting: Set<() => void>;
}

export class SimulatedLogService {
  readonly faults = new Faults<LogOperation, LogFault>();
  readonly runtime: Runtime;
  readonly #topics = new Map<string, PartitionRecords[]>();
  readonly #observe: ((record: LogRecord, position: number) => void) | undefined;

  /** `observe` is told of every record that is appended. */
  constructor(
    runtime: Runtime,
    options: { readonly observe?: (record: LogRecord, position: number) => void } = {},
  ) {
    this.runtime = runtime;
    this.#observe = options.observe;
  }

  // ---- what a test does to it

  /** Retention: the records below `position` are gone. */
  dropBelow({ topic, partition, position }: { topic: string; partition: number; position: number }): void {
    const records = this.partition(topic, partition);
    records.records.splice(0, Math.max(0, position - records.start));
    records.start = Math.max(records.start, position);
  }

  /** A correlated loss of power: the newest records are gone although they were acknowledged (P-206). Answers how many. */
  cutEnd({ topic, partition, count }: { topic: string; partition: number; count: number }): number {
    const { records } = this.partition(topic, partition);
    return records.splice(Math.max(0, records.length - count)).length;
  }

  /** All records of a partition, for assertions. */
  recordsOf(topic: string, partition: number): readonly Uint8Array[] {
    return [...this.partition(topic, partition).records];
  }

  // ---- what clients use

  /** Carries something over the network, one direction. */
  carry(callback: () => void): void {
    if (this.faults.slowMs > 0) this.runtime.clock.setTimer(this.faults.slowMs, callback);
    else this.runtime.clock.setImmediate(callback);
  }

  /** Raises a topic to so many partitions; never lowers it. */
  ensure(topic: string, partitions: number): void {
    const present = this.#topics.get(topic) ?? [];
    while (present.length < partitions) present.push({ start: 0, records: [], waiting: new Set() });
    this.#topics.set(topic, present);
  }

  partitions(topic: string): number {
    return this.#topics.get(topic)?.length ?? 0;
  }

  /** @throws UnavailableError `BATON_UNAVAILABLE_REFUSED` when it does not exist. */
  partition(topic: string, partition: number): PartitionRecords {
    const found = this.#topics.get(topic)?.[partition];
    if (found === undefined)
      throw new UnavailableError(
        'BATON_UNAVAILABLE_REFUSED',
        `there is no partition ${partition} of ${topic}`,
      );
    return found;
  }

  append(records: readonly LogRecord[]): void {
    const targets = records.map((record) => this.partition(record.topic, record.partition));
    for (const [index, record] of records.entries()) {
      const target = targets[index] as PartitionRecords;
      const length = target.records.push(record.value);
      this.#observe?.(record, target.start + length - 1);
    }
    for (const target of new Set(targets)) for (const wake of [...target.waiting]) wake();
  }
}
