import type { Coordination } from '@baton/core';
import { type Case, defineContract, type SeparatedWorld } from './contract.js';

export interface CoordinationWorld extends SeparatedWorld<Coordination> {
  /** A Coordination whose service cannot be reached. */
  unreachable(): Promise<Coordination>;
}

/** Everything the port's comments promise. The root each client was given exists and is empty at the start. */
export const coordinationCases: readonly Case<CoordinationWorld>[] = [];

export function coordinationContract(name: string, open: () => Promise<CoordinationWorld>): void {
  defineContract(`${name} keeps the contract of Coordination`, coordinationCases, open);
}
