import { expect } from '@jest/globals';
import { valueLimits, type JsonValue } from '@baton/core';
import { splitFacts } from '@baton/persistence';
import { casesOf } from '../../contracts/contract.js';
import { opened, type JournalWorld } from './journal-world.js';
import { claimEntry, fenceOf, postEntry, succeeded, terminalEntry, turnEntry } from './sample-entries.js';

/** What stores are known to refuse, change or drop when it is handed to them as their own structure. */
const nasty: JsonValue = {
  'a.b': [[1, [2]], []],
  $set: { $where: 'x' },
  '': null,
  nul: 'a\u0000b',
  half: '\ud800',
  big: 1e300,
  small: -0.1,
  text: '\u2028 ünïcödé 🎛',
  __proto__x: { constructor: true },
};

export const appendCases = casesOf<JournalWorld>({
  async 'gives back every kind of entry as it was appended'(world, scope) {
    const { own, other } = await opened(world, scope);
    const place = { flowId: 'f1', fence: fenceOf(7) };
    const entries = [
      postEntry('f1', { input: { data: nasty }, bytes: { bytes: 'AAEC/w==' } }),
      claimEntry({ ...place, seq: 1, facts: [{ fact: 'flow', from: 'PENDING', to: 'RUNNING' }] }),
      turnEntry({ ...place, seq: 2, facts: [succeeded('a', 'x\u0000y')] }),
      terminalEntry({ ...place, seq: 3 }),
    ];
    for (const entry of entries) expect(await own.journal.append(entry)).toBe('accepted');
    const flow = await (await other()).journal.load('f1');
    expect(flow).toEqual({ flowId: 'f1', entries });
  },

  async 'accepts exactly one of many writers of one place'(world, scope) {
    const { own, other } = await opened(world, scope);
    const members = [own, await other(), await other(), await other()];
    for (let round = 0; round < 10; round++) {
      const flowId = `race-${round}`;
      const results = await Promise.all(
        members.map((member, index) =>
          member.journal.append(claimEntry({ flowId, seq: 0, fence: fenceOf(index + 1) })),
        ),
      );
      expect(results.filter((result) => result === 'accepted')).toHaveLength(1);
      const [stored] = (await own.journal.load(flowId)).entries;
      expect(stored?.fence).toEqual(fenceOf(results.indexOf('accepted') + 1));
    }
  },

  async 'accepts a repeated append again and refuses the same place to anybody else'(world, scope) {
    const { own, other } = await opened(world, scope);
    const peer = await other();
    const entry = turnEntry({ flowId: 'again', seq: 0, fence: fenceOf(1) });
    expect(await own.journal.append(entry)).toBe('accepted');
    expect(await own.journal.append(entry)).toBe('accepted');
    expect(await peer.journal.append(entry)).toBe('accepted');
    expect(await peer.journal.append({ ...entry, opId: 'another' })).toBe('collided');
    expect(await peer.journal.append({ ...entry, fence: fenceOf(2) })).toBe('collided');
    expect((await peer.journal.load('again')).entries).toEqual([entry]);
  },

  async 'decides each flow of a group by itself'(world, scope) {
    const { own, other } = await opened(world, scope);
    const taken = Array.from({ length: 5 }, (_, index) => `group-${index * 10}`);
    const peer = await other();
    await Promise.all(
      taken.map((flowId) => peer.journal.append(turnEntry({ flowId, seq: 0, fence: fenceOf(9) }))),
    );
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        own.journal.append(turnEntry({ flowId: `group-${index}`, seq: 0, fence: fenceOf(1) })),
      ),
    );
    results.forEach((result, index) => expect(result).toBe(index % 10 === 0 ? 'collided' : 'accepted'));
  },

  async 'refuses an entry that is too large before it is sent, and takes its facts in several'(world, scope) {
    const { own } = await opened(world, scope);
    const text = 'x'.repeat(valueLimits.inlineBytesMax - 100);
    const facts = Array.from({ length: 80 }, (_, index) => succeeded(`atom-${index}`, text));
    const place = { flowId: 'large', fence: fenceOf(1) };
    await expect(own.journal.append(turnEntry({ ...place, seq: 0, facts }))).rejects.toMatchObject({
      code: 'BATON_INPUT_TOO_LARGE',
    });
    const stretches = splitFacts(facts);
    expect(stretches.length).toBeGreaterThan(2);
    for (const [seq, stretch] of stretches.entries())
      expect(await own.journal.append(turnEntry({ ...place, seq, facts: stretch }))).toBe('accepted');
    const { entries } = await own.journal.load('large');
    expect(entries.flatMap((entry) => entry.facts)).toEqual(facts);
  },
});
