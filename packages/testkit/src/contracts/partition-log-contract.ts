import { type Case, defineContract } from './contract.js';
import { appendCases } from './partition-log/append-cases.js';
import type { PartitionLogWorld } from './partition-log/partition-log-world.js';
import { readCases } from './partition-log/read-cases.js';
import { topicCases } from './partition-log/topic-cases.js';

export type { PartitionLogWorld } from './partition-log/partition-log-world.js';

/** Everything the port's comments promise of a service at rest; records may stand twice. */
export const partitionLogCases: readonly Case<PartitionLogWorld>[] = [
  ...topicCases,
  ...appendCases,
  ...readCases,
];

export function partitionLogContract(name: string, open: () => Promise<PartitionLogWorld>): void {
  defineContract(`${name} keeps the contract of PartitionLog`, partitionLogCases, open);
}
