import { expect } from '@jest/globals';
import { collectionNames, type Persistence } from '@baton/persistence';
import { casesOf } from '../../contracts/contract.js';
import { opened, type JournalWorld } from './journal-world.js';
import { claimEntry, fenceOf, postEntry, succeeded, turnEntry } from './sample-entries.js';

const fence = fenceOf(5);

async function write(own: Persistence, flowId: string, count: number): Promise<void> {
  for (let seq = 0; seq < count; seq++) {
    const entry =
      seq === 0 ? postEntry(flowId) : turnEntry({ flowId, seq, fence, facts: [succeeded(`a${seq}`)] });
    expect(await own.journal.append(entry)).toBe('accepted');
  }
}

const upTo = (count: number, from = 0): number[] =>
  Array.from({ length: count - from }, (_, index) => from + index);

export const loadingCases = casesOf<JournalWorld>({
  async 'loads one, few and many flows at once, each whole and in order'(world, scope) {
    const { own, other } = await opened(world, scope);
    const counts = new Map(Array.from({ length: 30 }, (_, index) => [`load-${index}`, index]));
    await Promise.all([...counts].map(([flowId, count]) => write(own, flowId, count)));
    const reader = await other();
    for (const size of [1, 3, 30]) {
      const asked = [...counts].slice(-size);
      const flows = await Promise.all(asked.map(([flowId]) => reader.journal.load(flowId)));
      flows.forEach((flow, index) => {
        expect(flow.flowId).toBe(asked[index]?.[0]);
        expect(flow.entries.map(({ seq }) => seq)).toEqual(upTo(asked[index]?.[1] ?? 0));
      });
    }
  },

  async 'loads long flows, alone and beside others'(world, scope) {
    const { own, other } = await opened(world, scope);
    await Promise.all([write(own, 'long', 300), write(own, 'exact', 256), write(own, 'short', 8)]);
    const reader = await other();
    const alone = await reader.journal.load('long');
    expect(alone.entries.map(({ seq }) => seq)).toEqual(upTo(300));
    const names = ['long', 'exact', 'short', 'nothing', 'none', 'never'];
    const many = await Promise.all(names.map((flowId) => reader.journal.load(flowId)));
    expect(many.map(({ entries }) => entries.length)).toEqual([300, 256, 8, 0, 0, 0]);
    expect(many[0]?.entries).toEqual(alone.entries);
  },

  async 'finds the newest entry of runs of any length, and reads up to an entry that is known'(world, scope) {
    const { own, other } = await opened(world, scope);
    const counts = [1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 33, 60, 127, 128, 140];
    await Promise.all(counts.map((count) => write(own, `head-${count}`, count)));
    const reader = await other();
    expect(await reader.journal.head('nobody')).toBeUndefined();
    const atOnce = await Promise.all(counts.map((count) => reader.journal.head(`head-${count}`)));
    expect(atOnce.map((head) => head?.entry.seq)).toEqual(counts.map((count) => count - 1));
    for (const count of counts) {
      const head = await reader.journal.head(`head-${count}`);
      expect(head?.entry.seq).toBe(count - 1);
      const whole = await reader.journal.loadThrough(`head-${count}`, count - 1);
      expect(whole.entries.map(({ seq }) => seq)).toEqual(upTo(count));
      expect(await reader.journal.loadThrough(`head-${count}`, count - 1, head?.known)).toEqual(whole);
    }
  },

  async 'gives the tail from a place up to the first gap'(world, scope) {
    const { own } = await opened(world, scope);
    for (const seq of [0, 1, 2, 3, 5, 6]) await own.journal.append(turnEntry({ flowId: 'gap', seq, fence }));
    expect((await own.journal.tail('gap', 2)).map(({ seq }) => seq)).toEqual([2, 3]);
    expect(await own.journal.tail('gap', 4)).toEqual([]);
  },

  async 'loads from the newest snapshot on'(world, scope) {
    const { own, other } = await opened(world, scope);
    // shorter runs have no snapshot worth a round trip
    await write(own, 'snap', 230);
    const state = JSON.stringify({ text: 'ä'.repeat(700_000) });
    await own.snapshots.write('snap', { seq: 9, fence, state: '{"old":true}' });
    await own.snapshots.write('snap', { seq: 219, fence, state });
    const flow = await (await other()).journal.load('snap');
    expect(flow.snapshot).toEqual({ seq: 219, fence, state });
    expect(flow.entries.map(({ seq }) => seq)).toEqual(upTo(230, 220));
    expect(await own.journal.entriesThrough('snap', 229)).toHaveLength(230);
  },

  async 'ignores a snapshot that is not whole, and a hint that leads nowhere'(world, scope) {
    const { own } = await opened(world, scope);
    await write(own, 'half', 202);
    const state = JSON.stringify('x'.repeat(1_200_000));
    await own.snapshots.write('half', { seq: 5, fence, state });
    const parts = await world.primitive.find(collectionNames.snapshots, { limit: 10 });
    expect(parts).toHaveLength(3);
    const tampered = parts.map((part) => ({ ...part, bytes: Uint8Array.of(34, 34) }));
    await world.primitive.replace(collectionNames.snapshots, tampered);
    const withOther = await own.journal.load('half');
    await world.primitive.delete(collectionNames.snapshots, [parts[1]?._id ?? '']);
    const withoutPart = await own.journal.load('half');
    await world.primitive.replace(collectionNames.heads, [{ _id: 'half', snapshot: 'nowhere', parts: 1 }]);
    const withoutAny = await own.journal.load('half');
    for (const flow of [withOther, withoutPart, withoutAny]) {
      expect(flow.snapshot).toBeUndefined();
      expect(flow.entries.map(({ seq }) => seq)).toEqual(upTo(202));
    }
  },

  async 'finds the snapshot above emptied entries without its hint'(world, scope) {
    const { own } = await opened(world, scope);
    await write(own, 'emptied', 20);
    await own.snapshots.write('emptied', { seq: 9, fence, state: '"at 9"' });
    const kept = await world.primitive.get(
      collectionNames.journal,
      upTo(7).map((seq) => `emptied:${seq}`),
    );
    await world.primitive.replace(
      collectionNames.journal,
      kept.flatMap((document) => (document === undefined ? [] : [{ ...document, body: '' }])),
    );
    await world.primitive.delete(collectionNames.heads, ['emptied']);
    const flow = await own.journal.load('emptied');
    expect(flow.snapshot).toEqual({ seq: 9, fence, state: '"at 9"' });
    expect(flow.entries.map(({ seq }) => seq)).toEqual(upTo(20, 10));
    await expect(own.journal.entriesThrough('emptied', 19)).rejects.toMatchObject({
      code: 'BATON_CONFLICT_SCHEMA_NEWER',
    });
    const claim = claimEntry({ flowId: 'emptied', seq: 3, fence: fenceOf(99) });
    expect(await own.journal.append(claim)).toBe('collided');
  },

  async 'fails the load of a malformed journal and of no other'(world, scope) {
    const { own } = await opened(world, scope);
    await Promise.all(['bad', 'good'].map((flowId) => write(own, flowId, 3)));
    const [second] = await world.primitive.get(collectionNames.journal, ['bad:1']);
    if (second === undefined) throw new Error('the entry was not stored');
    await world.primitive.replace(collectionNames.journal, [{ ...second, body: '{"facts":' }]);
    const [bad, good] = await Promise.allSettled([own.journal.load('bad'), own.journal.load('good')]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'BATON_INPUT_MALFORMED' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { entries: { length: 3 } } });
  },
});
