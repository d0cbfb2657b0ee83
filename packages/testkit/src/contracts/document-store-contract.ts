import { type Case, defineContract } from './contract.js';
import type { DocumentStoreWorld } from './document-store/document-store-world.js';
import { insertCases } from './document-store/insert-cases.js';
import { readAndReplaceCases } from './document-store/read-and-replace-cases.js';

export type { DocumentStoreWorld } from './document-store/document-store-world.js';

/** Everything the port's comments promise of a service at rest: then reads show what was acknowledged. */
export const documentStoreCases: readonly Case<DocumentStoreWorld>[] = [
  ...insertCases,
  ...readAndReplaceCases,
];

export function documentStoreContract(name: string, open: () => Promise<DocumentStoreWorld>): void {
  defineContract(`${name} keeps the contract of DocumentStore`, documentStoreCases, open);
}
