import type { LogAppender, LogReader, PartitionLog, Runtime, TopicSpec } from '@baton/core';
import { SimulatedLogAppender } from './simulated-log-appender.js';
import { SimulatedLogReader } from './simulated-log-reader.js';
import { SimulatedLogService } from './simulated-log-service.js';

/** A client of the simulated partition log. `service` plans faults and shows what was appended. */
export class SimulatedPartitionLog implements PartitionLog {
  readonly service: SimulatedLogService;
  readonly #opened = new Set<LogAppender | LogReader>();

  /** Several clients of one service share it; by default a new one. */
  constructor(runtime: Runtime, options: { readonly service?: SimulatedLogService } = {}) {
    this.service = options.service ?? new SimulatedLogService(runtime);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#hop();
    for (const { topic, partitions } of topics) this.service.ensure(topic, partitions);
    await this.#hop();
  }

  async partitions(topic: string): Promise<number> {
    await this.#hop();
    return this.service.partitions(topic);
  }

  async openAppender(): Promise<LogAppender> {
    await this.#hop();
    return this.#keep(new SimulatedLogAppender(this.service));
  }

  async openReader(topic: string): Promise<LogReader> {
    await this.#hop();
    return this.#keep(new SimulatedLogReader(this.service, topic));
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

  #hop(): Promise<void> {
    return new Promise((resolve) => this.service.carry(resolve));
  }
}
