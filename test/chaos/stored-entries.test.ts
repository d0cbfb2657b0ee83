import { formatFence, type JournalEntry } from '@baton/core';
import { expect, it } from '@jest/globals';
import { StoredEntries } from './stored-entries.js';
import type { Attempt } from './journal-tap.js';

const fence = { generation: 0, zxid: 7n };

function entry(seq: number): JournalEntry {
  return { kind: 'turn', flowId: 'job', seq, opId: `op-${seq}`, fence, atMs: 1, facts: [] };
}

function attempt(seq: number, sentAtMs: number, more: Partial<Attempt> = {}): Attempt {
  const own = { flowId: 'job', seq, kind: 'turn', opId: `op-${seq}`, fence: formatFence(fence), by: 'c1' };
  return { ...own, sentAtMs, answeredAtMs: sentAtMs + 5, verdict: 'stored', ...more };
}

function timesOf(attempts: readonly Attempt[], count: number) {
  const times = new StoredEntries(attempts);
  const entries = times.of(Array.from({ length: count }, (_, seq) => entry(seq)));
  return { atMs: entries.map(({ atMs }) => atMs), gaps: times.gaps };
}

it('an entry is there when its writer is told so, and before the next is tried', () => {
  const unanswered = attempt(1, 20, { answeredAtMs: undefined, verdict: undefined });
  expect(timesOf([attempt(0, 10), unanswered, attempt(2, 30)], 3)).toEqual({ atMs: [15, 30, 35], gaps: [] });
});

it('the answers to somebody else do not count', () => {
  const refused = attempt(0, 10, { opId: 'other', verdict: 'duplicate' });
  expect(timesOf([refused, attempt(0, 20)], 1).atMs).toEqual([25]);
});

it('an entry that nobody was seen to write is a gap', () => {
  expect(timesOf([attempt(0, 10), attempt(1, 20, { opId: 'other' })], 2).gaps).toEqual([
    'entry job:1 is in the store, and nobody was seen to write it',
  ]);
});

it('its writer is who was seen to write it', () => {
  const stored = new StoredEntries([attempt(0, 10), attempt(1, 20, { by: 'c2' })]);
  expect(stored.of([entry(0), entry(1)]).map(({ writer }) => writer)).toEqual(['c1', 'c2']);
});
