export type { KafkaOptions } from './kafka-options.js';
export { KafkaPartitionLog } from './kafka-partition-log.js';
