import { describe, expect, it } from '@jest/globals';
import type { JournalEntry, StoredDocument } from '@baton/core';
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
  isBroken = false;

  override async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    this.replaces++;
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

const about = { name: 'deploy', definitionHash: 'd1' };
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

  it('archives an ended flow at once, with the counts of its owner, and keeps nothing of it', async () => {
    const { clock, store, readModels } = await makeWorld();
    const counts = { SUCCESS: 2, REVERTED: 5 };
    readModels.observe(claim('f'), { ...about, counts: () => counts });
    readModels.observe(terminalEntry({ flowId: 'f', seq: 2, fence }, 'REVERTED'));
    await clock.settle();
    expect(store.replaces).toBe(0);
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ outcome: 'REVERTED', counts, seq: 2 });
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
    expect(await clock.drive(readModels.flow('f'))).toMatchObject({ name: 'sample', state: 'PENDING' });
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
