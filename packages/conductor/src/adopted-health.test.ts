/** What a new owner makes of requests that had been given to a worker; when that is a sign that their job is healthy (P-506). */
import type { JournalEntry } from '@baton/core';
import { compile } from '@baton/engine';
import { linear, task, unordered } from '@baton/flow';
import { fakeRuntime } from '@baton/testkit';
import { expect, it } from '@jest/globals';
import { claimEntry, postEntry } from '../../testkit/src/protocols/journal/sample-entries.js';
import { FlowTurns } from './flow-turns.js';
import { OwnedState } from './owned-state.js';
import type { OpenRequest } from './request-table.js';
import { WorkerRoster } from './worker-roster.js';

const noop = (name: string) => task(name, { execute: () => undefined });
const flow = linear('f').add(unordered('u').add(noop('a'), noop('b')));

/** A run whose two tasks were given to a worker by an owner that died, in the hands of the next one. */
function takenOver() {
  const runtime = fakeRuntime();
  const roster = new WorkerRoster(runtime.random);
  const [host, tasks] = ['here', ['a', 'b'].map((name) => ({ name, version: '1.0' }))];
  const join = (epoch: string): void =>
    roster.join({
      ...{ kind: 'worker', id: 'w', epoch, host, pid: 1, version: '0', startedAtMs: 0 },
      ...{ requestPartition: 0, concurrency: 9, tasks },
    });
  join('w-epoch');
  const services = {
    ...{ runtime, roster, payloads: { externalise: (value: unknown) => Promise.resolve(value) } },
    counters: { claimed: 0, takenOver: 0, settled: 0, fenced: 0, adopted: 0, redelivered: 0, superseded: 0 },
    inboxPlace: () => ({ replyPartition: 0, replyFrom: 0 }),
    workerRefused: () => undefined,
  } as never;
  const compiled = compile(flow.toJSON());
  const entries: JournalEntry[] = [postEntry('job')];
  const fence = (zxid: bigint) => ({ generation: 0, zxid });
  const owner = (): FlowTurns => {
    const state = OwnedState.ofJournal({ entries }, compiled);
    if (state === undefined) throw new Error('the journal is whole');
    const onFault = (error: unknown): never => {
      throw error;
    };
    return new FlowTurns(services, 'job', state, {
      ...{ onInput: () => undefined, onFault, onAdopted: () => undefined, beforeTimer: async () => true },
    });
  };
  const first = owner();
  first.event({ type: 'run' });
  entries.push({ ...claimEntry({ flowId: 'job', seq: 1, fence: fence(1n) }), facts: first.next(99).facts });
  entries.push(claimEntry({ flowId: 'job', seq: 2, fence: fence(2n) }));
  const turns = owner();
  turns.event({ type: 'adopt' });
  const [a, b] = turns.next(99).adopted;
  if (!a || !b) throw new Error('both are open');
  const unknown = ({ requestId, delivery, workerEpoch }: OpenRequest) =>
    turns.notRun({ kind: 'unknown', requestId, delivery, workerEpoch } as never);
  return { clock: runtime.clock, turns, roster, join, a, b, unknown };
}

it('it is when every request of the former owner gave a sign of life', () => {
  const { turns, a, b } = takenOver();
  expect(turns.isAtRest).toBe(false);
  turns.heard(a.requestId);
  expect(turns.isAtRest).toBe(false);
  turns.heard(b.requestId);
  expect(turns.isAtRest).toBe(true);
});

it('it is not while the value of an answer is being stored, or is not part of a turn', async () => {
  const { turns, a, b } = takenOver();
  const { requestId, delivery, workerEpoch } = a;
  const answer = { requestId, delivery, workerEpoch, outcome: { value: { data: 1 } } };
  turns.result({ kind: 'result', worker: 'w', ...answer } as never);
  turns.heard(b.requestId);
  expect(turns.isAtRest).toBe(false);
  await Promise.resolve();
  expect(turns.hasNews).toBe(true);
  expect(turns.isAtRest).toBe(false);
});

it.each(['before', 'after'])(
  'it is not when one came back unknown, %s the other one was heard of: it goes to a worker again',
  (order) => {
    const { turns, a, b, unknown } = takenOver();
    if (order === 'before') unknown(b);
    turns.heard(a.requestId);
    if (order === 'after') unknown(b);
    expect(turns.isAtRest).toBe(false);
    // the entry that says so is the progress
    expect(turns.next(99).facts).toMatchObject([{ fact: 'request', requestId: b.requestId, delivery: 2 }]);
  },
);

it('it is when one was lost with its worker and no other worker is there', () => {
  const { turns, roster, a, b } = takenOver();
  turns.heard(a.requestId);
  roster.leave('w-epoch');
  expect(turns.isAtRest).toBe(false);
  turns.lost([b]);
  expect(turns.next(99).facts).toEqual([]);
  expect(turns.isAtRest).toBe(true);
});

it('one that came back unknown from the inbox of a former owner, and has another worker by now, is not lost with the first', () => {
  const { turns, roster, join, b, unknown } = takenOver();
  roster.leave('w-epoch');
  join('w-next');
  unknown(b);
  expect(turns.next(99).facts).toMatchObject([
    { requestId: b.requestId, workerEpoch: 'w-next', delivery: 2 },
  ]);
  turns.lost([b]);
  expect(turns.next(99).facts).toEqual([]);
});

it('it is not while a timer is due that has not fired', () => {
  const { clock, turns, a, b } = takenOver();
  turns.timers.set('soon', clock.wallMs() + 1_000);
  turns.heard(a.requestId);
  turns.heard(b.requestId);
  expect(turns.isAtRest).toBe(true);
  turns.timers.set('late', clock.wallMs());
  expect(turns.isAtRest).toBe(false);
});
