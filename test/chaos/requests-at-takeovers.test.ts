/** Planted journals: one request that is open when its job changes hands, and what becomes of it. */
import type { Fact, JournalEntry, ReplyMessage } from '@baton/core';
import { expect, it } from '@jest/globals';
import type { StoredEntry } from '../simulation/history.js';
import { requestsAtTakeovers } from './requests-at-takeovers.js';

const requestId = 'job/a/execute/1.1';
const request = (state: 'assigned' | 'parked' | 'waiting'): Fact =>
  ({ fact: 'request', atom: 'a', requestId, state }) as Fact;
const ended = (to: 'SUCCESS' | 'FAILURE'): Fact => ({ fact: 'atom', atom: 'a', from: 'RUNNING', to });
const again: Fact = { fact: 'attempt', atom: 'a', attempt: 2, failure: {} as never };
const claim = 'claim';

/** `facts`: one entry each; the number of an entry is its place in the order. */
function counted(facts: readonly (Fact | typeof claim)[], { answeredAt }: { answeredAt?: number } = {}) {
  const entries = facts.map((each, order): StoredEntry => {
    const entry = each === claim ? { kind: claim, facts: [] } : { kind: 'turn', facts: [each] };
    return { order, atMs: order, entry: entry as unknown as JournalEntry };
  });
  const message = { kind: 'result', requestId } as ReplyMessage;
  const replies = answeredAt === undefined ? [] : [{ order: answeredAt, message }];
  return requestsAtTakeovers({ history: { replies }, jobs: [{ entries }] });
}

const none = { adopted: 0, sentAgain: 0, endedOtherwise: 0 };
const taken = [claim, request('assigned'), claim] as const;

it('adopted is what was answered and not assigned again', () => {
  expect(counted([...taken, ended('SUCCESS')], { answeredAt: 2.5 })).toEqual({ ...none, adopted: 1 });
  expect(counted([...taken, ended('FAILURE')], { answeredAt: 2.5 })).toEqual({ ...none, adopted: 1 });
  expect(counted([...taken, again], { answeredAt: 1.5 })).toEqual({ ...none, adopted: 1 });
});

it('an end that no answer had come for is not', () => {
  expect(counted([...taken, ended('FAILURE')])).toEqual({ ...none, endedOtherwise: 1 });
  // the answer of a worker that was taken for lost
  expect(counted([...taken, ended('FAILURE')], { answeredAt: 3.5 })).toEqual({ ...none, endedOtherwise: 1 });
  expect(counted([...taken, { fact: 'withdrawn', atom: 'a' }])).toEqual({ ...none, endedOtherwise: 1 });
  expect(counted(taken)).toEqual({ ...none, endedOtherwise: 1 });
});

it('parked is not sent again, even when a person wants it again', () => {
  const parked = [...taken, request('parked'), request('waiting'), request('assigned'), ended('SUCCESS')];
  expect(counted(parked, { answeredAt: 5.5 })).toEqual({ ...none, endedOtherwise: 1 });
});

it('assigned again is sent again, whatever comes of it', () => {
  const sent = [...taken, request('assigned'), ended('SUCCESS')];
  expect(counted(sent, { answeredAt: 3.5 })).toEqual({ ...none, sentAgain: 1 });
});

it('each request counts once, at the last of its takeovers', () => {
  expect(counted([...taken, claim, ended('SUCCESS')], { answeredAt: 3.5 })).toEqual({ ...none, adopted: 1 });
  expect(counted([claim, request('assigned'), ended('SUCCESS')], { answeredAt: 1.5 })).toEqual(none);
});
