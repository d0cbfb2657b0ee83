import type { PartitionLog } from '@baton/core';
import { type Case, defineContract, type World } from './contract.js';

export type PartitionLogWorld = World<PartitionLog> & {
  /** Every topic a case makes starts with it; unique to this world. */
  readonly topicPrefix: string;
};

export const partitionLogCases: readonly Case<PartitionLogWorld>[] = [];

export function partitionLogContract(name: string, open: () => Promise<PartitionLogWorld>): void {
  defineContract(`${name} keeps the contract of PartitionLog`, partitionLogCases, open);
}
