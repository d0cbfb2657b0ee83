import { defineContract } from '../contracts/contract.js';
import { appendCases } from './journal/append-cases.js';
import { fenceCases } from './journal/fence-cases.js';
import type { JournalWorld } from './journal/journal-world.js';
import { loadingCases } from './journal/loading-cases.js';
import { recordCases } from './journal/record-cases.js';

export type { JournalWorld } from './journal/journal-world.js';
export * from './journal/sample-entries.js';

export const journalCases = [...appendCases, ...loadingCases, ...fenceCases, ...recordCases];

/** The journal protocol and everything else of @baton/persistence, in real time, on a DocumentStore of any substrate. */
export function journalSuite(name: string, open: () => Promise<JournalWorld>): void {
  defineContract(`the journal protocol on ${name}`, journalCases, open);
}
