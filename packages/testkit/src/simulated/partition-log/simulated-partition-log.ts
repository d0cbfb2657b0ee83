import type { LogAppender, LogReader, PartitionLog, Runtime, TopicSpec } from '@baton/core';
import { SimulatedLogAppender } from './simulated-log-appender.js';
import { SimulatedLogReader } from './simulated-log-reader.js';
import { SimulatedLogService } from './simulated-log-service.js';
import { plainWire, request, type Wire } from '../wire.js';

/** A client of the simulated partition log. `service` plans faults and shows what was appended. */
export class SimulatedPartitionLog implements PartitionLog {
  readonly service: SimulatedLogService;
  readonly #wire: Wire;
  readonly #opened = new Set<LogAppender | LogReader>();

  /** Several clients of one service share it; by default a new one. */
  constructor(
    runtime: Runtime,
    options: { readonly service?: SimulatedLogService; readonly wire?: Wire } = {},
  ) {
    this.service = options.service ?? new SimulatedLogService(runtime);
    this.#wire = options.wire ?? plainWire(this.service);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await request(this.#wire, () => {
      for (const { topic, partitions } of topics) this.service.ensure(topic, partitions);
    });
  }

  async partitions(topic: string): Promise<number> {
    return request(this.#wire, () => this.service.partitions(topic));
  }

  async openAppender(): Promise<LogAppender> {
    await request(this.#wire, () => undefined);
    return this.#keep(new SimulatedLogAppender(this.service, this.#wire));
  }

  async openReader(topic: string): Promise<LogReader> {
    await request(this.#wire, () => undefined);
    return this.#keep(new SimulatedLogReader(this.service, topic, this.#wire));
  }

  /** Closes what it opened. */
  async close(): Promise<void> {
    for (const each of this.#opened) await each.close();
    this.#opened.clear();
  }

  #keep<T extends LogAppender | LogReader>(opened: T): T {
    this.#opened.add(opened);
    return opened;
  }
}
