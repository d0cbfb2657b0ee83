import { describe, expect, it } from '@jest/globals';
import { UnavailableError, type InsertVerdict, type JournalEntry, type StoredDocument } from '@baton/core';
import { SimulatedDocumentStore, fakeRuntime } from '@baton/testkit';
import {
  claimEntry,
  fenceOf,
  postEntry,
  succeeded,
  terminalEntry,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';
import { openPersistence } from './persistence.js';

class CountingStore extends SimulatedDocumentStore {
  replaces = 0;
  replaced = 0;
  isBroken = false;

  override async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    this.replaces++;
    this.replaced += documents.length;
    if (this.isBroken) throw new Error('broken');
    return super.replace(collection, documents);
  }
}

async function makeWorld() {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const store = new CountingStore(runtime);
  const { readModels, journal } = await clock.drive(openPersistence({ store, runtime }));
  return { runtime, clock, store, readModels, journal };
}

const about = { name: 'deploy', definitionHash: 'd1', createdAtMs: 1_000 };
const fence = fenceOf(3);
const claim = (flowId: string): JournalEntry => claimEntry({ flowId, seq: 1, fence });

describe('ReadModels', () => {
  it('writes a running flow at most once in five seconds, whatever happens in it', async () => {
    const { clock, store, readModels } = await makeWorld();
    readModels.observe(claim('f'), about);
    for (let seq = 2; seq < 102; seq++) {
      readModels.observe(turnEntry({ flowId: 'f', seq, fence, facts: [succeeded(`a${seq}`)] }));
      await clock.advance(30);
    }
    await clock.advance(5_000);
    expect(store.replaces).toBeLessThanOrEqual(4);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({
      name: 'deploy',
      owner: 'member-3',
      seq: 101,
      counts: { SUCCESS: 100 },
    });
    await clock.advance(10_000);
    expect(store.replaces).toBeLessThanOrEqual(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it('writes a flow that is let go of alone', async () => {
    const { clock, store, readModels } = await makeWorld();
    for (let n = 0; n < 100; n++) readModels.observe(claim(`f${n}`), about);
    await clock.drive(readModels.written('f7'));
    expect(store.replaced).toBe(1);
    expect(await clock.drive(readModels.flow('f7'))).toMatchObject({ owner: 'member-3' });
    await clock.drive(readModels.written('f7'));
    await clock.advance(5_000);
    expect(store.replaced).toBe(100);
  });

  it('archives an ended flow at once, with the counts of its owner, and keeps nothing of it', async () => {
    const { clock, store, readModels } = await makeWorld();
    const counts = { SUCCESS: 2, REVERTED: 5 };
    readModels.observe(claim('f'), { ...about, counts: () => counts });
    readModels.observe(terminalEntry({ flowId: 'f', seq: 2, fence }, 'REVERTED'));
    await clock.settle();
    expect(store.replaces).toBe(0);
    const archived = await clock.drive(readModels.flow('f'));
    expect(archived).toMatchObject({ outcome: 'REVERTED', counts, seq: 2, postedAtMs: 1_000 });
    // a former owner that is late shows nothing over it
    readModels.observe(claim('f'), about);
    await clock.advance(5_000);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ outcome: 'REVERTED' });
  });

  it('reads what the post said when nobody tells', async () => {
    const { clock, journal, readModels } = await makeWorld();
    await clock.drive(journal.append(postEntry('f')));
    readModels.observe(claim('f'));
    await clock.drive(readModels.idle());
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({
      ...{ name: 'sample', state: 'PENDING' },
      postedAtMs: postEntry('f').atMs,
    });
  });

  it('only logs what it cannot write', async () => {
    const { clock, runtime, store, readModels } = await makeWorld();
    store.isBroken = true;
    readModels.observe(claim('f'), about);
    await clock.advance(5_000);
    expect(runtime.logger.messages('warn')).toContain('store.read-model.failed');
    store.isBroken = false;
    readModels.observe(turnEntry({ flowId: 'f', seq: 2, fence }));
    await clock.advance(5_000);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ seq: 2 });
  });

  it('shows a flow that changes no more though the store was away when it did', async () => {
    const { runtime, clock, store, readModels } = await makeWorld();
    store.service.faults.next('lose-request', { operation: 'replace' });
    readModels.observe(claim('f'), about);
    await clock.advance(15_000);
    expect(store.service.faults.pending).toBe(0);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ seq: 1 });
    expect(runtime.logger.messages('warn').filter((line) => line === 'store.read-model.failed')).toHaveLength(
      1,
    );
    expect(clock.pendingTimers).toBe(0);
  });

  it('drops what is not written of a flow that is lost, and everything when it is closed', async () => {
    const { clock, store, readModels } = await makeWorld();
    readModels.observe(claim('lost'), about);
    readModels.forget('lost');
    await clock.advance(2_000);
    readModels.observe(claim('late'), about);
    readModels.close();
    await clock.advance(2_000);
    expect(store.replaces).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

const away = new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away');

class AwayStore extends SimulatedDocumentStore {
  refused: Error | undefined;
  isAway = false;
  deletesToLose = 0;
  /** Holds up what is written of running flows. */
  held: Promise<void> | undefined;

  override async insert(
    collection: string,
    documents: readonly StoredDocument[],
  ): Promise<readonly InsertVerdict[]> {
    const { refused } = this;
    if (refused !== undefined) return documents.map(() => ({ verdict: 'refused', cause: refused }));
    if (this.isAway) return documents.map(() => ({ verdict: 'unknown', cause: away }));
    return super.insert(collection, documents);
  }

  override async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    await this.held;
    return this.isAway ? Promise.reject(away) : super.replace(collection, documents);
  }

  override delete(collection: string, ids: readonly string[]): Promise<void> {
    if (!this.isAway && this.deletesToLose === 0) return super.delete(collection, ids);
    this.deletesToLose--;
    return Promise.reject(away);
  }
}

describe('the archive', () => {
  const setUp = async () => {
    const runtime = fakeRuntime();
    const { clock } = runtime;
    const store = new AwayStore(runtime);
    const { readModels, close } = await clock.drive(openPersistence({ store, runtime }));
    const idsOf = (collection: string) => store.service.documentsOf(collection).map(({ _id }) => _id);
    /** Written as running by somebody before. */
    const runs = async (flowId: string) => {
      readModels.observe(claim(flowId), about);
      await clock.advance(5_000);
      expect(idsOf('flow_details')).toContain(flowId);
    };
    const ends = (flowId: string, name = 'deploy') =>
      readModels.observe(terminalEntry({ flowId, seq: 2, fence }, 'SUCCESS'), { ...about, name });
    return { runtime, clock, store, readModels, close, idsOf, runs, ends };
  };

  it('holds what ended as the store went away, and no longer as running, once that is back', async () => {
    const { clock, store, idsOf, runs, ends, close } = await setUp();
    await runs('f');
    store.isAway = true;
    ends('f');
    await clock.advance(300_000);
    store.isAway = false;
    await clock.advance(15_000);
    expect([idsOf('job_archive'), idsOf('flow_details')]).toEqual([['f'], []]);
    expect(clock.pendingTimers).toBe(0);
    close();
  });

  it('has the last end of a run that was reopened, whatever its owner has read of it and late writes bring', async () => {
    const { clock, readModels, runs, ends, close } = await setUp();
    await runs('f');
    const endAgain = (seq: number, outcome: 'FAILURE' | 'REVERTED'): void => {
      readModels.resume([claimEntry({ flowId: 'f', seq, fence })], about);
      readModels.observe(terminalEntry({ flowId: 'f', seq: seq + 1, fence }, outcome));
    };
    ends('f');
    await clock.advance(5_000);
    // a snapshot told of the end
    endAgain(40, 'REVERTED');
    await clock.advance(5_000);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ outcome: 'REVERTED', seq: 41 });
    endAgain(20, 'FAILURE');
    await clock.advance(5_000);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ outcome: 'REVERTED', seq: 41 });
    close();
  });

  it('does not leave a flow among those that run because one delete was lost', async () => {
    const { clock, store, idsOf, runs, ends, close } = await setUp();
    await runs('f');
    store.deletesToLose = 2;
    ends('f');
    await clock.advance(15_000);
    expect([idsOf('job_archive'), idsOf('flow_details')]).toEqual([['f'], []]);
    expect(clock.pendingTimers).toBe(0);
    close();
  });

  it('does not leave a flow among those that run that ended while it was being written as running', async () => {
    const { clock, store, readModels, idsOf, ends, close } = await setUp();
    let goOn: () => void = () => undefined;
    store.held = new Promise((resolve) => (goOn = resolve));
    readModels.observe(claim('f'), about);
    await clock.advance(5_000);
    ends('f');
    await clock.advance(1_000);
    expect(idsOf('job_archive')).toEqual(['f']);
    goOn();
    await clock.drive(readModels.idle());
    expect(idsOf('flow_details')).toEqual([]);
    close();
  });

  it('wins over what a stopped store took for a running flow long after it had ended', async () => {
    const { clock, store, readModels, idsOf, runs, ends, close } = await setUp();
    for (const flowId of ['a', 'b', 'd', 'e']) await runs(flowId);
    store.service.faults.next('land-late', { operation: 'replace', delayMs: 60_000 });
    readModels.observe(claim('c'), about);
    await clock.advance(5_000);
    ends('b');
    ends('c');
    await clock.advance(10_000);
    const [late] = store.service.documentsOf('flow_details');
    await clock.advance(60_000);
    // and of another owner, which is dead
    await clock.drive(store.replace('flow_details', [{ ...late, _id: 'b' }]));
    expect(idsOf('flow_details').toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);

    const running = (before?: string) =>
      clock.drive(readModels.flows({ of: 'running', limit: 2, ...(before && { before }) }));
    const pages = [await running(), await running('d')];
    // a page is short only when it is the last
    expect(pages.map((page) => page.map(({ flowId }) => flowId))).toEqual([['e', 'd'], ['a']]);
    await clock.drive(readModels.idle());
    expect(idsOf('flow_details').toSorted()).toEqual(['a', 'd', 'e']);
    expect(store.service.faults.pending).toBe(0);
    close();
  });

  it('is not tried again with what the store refuses: that is logged', async () => {
    const { runtime, clock, store, ends, close } = await setUp();
    store.refused = new UnavailableError('BATON_UNAVAILABLE_REFUSED', 'no');
    ends('f');
    await clock.advance(60_000);
    expect(runtime.logger.messages('warn')).toEqual(['store.read-model.failed']);
    expect(clock.pendingTimers).toBe(0);
    close();
  });

  it('keeps no more than 16 MiB that are not written yet, and says what it dropped', async () => {
    const { runtime, clock, store, idsOf, ends, close } = await setUp();
    store.isAway = true;
    for (let n = 0; n < 40; n++) ends(`f${n}`, 'x'.repeat(500_000));
    await clock.advance(60_000);
    store.isAway = false;
    await clock.advance(15_000);
    expect(idsOf('job_archive')).toHaveLength(33);
    expect(runtime.logger.messages('warn').filter((line) => line === 'store.archive.dropped')).toHaveLength(
      7,
    );
    close();
  });

  it('waits for no store that is away when it is told to finish, nor when it is closed', async () => {
    const { clock, store, readModels, idsOf, ends, close } = await setUp();
    store.isAway = true;
    ends('f');
    await clock.advance(60_000);
    await readModels.idle();
    store.isAway = false;
    ends('g'); // tells that the store is back
    await clock.settle();
    await clock.drive(readModels.idle());
    expect(idsOf('job_archive').toSorted()).toEqual(['f', 'g']);
    store.isAway = true;
    ends('h');
    await clock.advance(60_000);
    close();
    expect(clock.pendingTimers).toBe(0);
  });
});
