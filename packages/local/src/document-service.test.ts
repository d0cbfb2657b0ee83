import { serialize } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FindQuery } from '@baton/core';
import { DocumentService } from './document-service.js';
import type { Peer } from './handlers.js';
import { Storage } from './storage.js';

const peer: Peer = { tell: () => undefined, end: () => undefined };
const place = { namespace: 'n', collection: 'c' };
let storage: Storage;
let service: DocumentService;

beforeEach(() => {
  storage = Storage.open(':memory:');
  service = new DocumentService({ storage });
});

afterEach(() => storage.close());

const encoded = (document: { readonly _id: string; readonly [field: string]: unknown }) => ({
  id: document._id,
  body: serialize(document),
});

function ensure(...indexes: string[]): void {
  const collections = [{ name: 'c', indexes }];
  void service.handlers['documents.ensure']({ namespace: 'n', collections }, peer);
}

function insert(...documents: { readonly _id: string; readonly [field: string]: unknown }[]): void {
  void service.handlers['documents.insert']({ ...place, documents: documents.map(encoded) }, peer);
}

function find(query: Partial<FindQuery>): { ids: string[]; more: boolean } {
  const answer = service.handlers['documents.find']({ ...place, query: { limit: 100, ...query } }, peer);
  const { documents, more } = answer as Exclude<typeof answer, Promise<unknown>>;
  return { ids: documents.map(({ id }) => id), more };
}

const inGroups = (...oneOf: string[]) => ({ where: { field: 'group', oneOf } });

describe('documents by field', () => {
  it('are the same with and without an index, and with an index made late', () => {
    insert(
      { _id: 'b', group: 'x' },
      { _id: 'a', group: 'y' },
      { _id: 'c', group: 'x' },
      { _id: 'd', group: 1 },
    );
    const looked = () => [
      find(inGroups('x', 'y', 'x', 'none')).ids,
      find({ ...inGroups('x', 'y'), order: 'descending', limit: 2 }).ids,
      find({ ...inGroups('x'), after: 'b' }).ids,
      find({ ...inGroups('x'), after: 'c', order: 'descending' }).ids,
      find(inGroups()).ids,
    ];
    const expected = [['a', 'b', 'c'], ['c', 'b'], ['c'], ['b'], []];
    expect(looked()).toEqual(expected);
    ensure('group');
    expect(looked()).toEqual(expected);
    service = new DocumentService({ storage });
    expect(looked()).toEqual(expected);
  });

  it('follow replace and delete', () => {
    ensure('group');
    insert({ _id: 'a', group: 'x' }, { _id: 'b', group: 'x' });
    const documents = [encoded({ _id: 'a', group: 'y' })];
    void service.handlers['documents.replace']({ ...place, documents }, peer);
    void service.handlers['documents.delete']({ ...place, ids: ['b'] }, peer);
    expect(find(inGroups('x')).ids).toEqual([]);
    expect(find(inGroups('y')).ids).toEqual(['a']);
  });
});

it('an answer is cut to what fits a message, and says that there is more', () => {
  const big = 'x'.repeat(1_000_000);
  insert(...Array.from({ length: 12 }, (_, n) => ({ _id: `d${String(n).padStart(2, '0')}`, big })));
  const first = find({});
  expect(first.more).toBe(true);
  expect(first.ids.length).toBeLessThan(12);
  const rest = find({ after: first.ids.at(-1) as string });
  expect(rest.more).toBe(false);
  expect(first.ids.length + rest.ids.length).toBe(12);
  expect(find({ limit: 3 })).toEqual({ ids: ['d00', 'd01', 'd02'], more: false });
});
