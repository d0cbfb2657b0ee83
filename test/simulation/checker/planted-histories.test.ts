/** Histories with one breach each: what no seed has shown yet must still be seen. */
import type { JournalEntry, NodeOperation } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import { History, type BoardChange, type LostOwner, type StoredEntry } from '../history.js';
import { claimOrderRules } from './claim-order-rules.js';
import type { Evidence } from './evidence.js';
import { requestRules } from './request-rules.js';
import { secretRules } from './secret-rules.js';
import { takeoverRules } from './takeover-rules.js';

const data = new Uint8Array();
const made = (path: string): NodeOperation => ({ type: 'create', path, data, ephemeral: true });
const gone = (path: string): NodeOperation => ({ type: 'delete', path });
const changed = (path: string): NodeOperation => ({ type: 'set', path, data });
const jobOf = (jobId: string) => `/boards/default/jobs/00/${jobId}.0`;
const lockOf = (jobId: string) => `/boards/default/locks/00/${jobId}`;
const conductor = (id: string) => made(`/members/conductors/${id}`);

/** What sessions did, one after the other. */
function boardOf(
  ...changes: readonly (readonly [atMs: number, session: number, ...NodeOperation[]])[]
): readonly BoardChange[] {
  return changes.map(([atMs, session, ...operations], order) => ({
    ...{ order, atMs, zxid: BigInt(order + 1), sessionId: BigInt(session), operations },
  }));
}

describe('I16: the highest priority is claimed first', () => {
  const jobs = [
    { job: { jobId: 'low', priority: 'LOW' } },
    { job: { jobId: 'high', priority: 'HIGH' } },
  ] as const;
  const posted = [
    [0, 1, conductor('c1')],
    [10, 9, made(jobOf('low'))],
    [20, 9, made(jobOf('high'))],
  ] as const;
  const claim = (jobId: string) => [changed(jobOf(jobId)), made(lockOf(jobId))];
  const check = (board: readonly BoardChange[], ...struck: string[]) => [
    ...claimOrderRules({ history: { board }, jobs, struck: new Set(struck) }),
  ];

  it('a claim that passes over one that was there for long is a breach', () => {
    expect(check(boardOf(...posted, [3_000, 1, ...claim('low')]))).toEqual([
      'I16 low was claimed while high, of higher priority, had been free for 2980 ms',
    ]);
    const lost = [
      [100, 1, ...claim('high')],
      [200, 1, gone(lockOf('high'))],
    ] as const;
    expect(check(boardOf(...posted, ...lost, [3_000, 1, ...claim('low')]))).toHaveLength(1);
  });

  it.each([
    ['both were just posted', [[500, 1, ...claim('low')]]],
    [
      'the higher one has an owner',
      [
        [100, 2, ...claim('high')],
        [3_000, 1, ...claim('low')],
      ],
    ],
    [
      'the higher one was given back with a pause',
      [
        [100, 2, ...claim('high')],
        [200, 2, changed(jobOf('high')), gone(lockOf('high'))],
        [3_000, 1, ...claim('low')],
      ],
    ],
    [
      'both are claimed side by side',
      [
        [3_000, 1, ...claim('low')],
        [3_010, 1, ...claim('high')],
      ],
    ],
    [
      'its claimer has just begun',
      [
        [2_900, 2, conductor('c2')],
        [3_000, 2, ...claim('low')],
      ],
    ],
  ] as const)('none is it when %s', (_, changes) => {
    expect(check(boardOf(...posted, ...changes))).toEqual([]);
  });

  it('who could not see the board is not judged', () => {
    expect(check(boardOf(...posted, [3_000, 1, ...claim('low')]), 'lag session')).toEqual([]);
  });
});

describe('I17: a job whose owner is killed is owned again in time', () => {
  const board = boardOf(
    [0, 1, conductor('c1')],
    [1, 2, conductor('c2')],
    [10, 1, made(lockOf('job'))],
    [1_000, 1, gone(lockOf('job')), gone('/members/conductors/c1')],
  );
  const killed = (isGuarded: boolean): LostOwner => ({ order: 2.5, atMs: 900, sessionIds: [1n], isGuarded });
  const entries = (atMs: number): StoredEntry[] => [
    { order: 9, atMs, entry: { kind: 'claim' } as JournalEntry },
  ];
  const boundMs = { guarded: 250, unguarded: 4_450 };
  const check = (owner: LostOwner, atMs: number, seen = board) => [
    ...takeoverRules(
      { history: { board: seen, lost: [owner] }, jobs: [{ job: { jobId: 'job' }, entries: entries(atMs) }] },
      boundMs,
    ),
  ];

  it('later is a breach, and with a guard it is sooner too late', () => {
    expect(check(killed(true), 1_100)).toEqual([]);
    expect(check(killed(true), 1_200)).toEqual([
      'I17 job was owned again 300 ms after its owner was killed, allowed are 250',
    ]);
    expect(check(killed(false), 5_000)).toEqual([]);
    expect(check(killed(false), 5_400)).toHaveLength(1);
  });

  it('nobody is late when nobody else was there', () => {
    const alone = board.filter(({ order }) => order !== 1);
    expect(check(killed(true), 9_000, alone)).toEqual([]);
  });
});

describe('I19: secrets are seen by nobody they are not meant for', () => {
  const seen = (show: (history: History) => void) => {
    const history = new History({ nowMs: 0 });
    history.keep('s3cr3t', 'password of a session');
    history.keep('pin-1', 'value of a user');
    show(history);
    return [...secretRules({ history })];
  };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const transaction = (text: string) => ({
    ...{ zxid: 1n, sessionId: 1n },
    operations: [{ ...made(jobOf('j')), data: bytes(text) }] as NodeOperation[],
  });
  const document = (body: string) => ({
    ...{ collection: 'values', verdict: 'stored', document: { _id: 'x', body } },
  });

  it('the password of a session is nowhere', () => {
    expect(seen((history) => history.see('log', 'session.state {"token":"s3cr3t"}'))).toEqual([
      'I19 password of a session in log: session.state {"token":"…',
    ]);
    expect(seen((history) => history.transaction(transaction('s3cr3t')))).toHaveLength(1);
    expect(seen((history) => history.document(document('s3cr3t')))).toHaveLength(1);
  });

  it('a value that a user gave is stored, and in no log and no dead letter', () => {
    expect(seen((history) => history.see('log', 'pin-1'))).toHaveLength(1);
    expect(seen((history) => history.record('sim.dead', 0, bytes('pin-1')))).toHaveLength(1);
    expect(seen((history) => history.document(document('pin-1')))).toEqual([]);
    expect(seen((history) => history.transaction(transaction('pin-1')))).toEqual([]);
  });
});

describe('P-103: a stored result is not computed again', () => {
  const request = (delivery: number) => ({
    ...{ fact: 'request', state: 'assigned', requestId: 'job/t/execute/0.1', atom: 't', action: 'execute' },
    ...{ delivery, losses: delivery - 1, worker: 'w', workerEpoch: `e${delivery}` },
  });
  const entry = (order: number, ...facts: readonly object[]) =>
    ({ order, atMs: order, entry: { seq: order, kind: 'turn', facts } }) as unknown as StoredEntry;
  const begun = { fact: 'atom', atom: 't', to: 'RUNNING' };
  const done = entry(5, { fact: 'atom', atom: 't', to: 'SUCCESS' });
  const startedAt = (order: number) => ({
    ...{ order, atMs: order, flowId: 'job', atom: 't', action: 'execute', round: 0, attempt: 1, key: 'k' },
    ...{ requestId: 'job/t/execute/0.1', delivery: 2, process: 'w', epoch: 'e2', ended: undefined },
  });
  const check = (entries: readonly StoredEntry[], call: number, toldAt?: number) => {
    const job = { jobId: 'job', definition: { root: { kind: 'linear', name: 'f', children: [] } } };
    const told = new Map(toldAt === undefined ? [] : [['e2 job/t/execute/0.1', { order: toldAt, atMs: 0 }]]);
    const evidence = {
      history: { board: [], replies: [], calls: [startedAt(call)], told },
      world: { oddities: [] },
      struck: new Set(),
      jobs: [{ job, entries }],
    };
    return [...requestRules(evidence as unknown as Evidence)];
  };
  const given = [entry(1, begun, request(1)), entry(3, request(2))];

  it('a worker that was told so does not begin', () => {
    expect(check([...given, done], 7, 6)).toEqual([
      'P-103 job/t/execute/0.1 was started after its worker was told that its result is stored',
    ]);
    expect(check([...given, done], 6, 7)).toEqual([]);
    expect(check([...given, done], 6)).toEqual([]);
  });

  it('nobody is asked for it', () => {
    expect(check([entry(1, begun, request(1)), done, entry(6, request(2))], 7)).toEqual([
      'P-103 job/t/execute/0.1 was asked for after its result was stored',
    ]);
  });
});
