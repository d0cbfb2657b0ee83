import { type LogReader, type ReadResult, UnavailableError } from '@baton/core';
import { integerBelow } from '../chance.js';
import { request, type Wire } from '../wire.js';
import type { PartitionRecords, SimulatedLogService } from './simulated-log-service.js';

type ReadRequest = Parameters<LogReader['read']>[0];

const MAX_BYTES_DEFAULT = 1_048_576;

/** An answer may hold fewer records than there are: only an answer that reaches `end` says that there are no more. */
export class SimulatedLogReader implements LogReader {
  readonly #service: SimulatedLogService;
  readonly #wire: Wire;
  readonly #topic: string;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  #stopWaiting: () => void = () => undefined;

  constructor(service: SimulatedLogService, topic: string, wire: Wire) {
    this.#service = service;
    this.#wire = wire;
    this.#topic = topic;
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#afterLast(() => this.#read(request));
  }

  bounds(partition: number): Promise<{ readonly start: number; readonly end: number }> {
    return this.#afterLast(() =>
      this.#request('bounds', () => boundsOf(this.#service.partition(this.#topic, partition))),
    );
  }

  /** A read that waits ends with an UnavailableError. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting();
    await this.#last.catch(() => undefined);
  }

  #afterLast<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #read({ partition, from, waitMs, maxBytes = MAX_BYTES_DEFAULT }: ReadRequest): Promise<ReadResult> {
    return this.#request('read', async () => {
      const stored = this.#service.partition(this.#topic, partition);
      this.#checkRange(stored, partition, from);
      if (from === boundsOf(stored).end && waitMs > 0) {
        await this.#wait(stored, waitMs);
        this.#checkOpen();
        this.#checkRange(stored, partition, from);
      }
      const first = from - stored.start;
      const records = stored.records.slice(first, first + this.#count(stored, from, maxBytes));
      return {
        records: records.map((value, index) => ({ position: from + index, value: value.slice() })),
        end: boundsOf(stored).end,
      };
    });
  }

  async #request<T>(operation: 'read' | 'bounds', work: () => T | Promise<T>): Promise<T> {
    this.#checkOpen();
    return request(this.#wire, () => {
      this.#checkOpen();
      if (this.#service.faults.take(operation) !== undefined)
        throw new UnavailableError('BATON_UNAVAILABLE_REFUSED', `${operation} refused by a planned fault`);
      return work();
    });
  }

  #wait(stored: PartitionRecords, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = (): void => {
        cancelTimer();
        stored.waiting.delete(stop);
        resolve();
      };
      const cancelTimer = this.#service.runtime.clock.setTimer(waitMs, stop);
      stored.waiting.add(stop);
      this.#stopWaiting = stop;
    });
  }

  /** How many records fit, at least one; now and then fewer than fit. */
  #count(stored: PartitionRecords, from: number, maxBytes: number): number {
    const available = stored.records.slice(from - stored.start);
    let bytes = 0;
    let count = 0;
    for (const value of available) {
      bytes += value.length;
      if (count > 0 && bytes > maxBytes) break;
      count++;
    }
    const { random } = this.#service.runtime;
    return count > 1 && random.fraction() < 0.25 ? 1 + integerBelow(random, count) : count;
  }

  #checkRange(stored: PartitionRecords, partition: number, from: number): void {
    const { start, end } = boundsOf(stored);
    if (from >= start && from <= end) return;
    throw new UnavailableError(
      'BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE',
      `position ${from} of ${this.#topic}/${partition} is not within ${start} and ${end}`,
      { details: { topic: this.#topic, partition, position: from, start, end } },
    );
  }

  #checkOpen(): void {
    if (this.#closed) throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the reader is closed');
  }
}

function boundsOf({ start, records }: PartitionRecords): { start: number; end: number } {
  return { start, end: start + records.length };
}
