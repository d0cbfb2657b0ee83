import type { Logger } from '@baton/core';
import type { RetryOptions } from 'kafkajs';

export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster. */
  readonly brokers: readonly string[];
  /** Shown in the logs of the brokers. */
  readonly clientId: string;
  readonly logger: Logger;
  /** Replicas of each partition of a topic that is made. Default 3, or as many as there are brokers. */
  readonly replication?: number | undefined;
}

export const connectionTimeoutMs = 3_000;

/**
 * kafkajs's own retries only bridge a moment and try each seed once; what lasts longer is for the layer above, which
 * starts over with a fresh client. (Its defaults wait up to 30 s between attempts: recovery would lag behind the broker.)
 */
export function retryOf(brokers: readonly string[]): RetryOptions {
  return { initialRetryTime: 50, maxRetryTime: 300, retries: Math.max(2, brokers.length) };
}
