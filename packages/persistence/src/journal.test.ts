import { describe, expect, it } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import {
  claimEntry,
  fenceOf,
  postEntry,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';
import { installFence } from './install-fence.js';
import { openPersistence } from './persistence.js';

class SilentReads extends SimulatedDocumentStore {
  readsToLose = 0;

  override async get(collection: string, ids: readonly string[]) {
    if (this.readsToLose === 0) return super.get(collection, ids);
    this.readsToLose--;
    throw new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', 'no answer');
  }
}

class CountedReads extends SimulatedDocumentStore {
  ids = 0;

  override async get(collection: string, ids: readonly string[]) {
    this.ids += ids.length;
    return super.get(collection, ids);
  }
}

async function makeWorld() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const store = new SimulatedDocumentStore(runtime);
  const { service } = store;
  const open = (by = store) => clock.drive(openPersistence({ store: by, runtime }));
  const own = await open();
  const other = await open(new SimulatedDocumentStore(runtime, { service }));
  return { runtime, clock, service, own, other, journal: own.journal };
}

const entry = turnEntry({ flowId: 'f', seq: 0, fence: fenceOf(1) });

describe('Journal.append', () => {
  it.each(['lose-reply', 'land-late', 'lose-request', 'tear'] as const)(
    'accepts its own entry after %s, once',
    async (kind) => {
      const { clock, service, journal } = await makeWorld();
      service.faults.next(kind, { operation: 'insert', delayMs: 5 });
      expect(await clock.drive(journal.append(entry))).toBe('accepted');
      await clock.advance(1_000);
      expect(service.documentsOf('journal')).toHaveLength(1);
    },
  );

  it('collides when somebody else was first while its own request was lost', async () => {
    const { clock, service, journal, other } = await makeWorld();
    service.faults.next('lose-request', { operation: 'insert' });
    const mine = journal.append(entry);
    await clock.settle();
    const theirs = other.journal.append({ ...entry, fence: fenceOf(2), opId: 'theirs' });
    expect(await clock.drive(theirs)).toBe('accepted');
    expect(await clock.drive(mine)).toBe('collided');
  });

  it('does not take a stale read for an answer: it asks until it sees whose entry it is', async () => {
    const { clock, service, journal, other } = await makeWorld();
    service.lag();
    expect(await clock.drive(journal.append(entry))).toBe('accepted');
    const again = journal.append(entry);
    const foreign = other.journal.append({ ...entry, opId: 'foreign' });
    await clock.advance(3_000);
    service.catchUp();
    expect(await clock.drive(again)).toBe('accepted');
    expect(await clock.drive(foreign)).toBe('collided');
  });
});

describe('Journal.loadThrough', () => {
  const flowId = 'f';

  async function staleReader() {
    const world = await makeWorld();
    const { clock, service, own } = world;
    await clock.drive(own.journal.append(postEntry(flowId)));
    service.lag();
    for (const seq of [1, 2, 3])
      await clock.drive(own.journal.append(turnEntry({ flowId, seq, fence: fenceOf(3) })));
    return world;
  }

  it('waits for what a stale read does not show, because a shorter run would be decided on again', async () => {
    const { clock, service, other } = await staleReader();
    const loading = other.journal.loadThrough(flowId, 3);
    const all = other.journal.entriesThrough(flowId, 3);
    await clock.advance(20_000);
    service.catchUp();
    expect((await clock.drive(loading)).entries).toHaveLength(4);
    expect(await clock.drive(all)).toHaveLength(4);
  });

  it('fails rather than give less', async () => {
    const { clock, other } = await staleReader();
    await expect(clock.drive(other.journal.loadThrough(flowId, 3))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_DEADLINE',
    });
  });
});

describe('Journal.head', () => {
  it('with a hint reads two entries a run, however many runs are looked for', async () => {
    const { clock, runtime, service, own } = await makeWorld();
    const flowIds = Array.from({ length: 30 }, (_, index) => `f${index}`);
    for (const flow of flowIds)
      for (let seq = 0; seq < 10; seq++)
        await clock.drive(
          own.journal.append(
            seq === 0 ? postEntry(flow) : turnEntry({ flowId: flow, seq, fence: fenceOf(1) }),
          ),
        );
    const counting = new CountedReads(runtime, { service });
    const reader = await clock.drive(openPersistence({ store: counting, runtime, readOnly: true }));
    counting.ids = 0;
    const heads = await clock.drive(
      Promise.all(flowIds.map((flow) => reader.journal.head(flow, { hint: 9 }))),
    );
    expect(heads.map((head) => head?.entry.seq)).toEqual(flowIds.map(() => 9));
    expect(counting.ids).toBe(60);
  });
});

describe('Journal.load', () => {
  it('repeats reads that are not answered, and not those that are refused', async () => {
    const { clock, runtime, service, journal } = await makeWorld();
    await clock.drive(journal.append(entry));
    const silent = new SilentReads(runtime, { service });
    const reader = await clock.drive(openPersistence({ store: silent, runtime, readOnly: true }));
    silent.readsToLose = 5;
    expect((await clock.drive(reader.journal.load('f'))).entries).toEqual([entry]);
    expect(silent.readsToLose).toBe(0);
    service.faults.next('refuse', { operation: 'get' });
    await expect(clock.drive(reader.journal.load('f'))).rejects.toMatchObject({
      code: 'BATON_UNAVAILABLE_REFUSED',
    });
  });
});

describe('installFence', () => {
  it('reads on when what it read was old, and never writes below what it had not seen', async () => {
    const { clock, runtime, service, own, other } = await makeWorld();
    const flowId = 'f';
    await clock.drive(own.journal.append(postEntry(flowId)));
    service.lag();
    for (const seq of [1, 2, 3, 4])
      await clock.drive(own.journal.append(turnEntry({ flowId, seq, fence: fenceOf(3) })));
    const seqs: number[] = [];
    const installing = installFence({
      journal: other.journal,
      runtime,
      flowId,
      fence: fenceOf(9),
      isFresh: false,
      entryFor: ({ seq }) => {
        seqs.push(seq);
        return claimEntry({ flowId, seq, fence: fenceOf(9) });
      },
    });
    await clock.advance(2_000);
    service.catchUp();
    expect(await clock.drive(installing)).toMatchObject({
      result: 'owned',
      entry: { seq: 5 },
    });
    expect((await clock.drive(other.journal.loadThrough(flowId, 5))).entries).toHaveLength(6);
    expect(seqs).toEqual([1, 5]);
  });

  it('is not fooled by a stale read: an older claimant loses to a newer one it did not see', async () => {
    const { clock, runtime, service, own, other } = await makeWorld();
    const flowId = 'f';
    await clock.drive(own.journal.append(postEntry(flowId)));
    service.lag();
    await clock.drive(own.journal.append(claimEntry({ flowId, seq: 1, fence: fenceOf(9) })));
    const installing = installFence({
      journal: other.journal,
      runtime,
      flowId,
      fence: fenceOf(5),
      isFresh: true,
      entryFor: ({ seq }) => claimEntry({ flowId, seq, fence: fenceOf(5) }),
    });
    await clock.advance(500);
    service.catchUp();
    expect(await clock.drive(installing)).toEqual({ result: 'superseded', by: fenceOf(9) });
  });
});
