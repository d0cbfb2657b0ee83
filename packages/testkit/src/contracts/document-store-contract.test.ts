import { describe, expect, it } from '@jest/globals';
import type { DocumentStore, InsertVerdict, StoredDocument } from '@baton/core';
import { simulatedDocumentStoreWorld } from '../simulated/simulated-worlds.js';
import { caseNamed, runCase } from './contract.js';
import {
  documentStoreCases,
  documentStoreContract,
  type DocumentStoreWorld,
} from './document-store-contract.js';
import { mutant } from './mutant.js';

documentStoreContract('SimulatedDocumentStore', simulatedDocumentStoreWorld);

type Mutation = (store: DocumentStore) => Partial<DocumentStore>;

async function worldWith(mutation: Mutation): Promise<DocumentStoreWorld> {
  const world = await simulatedDocumentStoreWorld();
  const mutate = (store: DocumentStore): DocumentStore => mutant(store, mutation(store));
  return {
    ...world,
    primitive: mutate(world.primitive),
    peer: async () => mutate(await world.peer()),
    elsewhere: async () => mutate(await world.elsewhere()),
  };
}

function mapped(change: (value: unknown) => unknown): Mutation {
  return (store) => ({
    get: async (collection, ids) =>
      (await store.get(collection, ids)).map(
        (each) =>
          each &&
          (Object.fromEntries(Object.entries(each).map(([k, v]) => [k, change(v)])) as StoredDocument),
      ),
  });
}

/** The mistake, the case that finds it, the mistake in code. */
const mutants: readonly (readonly [string, string, Mutation])[] = [
  [
    'a duplicate is accepted',
    'a new document is stored, one with a known id is a duplicate and changes nothing',
    (store) => ({
      insert: async (collection, documents) => {
        await store.replace(collection, documents);
        return documents.map((): InsertVerdict => ({ verdict: 'stored' }));
      },
    }),
  ],
  [
    'an insert looks first and then writes',
    'of concurrent inserts of one id exactly one is stored, and it stays',
    (store) => ({
      insert: async (collection, documents) => {
        const found = await store.get(
          collection,
          documents.map(({ _id }) => _id),
        );
        await store.replace(
          collection,
          documents.filter((_, index) => found[index] === undefined),
        );
        return found.map((each): InsertVerdict => ({ verdict: each === undefined ? 'stored' : 'duplicate' }));
      },
    }),
  ],
  [
    'a batch ends at its first duplicate',
    'a batch has one verdict per document in its order, independently of each other',
    (store) => ({
      insert: async (collection, documents) => {
        const verdicts: InsertVerdict[] = [];
        for (const document of documents) {
          const stopped = verdicts.some(({ verdict }) => verdict === 'duplicate');
          const [verdict] = stopped ? [] : await store.insert(collection, [document]);
          verdicts.push(verdict ?? { verdict: 'duplicate' });
        }
        return verdicts;
      },
    }),
  ],
  [
    'verdicts come in another order',
    'a batch has one verdict per document in its order, independently of each other',
    (store) => ({
      insert: async (collection, documents) =>
        [...(await store.insert(collection, documents))].sort((a, b) => (a.verdict < b.verdict ? 1 : -1)),
    }),
  ],
  [
    'of one id twice in a batch the last is stored',
    'of one id twice in a batch the first is stored',
    (store) => ({
      insert: async (collection, documents) =>
        [...(await store.insert(collection, [...documents].reverse()))].reverse(),
    }),
  ],
  [
    'a document that is too large fails its batch',
    'a document above 1 MiB is refused as too large; the others of its batch are stored',
    (store) => ({
      insert: async (collection, documents) => {
        const refused = (
          await store.insert(
            collection,
            documents.filter(({ _id }) => _id.length > 1),
          )
        ).find(({ verdict }) => verdict === 'refused');
        return refused === undefined ? store.insert(collection, documents) : documents.map(() => refused);
      },
    }),
  ],
  [
    'numbers are 32 bits wide',
    'fields come back exactly: texts, numbers, booleans, null',
    mapped((value) => (Number.isInteger(value) ? (value as number) | 0 : value)),
  ],
  [
    'null is left out',
    'fields come back exactly: texts, numbers, booleans, null',
    mapped((value) => value ?? undefined),
  ],
  [
    'bytes pass through text',
    'bytes come back exactly, as Uint8Array',
    mapped((value) =>
      value instanceof Uint8Array ? new TextEncoder().encode(new TextDecoder().decode(value)) : value,
    ),
  ],
  [
    'bytes come back as something else',
    'bytes come back exactly, as Uint8Array',
    mapped((value) => (value instanceof Uint8Array ? { buffer: value } : value)),
  ],
  [
    'documents are read later',
    'documents are taken when insert is called and given as copies',
    (store) => ({
      insert: async (collection, documents) => {
        await new Promise(setImmediate);
        return store.insert(collection, documents);
      },
    }),
  ],
  [
    'get answers in the order of ids',
    'get answers in the order asked, with undefined for what is not there',
    (store) => ({ get: (collection, ids) => store.get(collection, [...ids].sort()) }),
  ],
  [
    'get leaves out what is not there',
    'get answers in the order asked, with undefined for what is not there',
    (store) => ({
      get: async (collection, ids) => (await store.get(collection, ids)).filter((each) => each !== undefined),
    }),
  ],
  [
    'find has no order',
    'find gives all, ordered by id, at most as many as the limit',
    (store) => ({ find: async (collection, query) => [...(await store.find(collection, query))].reverse() }),
  ],
  [
    'find ignores its limit',
    'find gives all, ordered by id, at most as many as the limit',
    (store) => ({ find: (collection, query) => store.find(collection, { ...query, limit: 1e9 }) }),
  ],
  [
    'find takes one of no values for all',
    'find gives the documents whose field has one of the values',
    (store) => ({
      find: (collection, { where, ...query }) =>
        store.find(collection, where === undefined || where.oneOf.length === 0 ? query : { where, ...query }),
    }),
  ],
  [
    'find compares only the first value',
    'find gives the documents whose field has one of the values',
    (store) => ({
      find: (collection, { where, ...query }) =>
        store.find(
          collection,
          where ? { ...query, where: { ...where, oneOf: where.oneOf.slice(0, 1) } } : query,
        ),
    }),
  ],
  [
    'find begins at its id, not after it',
    'find goes on strictly after an id, in both orders',
    (store) => ({
      find: async (collection, query) => {
        const [at] = query.after === undefined ? [] : await store.get(collection, [query.after]);
        const found = await store.find(collection, query);
        return at === undefined ? found : [at, ...found].slice(0, query.limit);
      },
    }),
  ],
  [
    'replace keeps former fields',
    'replace writes whole documents and inserts where there is none',
    (store) => ({
      replace: async (collection, documents) => {
        const found = await store.get(
          collection,
          documents.map(({ _id }) => _id),
        );
        await store.replace(
          collection,
          documents.map((each, index) => ({ ...found[index], ...each })),
        );
      },
    }),
  ],
  [
    'replace needs a document to replace',
    'replace writes whole documents and inserts where there is none',
    (store) => ({
      replace: async (collection, documents) => {
        const found = await store.get(
          collection,
          documents.map(({ _id }) => _id),
        );
        await store.replace(
          collection,
          documents.filter((_, index) => found[index] !== undefined),
        );
      },
    }),
  ],
  [
    'delete removes the first only',
    'delete removes by id; what is not there is no error; the id is free again',
    (store) => ({ delete: (collection, ids) => store.delete(collection, ids.slice(0, 1)) }),
  ],
  [
    'a large answer is cut',
    '600 documents in one call are inserted, read, replaced and deleted',
    (store) => ({
      find: (collection, query) => store.find(collection, { ...query, limit: Math.min(query.limit, 500) }),
    }),
  ],
];

describe('the contract of DocumentStore finds', () => {
  it.each(mutants)('%s (%s)', async (_mistake, name, mutation) => {
    const each = caseNamed(documentStoreCases, name);
    await expect(runCase(each, () => worldWith(mutation))).rejects.toThrow();
  });

  it('two databases that are one', async () => {
    const open = async (): Promise<DocumentStoreWorld> => {
      const world = await simulatedDocumentStoreWorld();
      return { ...world, elsewhere: world.peer };
    };
    const name = 'collections are separate, and so is another database';
    await expect(runCase(caseNamed(documentStoreCases, name), open)).rejects.toThrow();
  });
});
