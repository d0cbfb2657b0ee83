import { expect } from '@jest/globals';
import type { FindQuery } from '@baton/core';
import { type Case, casesOf } from '../contract.js';
import { range } from '../expectations.js';
import { COLLECTION, type DocumentStoreWorld, ready } from './document-store-world.js';

/** `n-00` … `n-29`, in groups `g0`, `g1`, `g2` by turns. */
const THINGS = range(30).map((n) => ({ _id: `n-${String(n).padStart(2, '0')}`, group: `g${n % 3}`, n }));

export const readAndReplaceCases: readonly Case<DocumentStoreWorld>[] = casesOf<DocumentStoreWorld>({
  'get answers in the order asked, with undefined for what is not there': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, THINGS);
    const found = await store.get(COLLECTION, ['n-07', 'none', 'n-01', 'n-07', '']);
    expect(found).toEqual([THINGS[7], undefined, THINGS[1], THINGS[7], undefined]);
    expect(await store.get(COLLECTION, [])).toEqual([]);
  },

  'get takes ids as they are': async (world) => {
    const store = await ready(world);
    const ids = ['flow:1', 'flow:10', 'a.b', '$where', '{"$gt":""}', 'a/b c', '.*', 'ünï', '__proto__'];
    await store.insert(
      COLLECTION,
      ids.map((_id) => ({ _id, own: _id })),
    );
    for (const _id of ids) expect(await store.get(COLLECTION, [_id])).toEqual([{ _id, own: _id }]);
    expect(await store.get(COLLECTION, ['flow:', 'n.*'])).toEqual([undefined, undefined]);
  },

  'find gives all, ordered by id, at most as many as the limit': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, [...THINGS].reverse());
    expect(await store.find(COLLECTION, { limit: 100 })).toEqual(THINGS);
    expect(await store.find(COLLECTION, { limit: 4 })).toEqual(THINGS.slice(0, 4));
    expect(await store.find(COLLECTION, { limit: 4, order: 'descending' })).toEqual(
      [...THINGS].reverse().slice(0, 4),
    );
  },

  'find gives the documents whose field has one of the values': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, [...THINGS, { _id: 'x', n: 0 }, { _id: 'y', group: null }]);
    const find = (oneOf: readonly string[], more: Partial<FindQuery> = {}) =>
      store.find(COLLECTION, { where: { field: 'group', oneOf }, limit: 100, ...more });
    expect(await find(['g1'])).toEqual(THINGS.filter(({ group }) => group === 'g1'));
    expect(await find(['g2', 'none', 'g0'])).toEqual(THINGS.filter(({ group }) => group !== 'g1'));
    expect(await find(['none'])).toEqual([]);
    expect(await find([])).toEqual([]);
    expect(await find(['g1'], { limit: 2 })).toEqual([THINGS[1], THINGS[4]]);
    expect(await find(['g1'], { limit: 2, order: 'descending' })).toEqual([THINGS[28], THINGS[25]]);
  },

  'find goes on strictly after an id, in both orders': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, THINGS);
    const find = (query: Partial<FindQuery>) => store.find(COLLECTION, { limit: 100, ...query });
    expect(await find({ after: 'n-26' })).toEqual(THINGS.slice(27));
    expect(await find({ after: 'n-03', order: 'descending' })).toEqual(THINGS.slice(0, 3).reverse());
    expect(await find({ after: 'n-045' })).toEqual(THINGS.slice(5));
    expect(await find({ after: 'z' })).toEqual([]);
    const where = { field: 'group', oneOf: ['g0'] };
    expect(await find({ where, after: 'n-24' })).toEqual([THINGS[27]]);
    expect(await find({ where, after: 'n-06', order: 'descending' })).toEqual([THINGS[3], THINGS[0]]);
  },

  'pages of find hold every document once': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, THINGS);
    const seen: unknown[] = [];
    for (let after: string | undefined; ;) {
      const page = await store.find(COLLECTION, { limit: 7, ...(after === undefined ? {} : { after }) });
      seen.push(...page);
      after = page.at(-1)?._id;
      if (page.length < 7) break;
    }
    expect(seen).toEqual(THINGS);
  },

  'replace writes whole documents and inserts where there is none': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, [{ _id: 'a', old: 1, group: 'g0' }, { _id: 'b' }]);
    await store.replace(COLLECTION, [
      { _id: 'a', group: 'g1', bytes: Uint8Array.of(1) },
      { _id: 'c', n: 1 },
    ]);
    const [a, b, c] = await store.get(COLLECTION, ['a', 'b', 'c']);
    expect(Object.keys(a ?? {}).sort()).toEqual(['_id', 'bytes', 'group']);
    expect([b, c]).toEqual([{ _id: 'b' }, { _id: 'c', n: 1 }]);
    const of = async (group: string) =>
      (await store.find(COLLECTION, { where: { field: 'group', oneOf: [group] }, limit: 9 })).map(
        ({ _id }) => _id,
      );
    expect([await of('g0'), await of('g1')]).toEqual([[], ['a']]);
    await store.replace(COLLECTION, []);
    expect((await store.insert(COLLECTION, [{ _id: 'c' }])).map(({ verdict }) => verdict)).toEqual([
      'duplicate',
    ]);
  },

  'delete removes by id; what is not there is no error; the id is free again': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, THINGS);
    await store.delete(COLLECTION, ['n-00', 'none', 'n-01']);
    await store.delete(COLLECTION, ['n-00']);
    await store.delete(COLLECTION, []);
    expect(await store.get(COLLECTION, ['n-00', 'n-01', 'n-02'])).toEqual([undefined, undefined, THINGS[2]]);
    expect(await store.find(COLLECTION, { limit: 100 })).toEqual(THINGS.slice(2));
    expect(await store.insert(COLLECTION, [{ _id: 'n-00', n: 9 }])).toEqual([{ verdict: 'stored' }]);
  },

  '600 documents in one call are inserted, read, replaced and deleted': async (world) => {
    const store = await ready(world);
    const many = range(600).map((n) => ({ _id: `m-${String(n).padStart(4, '0')}`, group: 'm', n }));
    const ids = many.map(({ _id }) => _id);
    const verdicts = await store.insert(COLLECTION, many);
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['stored']));
    expect(await store.get(COLLECTION, ids)).toEqual(many);
    expect(await store.find(COLLECTION, { where: { field: 'group', oneOf: ['m'] }, limit: 1_000 })).toEqual(
      many,
    );
    await store.replace(
      COLLECTION,
      many.slice(0, 100).map((each) => ({ ...each, n: -1 })),
    );
    expect((await store.get(COLLECTION, ids.slice(0, 101))).map((each) => each?.['n'])).toEqual([
      ...range(100).map(() => -1),
      100,
    ]);
    await store.delete(COLLECTION, ids);
    expect(await store.find(COLLECTION, { limit: 10 })).toEqual([]);
  },

  'collections are separate, and so is another database': async (world) => {
    const store = await ready(world);
    const elsewhere = await world.elsewhere();
    await store.ensureCollections([{ name: 'others' }]);
    await elsewhere.ensureCollections([{ name: COLLECTION, indexes: ['group'] }]);
    await store.insert(COLLECTION, [{ _id: 'a', in: 'things' }]);
    expect(await store.insert('others', [{ _id: 'a', in: 'others' }])).toEqual([{ verdict: 'stored' }]);
    expect(await elsewhere.get(COLLECTION, ['a'])).toEqual([undefined]);
    expect(await elsewhere.insert(COLLECTION, [{ _id: 'a', in: 'elsewhere' }])).toEqual([
      { verdict: 'stored' },
    ]);
    expect(await store.get(COLLECTION, ['a'])).toEqual([{ _id: 'a', in: 'things' }]);
    expect(await store.get('others', ['a'])).toEqual([{ _id: 'a', in: 'others' }]);
  },

  'collections may be ensured again, by several clients, and get further indexes': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, THINGS);
    const peer = await world.peer();
    const spec = [{ name: COLLECTION, indexes: ['group', 'kind'] }, { name: 'more' }];
    await Promise.all([store, peer, store, peer].map((client) => client.ensureCollections(spec)));
    await peer.insert(COLLECTION, [{ _id: 'k', kind: 'new' }]);
    const query = { where: { field: 'kind', oneOf: ['new'] }, limit: 5 };
    expect(await store.find(COLLECTION, query)).toEqual([{ _id: 'k', kind: 'new' }]);
    expect(await peer.find(COLLECTION, { limit: 100, after: 'n' })).toEqual(THINGS);
  },

  'closing twice is closing once, and what was stored stays': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, [{ _id: 'a' }]);
    const peer = await world.peer();
    await store.close();
    await store.close();
    expect(await peer.get(COLLECTION, ['a'])).toEqual([{ _id: 'a' }]);
  },
});
