import { expect } from '@jest/globals';
import type { StoredDocument } from '@baton/core';
import { type Case, casesOf } from '../contract.js';
import { range } from '../expectations.js';
import { COLLECTION, type DocumentStoreWorld, plain, ready } from './document-store-world.js';

export const insertCases: readonly Case<DocumentStoreWorld>[] = casesOf<DocumentStoreWorld>({
  'a new document is stored, one with a known id is a duplicate and changes nothing': async (world) => {
    const store = await ready(world);
    expect(await store.insert(COLLECTION, [{ _id: 'a', n: 1 }])).toEqual([{ verdict: 'stored' }]);
    expect(await store.insert(COLLECTION, [{ _id: 'a', n: 2 }])).toEqual([{ verdict: 'duplicate' }]);
    expect(await store.insert(COLLECTION, [{ _id: 'a', n: 1 }])).toEqual([{ verdict: 'duplicate' }]);
    expect(await store.get(COLLECTION, ['a'])).toEqual([{ _id: 'a', n: 1 }]);
  },

  'a batch has one verdict per document in its order, independently of each other': async (world) => {
    const store = await ready(world);
    await store.insert(COLLECTION, [{ _id: 'b' }, { _id: 'd' }]);
    const verdicts = await store.insert(
      COLLECTION,
      ['a', 'b', 'c', 'd', 'e'].map((_id) => ({ _id, again: true })),
    );
    expect(verdicts.map(({ verdict }) => verdict)).toEqual([
      'stored',
      'duplicate',
      'stored',
      'duplicate',
      'stored',
    ]);
    expect((await store.get(COLLECTION, ['a', 'b', 'e'])).map((each) => each?.['again'])).toEqual([
      true,
      undefined,
      true,
    ]);
  },

  'of one id twice in a batch the first is stored': async (world) => {
    const store = await ready(world);
    const batch = [
      { _id: 'a', n: 1 },
      { _id: 'b', n: 1 },
      { _id: 'a', n: 2 },
    ];
    const verdicts = await store.insert(COLLECTION, batch);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['stored', 'stored', 'duplicate']);
    expect(await store.get(COLLECTION, ['a', 'b'])).toEqual(batch.slice(0, 2));
  },

  'of concurrent inserts of one id exactly one is stored, and it stays': async (world) => {
    const store = await ready(world);
    const peer = await world.peer();
    for (const round of range(25)) {
      const _id = `round-${round}`;
      const outcomes = await Promise.all(
        range(8).map((writer) => (writer % 2 === 0 ? store : peer).insert(COLLECTION, [{ _id, writer }])),
      );
      const verdicts = outcomes.map(([each]) => each?.verdict);
      expect(verdicts.filter((each) => each === 'stored')).toHaveLength(1);
      expect(verdicts.filter((each) => each === 'duplicate')).toHaveLength(7);
      expect(await peer.get(COLLECTION, [_id])).toEqual([{ _id, writer: verdicts.indexOf('stored') }]);
    }
  },

  'of concurrent batches that overlap each id is stored once': async (world) => {
    const store = await ready(world);
    const peer = await world.peer();
    const batch = (writer: number) => range(20).map((n) => ({ _id: `n-${n}`, writer }));
    const outcomes = await Promise.all(
      [0, 1, 2, 3].map((w) => (w % 2 === 0 ? store : peer).insert(COLLECTION, batch(w))),
    );
    for (const n of range(20)) {
      const winners = [0, 1, 2, 3].filter((writer) => outcomes[writer]?.[n]?.verdict === 'stored');
      expect(winners).toHaveLength(1);
      expect(await store.get(COLLECTION, [`n-${n}`])).toEqual([{ _id: `n-${n}`, writer: winners[0] }]);
    }
  },

  'a document above 1 MiB is refused as too large; the others of its batch are stored': async (world) => {
    const store = await ready(world);
    const tooLarge = [
      { _id: 'text', text: 'x'.repeat(1024 * 1024 + 1) },
      { _id: 'bytes', bytes: new Uint8Array(1024 * 1024 + 1) },
      { _id: 'letters', text: '名'.repeat(400_000) },
    ];
    const batch: StoredDocument[] = [{ _id: 'a' }, ...tooLarge, { _id: 'z' }];
    const verdicts = await store.insert(COLLECTION, batch);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual([
      'stored',
      'refused',
      'refused',
      'refused',
      'stored',
    ]);
    for (const index of [1, 2, 3])
      expect(verdicts[index]).toMatchObject({ cause: { code: 'BATON_INPUT_TOO_LARGE' } });
    const found = await store.get(
      COLLECTION,
      batch.map(({ _id }) => _id),
    );
    expect(found.map((each) => each?._id)).toEqual(['a', undefined, undefined, undefined, 'z']);
  },

  'documents of 900 KiB are stored, several in one batch': async (world) => {
    const store = await ready(world);
    const batch = range(3).map((n) => ({ _id: `n-${n}`, text: String(n).repeat(900 * 1024) }));
    const verdicts = await store.insert(COLLECTION, batch);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['stored', 'stored', 'stored']);
    const found = await store.get(COLLECTION, ['n-0', 'n-1', 'n-2']);
    expect(found.map((each) => each?.['text'] === String(each?._id.slice(2)).repeat(900 * 1024))).toEqual([
      true,
      true,
      true,
    ]);
  },

  'inserting nothing gives no verdict': async (world) => {
    const store = await ready(world);
    expect(await store.insert(COLLECTION, [])).toEqual([]);
  },

  'fields come back exactly: texts, numbers, booleans, null': async (world) => {
    const store = await ready(world);
    const document: StoredDocument = {
      _id: 'exact: ünïcode 名前 🚀 "quoted" \\ / \n',
      empty: '',
      text: 'line\nline\ttab "quote" \\ ünïcode 名前 🚀 \u2028 __proto__ $set',
      zero: 0,
      negative: -1,
      int32: 2 ** 31 - 1,
      aboveInt32: 2 ** 31,
      belowInt32: -(2 ** 31) - 1,
      largest: Number.MAX_SAFE_INTEGER,
      smallest: Number.MIN_SAFE_INTEGER,
      fraction: 0.1 + 0.2,
      huge: 1.7976931348623157e308,
      tiny: 1e-300,
      yes: true,
      no: false,
      nothing: null,
    };
    expect(await store.insert(COLLECTION, [document])).toEqual([{ verdict: 'stored' }]);
    const [found] = await store.get(COLLECTION, [document._id]);
    expect(found && plain(found)).toEqual(document);
  },

  'bytes come back exactly, as Uint8Array': async (world) => {
    const store = await ready(world);
    const values = {
      all: Uint8Array.from({ length: 256 }, (_, n) => n),
      none: new Uint8Array(),
      zero: Uint8Array.of(0),
    };
    await store.insert(COLLECTION, [{ _id: 'a', ...values }]);
    for (const found of [await store.get(COLLECTION, ['a']), await store.find(COLLECTION, { limit: 1 })])
      for (const [field, value] of Object.entries(values)) {
        const actual = found[0]?.[field];
        expect(actual instanceof Uint8Array).toBe(true);
        expect(Buffer.compare(actual as Uint8Array, value)).toBe(0);
      }
  },

  'documents are taken when insert is called and given as copies': async (world) => {
    const store = await ready(world);
    const given = { _id: 'a', text: 'before', bytes: Uint8Array.of(1, 2, 3) };
    const inserting = store.insert(COLLECTION, [given]);
    given.text = 'after';
    given.bytes.fill(9);
    await inserting;
    const [found] = (await store.get(COLLECTION, ['a'])) as [typeof given];
    expect([found.text, ...found.bytes]).toEqual(['before', 1, 2, 3]);
    found.bytes.fill(9);
    const [again] = (await store.get(COLLECTION, ['a'])) as [typeof given];
    expect([...again.bytes]).toEqual([1, 2, 3]);
  },
});
