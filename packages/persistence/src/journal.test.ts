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

describe('Journal.load', () => {
  it('reads what is asked while a load is in flight in one query', async () => {
    const { clock, service, journal } = await makeWorld();
    const flowIds = Array.from({ length: 100 }, (_, index) => `f${index}`);
    await clock.drive(Promise.all(flowIds.map((flowId) => journal.append(postEntry(flowId)))));
    // the second query would meet this fault
    service.faults.next('refuse', { operation: 'find', skip: 1 });
    const flows = await clock.drive(Promise.all(flowIds.map((flowId) => journal.load(flowId))));
    expect(flows.map(({ entries }) => entries.length)).toEqual(flowIds.map(() => 1));
    expect(service.faults.pending).toBe(1);
  });

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
