import { InputError, type LogAppender, type LogRecord, UnavailableError } from '@baton/core';
import { integerBelow, shuffled } from '../chance.js';
import type { Wire } from '../wire.js';
import type { SimulatedLogService } from './simulated-log-service.js';

/** Below Kafka's default of 1,048,588 bytes for a batch of one record, overhead included. */
const RECORD_BYTES_MAX = 1_000_000;

interface Append {
  readonly records: readonly LogRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Appends that are under way at the same time land in any order: only those awaited one after the other have one. */
export class SimulatedLogAppender implements LogAppender {
  readonly #service: SimulatedLogService;
  readonly #wire: Wire;
  #underWay: Append[] = [];
  #closed = false;

  constructor(service: SimulatedLogService, wire: Wire) {
    this.#service = service;
    this.#wire = wire;
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const { topic, partition, value } of records)
      if (value.length > RECORD_BYTES_MAX)
        throw new InputError(
          'BATON_INPUT_TOO_LARGE',
          `record of ${value.length} bytes for ${topic}/${partition} is larger than ${RECORD_BYTES_MAX}`,
          { details: { sizeBytes: value.length, maxBytes: RECORD_BYTES_MAX } },
        );
    if (this.#closed) throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the appender is closed');
    if (records.length === 0) return;
    const copies = records.map((record) => ({ ...record, value: record.value.slice() }));
    await new Promise<void>((resolve, reject) => {
      if (this.#underWay.push({ records: copies, resolve, reject }) === 1)
        this.#wire.toService(
          () => this.#arrive(),
          () => this.#lose(),
        );
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #arrive(): void {
    const appends = shuffled(this.#service.runtime.random, this.#underWay);
    this.#underWay = [];
    for (const append of appends) {
      const error = this.#carryOut(append.records);
      this.#wire.toClient(
        () => (error === undefined ? append.resolve() : append.reject(error)),
        () => append.reject(unanswered()),
      );
    }
  }

  /** Nothing of what is under way reached the service, as the client cannot know. */
  #lose(): void {
    for (const append of this.#underWay.splice(0)) append.reject(unanswered());
  }

  /** What the appender is told: nothing when it was acknowledged. */
  #carryOut(records: readonly LogRecord[]): unknown {
    const fault = this.#service.faults.take('append');
    const unknown = unanswered();
    try {
      for (const { topic, partition } of records) this.#service.partition(topic, partition);
      switch (fault?.kind) {
        case undefined:
          return void this.#service.append(records);
        case 'duplicate':
          this.#service.append(records);
          return void this.#service.append(records);
        case 'lose-reply':
          this.#service.append(records);
          return unknown;
        case 'tear':
          this.#service.append(this.#torn(records));
          return unknown;
        case 'land-late':
          this.#service.runtime.clock.setTimer(fault.delayMs ?? 100, () => this.#service.append(records));
          return unknown;
        case 'lose-request':
          return unknown;
        case 'refuse':
          return new UnavailableError('BATON_UNAVAILABLE_REFUSED', 'refused by a planned fault');
      }
    } catch (error) {
      return error;
    }
  }

  /** Partitions fail independently of each other; of a single one, a prefix of the records can be there. */
  #torn(records: readonly LogRecord[]): readonly LogRecord[] {
    const { random } = this.#service.runtime;
    const keyOf = (record: LogRecord) => `${record.topic}/${record.partition}`;
    const keys = [...new Set(records.map(keyOf))];
    if (keys.length === 1) return records.slice(0, integerBelow(random, records.length));
    const kept = new Set(shuffled(random, keys).slice(0, Math.floor(keys.length / 2)));
    return records.filter((record) => kept.has(keyOf(record)));
  }
}

function unanswered(): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', 'no answer to an append');
}
