import { defineContract, type Case } from './contract.js';
import type { CoordinationWorld } from './coordination/coordination-world.js';
import { multiCases } from './coordination/multi-cases.js';
import { nodeCases } from './coordination/node-cases.js';
import { sessionCases } from './coordination/session-cases.js';
import { watchCases } from './coordination/watch-cases.js';

export type { CoordinationWorld } from './coordination/coordination-world.js';

/** Everything the port's comments promise of a service at rest. The root each client was given exists and is empty at the start. */
export const coordinationCases: readonly Case<CoordinationWorld>[] = [
  ...nodeCases,
  ...multiCases,
  ...watchCases,
  ...sessionCases,
];

export function coordinationContract(name: string, open: () => Promise<CoordinationWorld>): void {
  defineContract(`${name} keeps the contract of Coordination`, coordinationCases, open);
}
