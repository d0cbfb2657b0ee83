/**
 * PartitionLog: the second primitive (DESIGN 4). Append-only partitions addressed by topic and number. Kafka's model, without
 * consumer groups; contract suite in @baton/testkit.
 *
 * Delivery is at least once: an append whose answer was lost is repeated and may stand twice. Order holds inside a partition
 * for the appends of one `LogAppender` whose promises were resolved one after the other.
 */

export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly value: Uint8Array;
  /** For people and tools that look at the topic; no decision reads it. */
  readonly key?: string;
}

export interface ReadRecord {
  /** Position in the partition, from 0; below 2^53. */
  readonly position: number;
  readonly value: Uint8Array;
}

export interface ReadResult {
  /** Records at or after the asked position, ascending; may be empty. */
  readonly records: readonly ReadRecord[];
  /** First position that was not yet readable when the service answered (high watermark): where the next append will land. */
  readonly end: number;
}

/** One connection for reading; one read at a time (a second waits for the first). */
export interface LogReader {
  /**
   * Reads from `from` on. When nothing is there, waits up to `waitMs` for something and answers as soon as it comes.
   * `maxBytes` bounds the answer, but at least one whole record is given when there is one.
   * @throws UnavailableError `BATON_UNAVAILABLE_POSITION_OUT_OF_RANGE` when `from` is below the oldest or above the end;
   *   `details` has `start` and `end`. Other UnavailableErrors: the reader reconnects by itself at the next call.
   */
  read(request: {
    readonly partition: number;
    readonly from: number;
    readonly waitMs: number;
    readonly maxBytes?: number;
  }): Promise<ReadResult>;
  /** First and next position of a partition. */
  bounds(partition: number): Promise<{ readonly start: number; readonly end: number }>;
  close(): Promise<void>;
}

export interface LogAppender {
  /**
   * Appends all records, acknowledged by the service as durable as it can (`acks=all`). On rejection each record may or may
   * not be there (`BATON_UNAVAILABLE_OUTCOME_UNKNOWN`). A record above the size limit is refused before sending
   * (`BATON_INPUT_TOO_LARGE`) and then none of them is sent.
   */
  append(records: readonly LogRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly retentionMs?: number;
}

export interface PartitionLog {
  /** Makes sure the topics exist with at least so many partitions. Idempotent, safe to call at the same time from several places. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Number of partitions of a topic, 0 when it does not exist. */
  partitions(topic: string): Promise<number>;
  openAppender(): Promise<LogAppender>;
  openReader(topic: string): Promise<LogReader>;
  close(): Promise<void>;
}
