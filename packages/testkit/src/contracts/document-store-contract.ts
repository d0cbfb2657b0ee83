import type { DocumentStore } from '@baton/core';
import { type Case, defineContract, type SeparatedWorld } from './contract.js';

/** `primitive` and `peer` share one empty database; `elsewhere` is another one. */
export type DocumentStoreWorld = SeparatedWorld<DocumentStore>;

export const documentStoreCases: readonly Case<DocumentStoreWorld>[] = [];

export function documentStoreContract(name: string, open: () => Promise<DocumentStoreWorld>): void {
  defineContract(`${name} keeps the contract of DocumentStore`, documentStoreCases, open);
}
