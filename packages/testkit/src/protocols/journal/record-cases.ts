import { expect } from '@jest/globals';
import { collectionNames, openPersistence, type JobPost } from '@baton/persistence';
import { casesOf } from '../../contracts/contract.js';
import { opened, type JournalWorld } from './journal-world.js';
import { claimEntry, fenceOf, postEntry, succeeded, terminalEntry, turnEntry } from './sample-entries.js';

const post: JobPost = {
  jobId: 'J1',
  definitionHash: 'd1',
  contentHash: 'c1',
  posting: '{"name":"x"}',
  postedAtMs: 0,
};

export const recordCases = casesOf<JournalWorld>({
  async 'keeps small values inline, large ones by reference, and refuses larger ones'(world, scope) {
    const { own, other } = await opened(world, scope);
    const small = { data: ['x'.repeat(1_000)] };
    const large = { data: { text: 'é'.repeat(20_000), nested: [[1]] } };
    const bytes = { bytes: Buffer.alloc(300_000, 7).toString('base64') };
    expect(await own.payloads.externalise(small)).toBe(small);
    const refs = await Promise.all([large, bytes, large].map((value) => own.payloads.externalise(value)));
    expect(refs[0]).toMatchObject({ ref: { contentType: 'application/json' } });
    expect(refs[2]).toEqual(refs[0]);
    const reader = await other();
    expect(await Promise.all(refs.map((ref) => reader.payloads.resolve(ref)))).toEqual([large, bytes, large]);
    await expect(own.payloads.externalise({ data: 'x'.repeat(600_000) })).rejects.toMatchObject({
      code: 'BATON_INPUT_TOO_LARGE',
    });
  },

  async 'does not believe content that is not what its digest says'(world, scope) {
    const { own, other } = await opened(world, scope);
    const ref = await own.payloads.externalise({ data: 'x'.repeat(20_000) });
    const hash = await own.definitions.put('{"kind":"linear"}');
    for (const collection of [collectionNames.payloads, collectionNames.definitions]) {
      const stored = await world.primitive.find(collection, { limit: 10 });
      expect(stored).toHaveLength(1);
      const tampered = stored.map((document) => ({ ...document, bytes: Uint8Array.of(34, 34) }));
      await world.primitive.replace(collection, tampered);
    }
    const reader = await other();
    await expect(reader.payloads.resolve(ref)).rejects.toMatchObject({ code: 'BATON_INPUT_MALFORMED' });
    await expect(reader.definitions.get(hash)).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_DOCUMENT' });
    expect(await own.definitions.get(hash)).toBe('{"kind":"linear"}');
  },

  async 'keeps definitions of any size by their hash'(world, scope) {
    const { own, other } = await opened(world, scope);
    const texts = ['{"kind":"linear"}', JSON.stringify('ß'.repeat(900_000))];
    const hashes = await Promise.all(texts.map((text) => own.definitions.put(text)));
    const reader = await other();
    expect(await reader.definitions.put(texts[0] ?? '')).toBe(hashes[0]);
    const fresh = await other();
    expect(await Promise.all(hashes.map((hash) => fresh.definitions.get(hash)))).toEqual(texts);
  },

  async 'recognises a repeated post and refuses other content under the same id'(world, scope) {
    const { own, other } = await opened(world, scope);
    const peer = await other();
    const [first, second] = await Promise.all([own.jobs.insert(post), peer.jobs.insert(post)]);
    expect([first.state, second.state]).toEqual(['POSTING', 'POSTING']);
    await expect(peer.jobs.insert({ ...post, contentHash: 'c2' })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_KEY_REUSED',
    });
    const beforeMs = post.postedAtMs;
    expect(await all(peer.jobs.leftSince({ beforeMs }))).toEqual([first]);
    expect(await all(peer.jobs.leftSince({ beforeMs: beforeMs - 1 }))).toEqual([]);
    await own.jobs.markPosted(first);
    expect(await peer.jobs.insert(post)).toEqual({ ...post, state: 'POSTED' });
    expect(await peer.jobs.get('J1')).toEqual({ ...post, state: 'POSTED' });
    expect(await all(peer.jobs.leftSince({ beforeMs }))).toEqual([]);
    const reopening = { ...post, state: 'REOPENING' } as const;
    await own.jobs.markReopening(reopening);
    // whenever it was posted
    expect(await all(peer.jobs.leftSince({ beforeMs: 0 }))).toEqual([reopening]);
  },

  async 'numbers commands without gaps, whoever gives them at the same time'(world, scope) {
    const { own, other } = await opened(world, scope);
    const members = [own, await other(), await other()];
    const numbers = await Promise.all(
      members.flatMap(({ commands }, member) =>
        [0, 1, 2].map((turn) =>
          commands.append('f', { command: 'suspend', reason: `r${member * 3 + turn}` }),
        ),
      ),
    );
    expect([...numbers].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const after = await own.commands.after('f', 4);
    expect(after.map(({ n }) => n)).toEqual([5, 6, 7, 8, 9]);
    expect(after[0]?.reason).toBe(`r${numbers.indexOf(5)}`);
    expect(await own.commands.after('f', 9)).toEqual([]);
  },

  async 'shows running and ended flows'(world, scope) {
    const { own, other } = await opened(world, scope);
    const place = { flowId: 'shown', fence: fenceOf(2) };
    const entries = [
      postEntry('shown'),
      claimEntry({ ...place, seq: 1, facts: [{ fact: 'flow', from: 'PENDING', to: 'RUNNING' }] }),
      turnEntry({ ...place, seq: 2, facts: [succeeded('a')] }),
      terminalEntry({ ...place, seq: 3 }),
    ];
    const reader = await other();
    for (const entry of entries.slice(1)) {
      if (entry.seq === 3) {
        await own.readModels.idle();
        expect(await reader.readModels.flow('shown')).toMatchObject({
          state: 'RUNNING',
          seq: 2,
          owner: 'member-2',
        });
        expect(await reader.readModels.flows({ of: 'running', limit: 5 })).toHaveLength(1);
      }
      if (entry.seq === 1) await own.journal.append(entries[0] ?? entry);
      await own.journal.append(entry);
      own.readModels.observe(entry);
    }
    await own.readModels.idle();
    const ended = await reader.readModels.flow('shown');
    expect(ended).toMatchObject({ outcome: 'SUCCESS', name: 'sample', counts: { SUCCESS: 1 }, seq: 3 });
    expect(await reader.readModels.flows({ of: 'running', limit: 5 })).toEqual([]);
    expect(await reader.readModels.flows({ of: 'ended', limit: 5 })).toEqual([ended]);
  },

  async 'opens by several members at once, and refuses a newer schema and another cluster'(world, scope) {
    const { runtime } = await opened(world, scope);
    const stores = [world.primitive, await world.peer(), await world.peer()];
    const open = (store = world.primitive, clusterId = 'C1') =>
      openPersistence({ store, runtime, clusterId });
    for (const persistence of await Promise.all(stores.map((store) => open(store)))) persistence.close();
    await expect(open(undefined, 'C2')).rejects.toMatchObject({ code: 'BATON_CONFLICT_OTHER_CLUSTER' });
    await world.primitive.insert(collectionNames.meta, [{ _id: 'schema:3', version: 3 }]);
    await expect(open()).rejects.toMatchObject({ code: 'BATON_CONFLICT_SCHEMA_NEWER' });
    await expect(openPersistence({ store: world.primitive, runtime, readOnly: true })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_SCHEMA_NEWER',
    });
  },
});

async function all<T>(records: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const record of records) found.push(record);
  return found;
}
