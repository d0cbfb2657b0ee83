import { describe, expect, it } from '@jest/globals';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import fc from 'fast-check';
import { fenceOf, postEntry, turnEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { encodeEntry } from './entry-codec.js';
import { HeadSearch } from './head-search.js';
import { openPersistence } from './persistence.js';

/** Notes which entries of a journal each round asked for. */
class CountingStore extends SimulatedDocumentStore {
  readonly rounds: number[][] = [];

  override async get(collection: string, ids: readonly string[]) {
    this.rounds.push(ids.map((id) => Number(id.slice(id.indexOf(':') + 1))));
    return super.get(collection, ids);
  }
}

/** A run of so many entries. */
async function makeRun(length: number) {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const store = new CountingStore(runtime);
  (await clock.drive(openPersistence({ store, runtime }))).close();
  const entries = Array.from({ length }, (_, seq) =>
    seq === 0 ? postEntry('f') : turnEntry({ flowId: 'f', seq, fence: fenceOf(1) }),
  );
  for (let at = 0; at < length; at += 500)
    await clock.drive(store.insert('journal', entries.slice(at, at + 500).map(encodeEntry)));
  const search = new HeadSearch({ store, runtime });
  return async (hint?: number) => {
    store.rounds.length = 0;
    const found = await clock.drive(search.find('f', hint === undefined ? {} : { hint }));
    return { head: found?.entry.seq, rounds: [...store.rounds] };
  };
}

describe('a search with a hint', () => {
  it('that is exact costs one round of two reads', async () => {
    const find = await makeRun(12);
    expect(await find(11)).toEqual({ head: 11, rounds: [[11, 12]] });
    const findFirst = await makeRun(1);
    expect(await findFirst(0)).toEqual({ head: 0, rounds: [[0, 1]] });
  });

  it.each([
    [1, 2],
    [3, 3],
    [40, 5],
  ])('that is %i entries behind costs %i rounds', async (behind, rounds) => {
    const find = await makeRun(100);
    const found = await find(99 - behind);
    expect(found.head).toBe(99);
    expect(found.rounds).toHaveLength(rounds);
  });

  it('of a long run goes on from there', async () => {
    const find = await makeRun(10_000);
    const { head, rounds } = await find(9_990);
    expect(head).toBe(9_999);
    expect(rounds.slice(0, 2)).toEqual([
      [9_990, 9_991],
      [9_992, 9_994, 9_998],
    ]);
    expect(rounds.length).toBeLessThanOrEqual(4);
  });

  it.each([1, 7, 12, 13, 10_000, Number.MAX_SAFE_INTEGER])(
    'that is above the head (%i) costs one round more than none',
    async (hint) => {
      const find = await makeRun(1);
      const { rounds } = await find();
      expect(await find(hint)).toEqual({ head: 0, rounds: [[hint, hint + 1], ...rounds] });
    },
  );

  it('of an unknown flow finds nothing', async () => {
    const find = await makeRun(0);
    expect((await find(4)).head).toBeUndefined();
  });

  it('finds what a search without one finds, whatever the hint', async () => {
    const property = fc.asyncProperty(
      fc.nat(150),
      fc.array(fc.oneof(fc.nat(200), fc.maxSafeNat()), { minLength: 1, maxLength: 20 }),
      async (length, hints) => {
        const find = await makeRun(length);
        const head = length === 0 ? undefined : length - 1;
        expect((await find()).head).toBe(head);
        for (const hint of hints) expect((await find(hint)).head).toBe(head);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
});
