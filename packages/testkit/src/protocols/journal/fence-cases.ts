import { expect } from '@jest/globals';
import { installFence, type FenceRequest, type FenceResult, type Persistence } from '@baton/persistence';
import { casesOf } from '../../contracts/contract.js';
import { opened, type JournalWorld, type OpenedJournal } from './journal-world.js';
import { claimEntry, fenceOf, postEntry, terminalEntry, turnEntry } from './sample-entries.js';

type Install = Pick<FenceRequest, 'flowId'> & { readonly zxid: number; readonly isFresh?: boolean };

function install(
  { journal }: Persistence,
  { runtime }: OpenedJournal,
  { flowId, zxid, isFresh = false }: Install,
): Promise<FenceResult> {
  const fence = fenceOf(zxid);
  const entryFor: FenceRequest['entryFor'] = ({ seq }) => claimEntry({ flowId, seq, fence });
  return installFence({ journal, runtime, flowId, fence, isFresh, entryFor });
}

export const fenceCases = casesOf<JournalWorld>({
  async 'gives a fresh job to its first claimant without reading'(world, scope) {
    const journal = await opened(world, scope);
    const { own } = journal;
    await own.journal.append(postEntry('fresh'));
    const result = await install(own, journal, { flowId: 'fresh', zxid: 4, isFresh: true });
    expect(result).toMatchObject({ result: 'owned', entry: { seq: 1 }, known: { size: 1 } });
  },

  async 'puts a later claim behind everything and fences the former owner off'(world, scope) {
    const journal = await opened(world, scope);
    const { own, other } = journal;
    const successor = await other();
    const flowId = 'takeover';
    await own.journal.append(postEntry(flowId));
    await install(own, journal, { flowId, zxid: 4, isFresh: true });
    await own.journal.append(turnEntry({ flowId, seq: 2, fence: fenceOf(4) }));
    const result = await install(successor, journal, { flowId, zxid: 8, isFresh: true });
    expect(result).toMatchObject({ result: 'owned', entry: { seq: 3 } });
    expect((await successor.journal.loadThrough(flowId, 3)).entries).toHaveLength(4);
    const late = turnEntry({ flowId, seq: 3, fence: fenceOf(4) });
    expect(await own.journal.append(late)).toBe('collided');
  },

  async 'refuses a claim that is not the latest, an ended run and an unknown one'(world, scope) {
    const journal = await opened(world, scope);
    const { own } = journal;
    await Promise.all(['paused', 'ended'].map((flowId) => own.journal.append(postEntry(flowId))));
    await install(own, journal, { flowId: 'paused', zxid: 9 });
    expect(await install(own, journal, { flowId: 'paused', zxid: 5 })).toEqual({
      result: 'superseded',
      by: fenceOf(9),
    });
    await install(own, journal, { flowId: 'ended', zxid: 1 });
    const last = terminalEntry({ flowId: 'ended', seq: 2, fence: fenceOf(1) });
    await own.journal.append(last);
    expect(await install(own, journal, { flowId: 'ended', zxid: 7 })).toMatchObject({
      result: 'terminal',
      entry: last,
    });
    expect(await install(own, journal, { flowId: 'unknown', zxid: 7 })).toEqual({ result: 'missing' });
  },

  async 'recognises its own claim when it is asked again'(world, scope) {
    const journal = await opened(world, scope);
    const { own } = journal;
    await own.journal.append(postEntry('twice'));
    await install(own, journal, { flowId: 'twice', zxid: 3, isFresh: true });
    expect(await install(own, journal, { flowId: 'twice', zxid: 3 })).toMatchObject({
      result: 'owned',
      entry: { seq: 1 },
    });
  },

  async 'leaves one owner, the one with the highest fence, when many claim and write at once'(world, scope) {
    const journal = await opened(world, scope);
    const { own, other } = journal;
    const members = [own, await other(), await other()];
    const flowId = 'contended';
    await own.journal.append(postEntry(flowId));
    await Promise.all(
      members.map(async (member, index) => {
        const zxid = (index + 1) * 10;
        const result = await install(member, journal, { flowId, zxid, isFresh: true });
        if (result.result !== 'owned') return;
        for (let seq = result.entry.seq + 1; seq < result.entry.seq + 10; seq++) {
          const turn = turnEntry({ flowId, seq, fence: fenceOf(zxid) });
          if ((await member.journal.append(turn)) === 'collided') return;
        }
      }),
    );
    const zxids = (await own.journal.load(flowId)).entries.map(({ fence }) => fence.zxid);
    expect(zxids).toEqual([...zxids].sort((left, right) => Number(left - right)));
    expect(zxids.at(-1)).toBe(30n);
  },
});
