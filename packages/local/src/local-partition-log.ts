/**
 * Purpose: PartitionLog by the embedded server: one connection for each appender and reader, one for the rest.
 * On failure: the connections are opened again by the next call; nothing is repeated.
 */
import {
  codeOf,
  InputError,
  type LogAppender,
  type Logger,
  type LogReader,
  type LogRecord,
  type PartitionLog,
  type ReadResult,
  type TopicSpec,
  UnavailableError,
} from '@baton/core';
import { inBatches } from './in-batches.js';
import { Link } from './link.js';

/** As Kafka's default, so that what works here works there. */
const RECORD_BYTES_MAX = 1_000_000;
const READ_BYTES_DEFAULT = 1024 * 1024;

export interface LocalPartitionLogOptions {
  /** What the server told: a socket path or `host:port`. */
  readonly address: string;
  readonly logger: Logger;
}

export class LocalPartitionLog implements PartitionLog {
  readonly #address: string;
  readonly #logger: Logger;
  readonly #link: Link;
  readonly #opened = new Set<Link>();

  constructor({ address, logger }: LocalPartitionLogOptions) {
    this.#address = address;
    this.#logger = logger;
    this.#link = new Link(address);
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#link.call('log.ensure', { topics });
    this.#logger.debug('topics ensured', { topics: topics.map(({ topic }) => topic) });
  }

  partitions(topic: string): Promise<number> {
    return this.#link.call('log.partitions', { topic });
  }

  async openAppender(): Promise<LogAppender> {
    const link = await this.#openLink();
    return { append: (records) => append(link, records), close: () => this.#closeLink(link) };
  }

  async openReader(topic: string): Promise<LogReader> {
    const link = await this.#openLink();
    return {
      read: ({ maxBytes = READ_BYTES_DEFAULT, ...request }): Promise<ReadResult> =>
        link.call('log.read', { topic, maxBytes, ...request }).catch(rethrowRead),
      bounds: (partition) => link.call('log.bounds', { topic, partition }).catch(rethrowRead),
      close: () => this.#closeLink(link),
    };
  }

  /** Closes what it opened, too. */
  async close(): Promise<void> {
    await this.#link.close();
    for (const link of this.#opened) await this.#closeLink(link);
  }

  async #openLink(): Promise<Link> {
    const link = new Link(this.#address);
    await link.open();
    this.#opened.add(link);
    return link;
  }

  async #closeLink(link: Link): Promise<void> {
    this.#opened.delete(link);
    await link.close();
  }
}

/** A read that was not answered changed nothing: there is no outcome to be unsure of. */
function rethrowRead(cause: unknown): never {
  if (codeOf(cause) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw cause;
  throw new UnavailableError(
    'BATON_UNAVAILABLE_DISCONNECTED',
    'the connection to the embedded server ended before a read was answered',
    { cause },
  );
}

async function append(link: Link, records: readonly LogRecord[]): Promise<void> {
  for (const { topic, partition, value } of records)
    if (value.length > RECORD_BYTES_MAX)
      throw new InputError(
        'BATON_INPUT_TOO_LARGE',
        `record of ${value.length} bytes for ${topic}/${partition} is above ${RECORD_BYTES_MAX}`,
        { details: { sizeBytes: value.length, maxBytes: RECORD_BYTES_MAX } },
      );
  const batches = inBatches(records, ({ value }) => value.length);
  await Promise.all(batches.map((batch) => link.call('log.append', { records: batch })));
}
