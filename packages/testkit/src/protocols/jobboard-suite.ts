/** The protocol of the board over any Coordination. */
import { defineContract } from '../contracts/contract.js';
import type { BoardWorld, FaultyBoardWorld } from './jobboard/board-world.js';
import { faultCases } from './jobboard/fault-cases.js';
import { jobCases } from './jobboard/job-cases.js';
import { viewCases } from './jobboard/view-cases.js';

export type { BoardWorld, FaultyBoardWorld } from './jobboard/board-world.js';
export const jobBoardCases = [...jobCases, ...viewCases];
export const jobBoardFaultCases = faultCases;

/** Each case gets a world of its own: an empty root. */
export function jobBoardSuite(name: string, open: () => Promise<BoardWorld>): void {
  defineContract(`${name} carries the board`, jobBoardCases, open);
}

/** For substrates on which messages can be lost on purpose. */
export function jobBoardFaultSuite(name: string, open: () => Promise<FaultyBoardWorld>): void {
  defineContract(`${name} carries the board through faults`, jobBoardFaultCases, open);
}
