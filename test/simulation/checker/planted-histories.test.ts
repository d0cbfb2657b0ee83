/** Histories with one breach each: what no seed has shown yet must still be seen. */
import type { JournalEntry, NodeOperation } from '@baton/core';
import { compile } from '@baton/engine';
import type { FlowDefinition } from '@baton/flow';
import { commandIdOf } from '@baton/persistence';
import { describe, expect, it } from '@jest/globals';
import type { PlannedJob } from '../workload.js';
import { World } from '../world-task.js';
import type { BoardChange, LostOwner, StoredEntry } from '../history.js';
import { boardRules } from './board-rules.js';
import { claimOrderRules } from './claim-order-rules.js';
import { commandRules } from './command-rules.js';
import type { Evidence } from './evidence.js';
import { freeJobRules } from './free-job-rules.js';
import { journalRules } from './journal-rules.js';
import { modelRules } from './model-rules.js';
import { pauseRules } from './pause-rules.js';
import { requestRules } from './request-rules.js';
import { runRules, suspensionsOf } from './run-rules.js';
import { takeoverRules, takeovers } from './takeover-rules.js';
import { workerLosses, workerLossRules } from './worker-loss-rules.js';

const data = new Uint8Array();
const made = (path: string): NodeOperation => ({ type: 'create', path, data, ephemeral: true });
const gone = (path: string): NodeOperation => ({ type: 'delete', path });
const changed = (path: string): NodeOperation => ({ type: 'set', path, data });
const jobOf = (jobId: string) => `/boards/default/jobs/00/${jobId}.0`;
const lockOf = (jobId: string) => `/boards/default/locks/00/${jobId}`;
const conductor = (id: string) => made(`/members/conductors/${id}`);

type Change = readonly [atMs: number, session: number, ...NodeOperation[]];

/** What sessions did, one after the other. */
function boardOf(...changes: readonly Change[]): readonly BoardChange[] {
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
      'I16 low was claimed while high, of higher priority, had been free for 2000 ms',
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
    [
      'its claimer needed long to see the board',
      [
        [1_400, 2, conductor('c2')],
        [2_000, 2, made(jobOf('other')), made(lockOf('other'))],
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
  const check = (owner: LostOwner, atMs: number, seen = board, others: readonly LostOwner[] = []) => [
    ...takeoverRules(
      takeovers({
        history: { board: seen, lost: [owner, ...others] },
        jobs: [{ job: { jobId: 'job' }, entries: entries(atMs) }],
      }),
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

  it('of two that die one after the other with the job, the second death counts', () => {
    const third = [
      ...board.slice(0, 2),
      ...boardOf([2, 3, conductor('c3')], [3, 1, made(lockOf('job'))]).map((change, index) => ({
        ...change,
        order: 1.1 + index / 10,
      })),
      ...boardOf([1_000, 1, gone(lockOf('job'))], [1_001, 2, made(lockOf('job'))]).map((change, index) => ({
        ...change,
        order: 3 + index,
      })),
    ];
    const second = { order: 5, atMs: 1_010, sessionIds: [2n], isGuarded: true };
    expect(check(killed(true), 1_200, third)).toHaveLength(1);
    expect(check(killed(true), 1_200, third, [second])).toEqual([]);
    expect(check(killed(true), 1_300, third, [second])).toHaveLength(1);
  });

  it('nor when who else was there is dead, though it is still registered', () => {
    const other = { order: 2.2, atMs: 800, sessionIds: [2n], isGuarded: false };
    expect(check(killed(true), 9_000)).not.toEqual([]);
    expect(check(killed(true), 9_000, board, [other])).toEqual([]);
  });
});

const request = (delivery: number) => ({
  ...{ fact: 'request', state: 'assigned', requestId: 'job/t/execute/0.1', atom: 't', action: 'execute' },
  ...{ delivery, losses: delivery - 1, worker: `w${delivery}`, workerEpoch: `${delivery}` },
});
const entry = (order: number, ...facts: readonly object[]) =>
  ({ order, atMs: order, entry: { seq: order, kind: 'turn', facts } }) as unknown as StoredEntry;
const begun = { fact: 'atom', atom: 't', to: 'RUNNING' };
const startedAt = (order: number, delivery: number, epoch: string | undefined = `${delivery}`) => ({
  ...{ order, atMs: order, flowId: 'job', atom: 't', action: 'execute', round: 0, attempt: 1, key: 'k' },
  ...{ requestId: 'job/t/execute/0.1', delivery, process: 'w', epoch, ended: undefined },
});
/** Breaches of the rules of requests, in a history of one job with one task. */
const checkRequests = (entries: readonly StoredEntry[], history: object) => {
  const job = { jobId: 'job', definition: { root: { kind: 'linear', name: 'f', children: [] } } };
  const evidence = {
    history: { board: [], replies: [], calls: [], told: new Map(), ...history },
    world: { oddities: [] },
    struck: new Set(),
    jobs: [{ job, entries }],
  };
  return [...requestRules(evidence as unknown as Evidence)];
};

describe('P-103: a stored result is not computed again', () => {
  const done = entry(5, { fact: 'atom', atom: 't', to: 'SUCCESS' });
  const check = (entries: readonly StoredEntry[], call: number, toldAt?: number) => {
    const told = new Map(toldAt === undefined ? [] : [['2 job/t/execute/0.1', { order: toldAt, atMs: 0 }]]);
    return checkRequests(entries, { calls: [startedAt(call, 2)], told });
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

/** Orders and zxids are those of the changes: worker n has epoch n, and the first one leaves at 6. */
const workers: readonly BoardChange[] = boardOf(
  ...[1, 2, 3].map((n) => [n - 1, n, made(`/members/workers/w${n}`)] as const),
  [6, 1, gone('/members/workers/w1')],
).map((change, index) => ({ ...change, order: index < 3 ? index : 6 }));

describe('I09: a request runs beside no other run of it', () => {
  const given = [entry(4, begun, request(1)), entry(7, request(2)), entry(10, request(3))];
  const check = (calls: readonly object[], board = workers) => checkRequests(given, { board, calls });

  it('a later delivery begins when the worker of the one before is gone', () => {
    expect(check([startedAt(5, 1), startedAt(8, 2)])).toEqual([]);
    expect(check([startedAt(5, 1), startedAt(8, 2)], workers.slice(0, 3))).toEqual([
      'I09 job/t/execute/0.1 ran as delivery 1 and 2, and the first worker was still there',
    ]);
  });

  it.each([
    ['the third while the second runs', [startedAt(5, 1), startedAt(8, 2), startedAt(11, 3)], '2 and 3'],
    ['the second twice on one worker', [startedAt(5, 1), startedAt(8, 2), startedAt(9, 2)], '2 and 2'],
    [
      'two on the living after one that nobody knows',
      [{ ...startedAt(5, 1), epoch: undefined }, startedAt(8, 2), startedAt(11, 3)],
      '2 and 3',
    ],
  ])('a breach is %s', (_, calls, deliveries) => {
    expect(check(calls)).toEqual([
      `I09 job/t/execute/0.1 ran as delivery ${deliveries}, and the first worker was still there`,
    ]);
  });
});

describe('I10: what is in the log is the result', () => {
  const answered = (order: number, isRegistered: boolean) => ({
    ...{ order, atMs: order, partition: 0, isRegistered },
    message: { kind: 'result', requestId: 'job/t/execute/0.1', delivery: 1, worker: 'w1', workerEpoch: '1' },
  });
  const lost = { to: 'FAILURE', failure: { code: 'WORKER_LOST' } };
  const check = (order: number, isRegistered: boolean, then: object) =>
    checkRequests([entry(4, begun, request(1)), entry(7, then)], {
      board: workers,
      replies: [answered(order, isRegistered)],
    });

  it('its task is not sent again, and not given up as lost', () => {
    expect(check(5, true, request(2))).toEqual([
      'I10 job/t/execute/0.1 was assigned again, as delivery 2, after its result was in the log',
    ]);
    const givenUp = ['I10 job/t/execute/0.1 failed as lost with its worker after its result was in the log'];
    expect(check(5, true, { fact: 'atom', atom: 't', ...lost })).toEqual(givenUp);
    expect(check(5, true, { fact: 'attempt', atom: 't', attempt: 2, ...lost })).toEqual(givenUp);
  });

  it('nobody could know of what came later, or from a worker without a session', () => {
    expect(check(8, true, { fact: 'atom', atom: 't', ...lost })).toEqual([]);
    expect(check(5, false, { fact: 'atom', atom: 't', ...lost })).toEqual([]);
    expect(
      check(5, true, { fact: 'atom', atom: 't', to: 'FAILURE', failure: { code: 'QUEUE_TIMEOUT' } }),
    ).toEqual([]);
  });
});

describe('I01: one process writes under one fence', () => {
  const written = (seq: number, kind: string, writer: string, zxid = 3n): StoredEntry => ({
    ...{ order: seq + 3, atMs: seq, writer },
    entry: { seq, kind, facts: [], fence: { generation: 0, zxid } } as unknown as JournalEntry,
  });
  const post = { ...written(0, 'post', 'user', 0n), order: 0.5 };
  const board = boardOf(
    [0, 9, made(jobOf('job'))],
    [1, 8, made('/members/conductors/c1')],
    [2, 1, { ...changed(jobOf('job')), version: 0 } as NodeOperation, made(lockOf('job'))],
  );
  const evidence = (...entries: readonly StoredEntry[]) => {
    const job = { job: { jobId: 'job' }, entries: [post, ...entries] };
    const sessions = new Map([[1n, 'c1']]);
    const history = { board, sessions, replies: [], acknowledged: new Map() };
    return { history, struck: new Set(), jobs: [job] } as unknown as Evidence;
  };

  it('two are a breach, for the rules of the journal and for the model', () => {
    const good = evidence(written(1, 'claim', 'c1'), written(2, 'turn', 'c1'), written(3, 'terminal', 'c1'));
    expect([...journalRules(good), ...modelRules(good)]).toEqual([]);
    const two = evidence(written(1, 'claim', 'c1'), written(2, 'turn', 'c2'), written(3, 'terminal', 'c1'));
    expect([...journalRules(two)]).toEqual(['I01 job: c1 and c2 both wrote under one fence']);
    expect([...modelRules(two)]).toEqual(['model job: I01: c2 wrote entry 2 under the lock of c1']);
  });

  it('so is one under the lock of another', () => {
    const other = evidence(written(1, 'claim', 'c2'), written(2, 'terminal', 'c2'));
    expect([...modelRules(other)]).toEqual(['model job: I01: c2 wrote entry 1 under the lock of c1']);
  });
});

describe('I14: while a run is suspended nothing begins', () => {
  const flow = (to: string) => ({ fact: 'flow', to });
  const assigned = { fact: 'request', requestId: 'r', state: 'assigned' };
  const check = (...entries: readonly (readonly object[])[]) => {
    const stored = entries.map((facts) => ({ entry: { facts } })) as unknown as readonly StoredEntry[];
    return [...suspensionsOf({ job: { jobId: 'job' } as PlannedJob, entries: stored })];
  };

  it('what is given out before, or when it goes on, is none of it', () => {
    expect(check([flow('RUNNING'), assigned], [flow('SUSPENDING')], [flow('SUSPENDED')])).toEqual([]);
    expect(check([flow('SUSPENDED')], [flow('RUNNING'), assigned])).toEqual([]);
    expect(check([{ ...assigned, state: 'waiting' }, flow('SUSPENDING')])).toEqual([]);
  });

  it('a request or an atom between is a breach', () => {
    expect(check([flow('SUSPENDING')], [assigned])).toEqual([
      'I14 job: r is assigned while the run is SUSPENDING',
    ]);
    const reverting = { fact: 'atom', atom: 'a', to: 'REVERTING' };
    expect(check([flow('SUSPENDED'), reverting])).toEqual([
      'I14 job: a is REVERTING while the run is SUSPENDED',
    ]);
  });
});

describe('P-1108: an acknowledged command is not lost', () => {
  const command = (n: number) => ({ fact: 'command', n, command: 'cancel' });
  const terminal = (atMs: number): StoredEntry => ({
    ...{ order: 9, atMs },
    entry: { seq: 2, kind: 'terminal', facts: [] } as unknown as JournalEntry,
  });
  const check = (storedAt: number | undefined, entries: readonly StoredEntry[], boundMs?: number) => {
    const commands = new Map(
      storedAt === undefined ? [] : [[commandIdOf('job', 1), { order: storedAt, atMs: 0 }]],
    );
    const acknowledgedCommands = [{ order: 3, atMs: 3, jobId: 'job', n: 1 }];
    const history = { commands, acknowledgedCommands, lost: [] };
    return [...commandRules({ history, jobs: [{ job: { jobId: 'job' }, entries }] }, { boundMs })];
  };

  it('it is stored before', () => {
    expect(check(2, [])).toEqual([]);
    expect(check(undefined, [])).toEqual(['P-1108 job: command 1 was acknowledged before it was stored']);
    expect(check(4, [])).toHaveLength(1);
  });

  it('it is taken in before the job ends, but in the last moment', () => {
    expect(check(2, [terminal(9_000)], 6_000)).toEqual([
      'P-1108 job ended 8997 ms after command 1 was acknowledged, and never took it in',
    ]);
    expect(check(2, [entry(4, command(1)), terminal(9_000)], 6_000)).toEqual([]);
    expect(check(2, [terminal(5_000)], 6_000)).toEqual([]);
    expect(check(2, [terminal(9_000)])).toEqual([]);
  });
});

describe('I06: a job is consumed, or put into the trash as poison, never both', () => {
  const data = (reason: string) => new TextEncoder().encode(JSON.stringify({ reason }));
  const trash = (reason = 'POISON: …') =>
    ({ ...made('/boards/default/trash/00/job'), data: data(reason) }) as NodeOperation;
  const settle = (...more: readonly NodeOperation[]) => [gone(jobOf('job')), gone(lockOf('job')), ...more];
  const written = (order: number, more: object): StoredEntry => ({
    ...{ order, atMs: order },
    entry: { seq: 1, facts: [], fence: { generation: 0, zxid: 2n }, ...more } as unknown as JournalEntry,
  });
  const claim = written(1.2, { kind: 'claim' });
  const success = written(1.5, { kind: 'terminal', outcome: 'SUCCESS' });
  const poison = written(1.5, { kind: 'terminal', outcome: 'FAILURE', reason: { code: 'POISON' } });
  const check = (entries: readonly StoredEntry[], ...end: readonly NodeOperation[]) => {
    const board = boardOf(
      [0, 9, made(jobOf('job'))],
      [1, 1, changed(jobOf('job')), made(lockOf('job'))],
      [2, 1, ...end],
    );
    const jobs = [{ job: { jobId: 'job' }, entries }];
    return [...boardRules({ history: { board }, jobs } as unknown as Evidence)];
  };

  it('the trash is for poison, and for what has no record', () => {
    expect(check([claim, success], ...settle())).toEqual([]);
    expect(check([claim, poison], ...settle(trash()))).toEqual([]);
    expect(check([], ...settle(trash('QUARANTINE: …')))).toEqual([]);
  });

  it('anything else is a breach', () => {
    expect(check([claim, success], ...settle(trash()))).toEqual([
      'I06 job: put into the trash, and it is SUCCESS',
    ]);
    expect(check([claim, poison], ...settle())).toEqual([
      'I06 job: ended as poison, and taken off the board without a node in the trash',
    ]);
    expect(check([claim], ...settle(trash()))).toEqual([
      'I06 job: taken off the board before its terminal entry was stored',
    ]);
    expect(check([claim, poison], trash())).toContain('I06 job: put into the trash and left on the board');
  });
});

describe('P-934: a request whose worker left is not forgotten', () => {
  const from = (order: number, atMs: number, ...facts: readonly object[]) => ({
    ...entry(order, ...facts),
    atMs,
  });
  const left = workers.map((change) => ({ ...change, atMs: change.order * 10 }));
  const check = (entries: readonly StoredEntry[], board = left) => {
    const losses = workerLosses(
      { history: { board }, jobs: [{ job: { jobId: 'job' }, entries }] as never },
      { concurrency: 1 },
    );
    return [...workerLossRules(losses, { boundMs: 500 })];
  };
  const begin = from(4, 40, begun, request(1));
  const late = ['P-934 job/t/execute/0.1 had no worker for 840 ms before that was recorded, allowed are 500'];

  it('another one has it in time', () => {
    expect(check([begin, from(7, 400, request(2))])).toEqual([]);
    expect(check([begin, from(7, 900, request(2))])).toEqual(late);
    expect(check([begin, from(7, 900, { fact: 'atom', atom: 't', to: 'FAILURE' })])).toEqual(late);
    expect(check([begin, from(7, 900, { ...request(1), state: 'parked' })])).toEqual(late);
  });

  it('nobody is late who had no other worker, or had just become the owner', () => {
    const alone = left.filter(({ order }) => order !== 1 && order !== 2);
    expect(check([begin, from(7, 900, request(2))], alone)).toEqual([]);
    const claim = { order: 7, atMs: 800, entry: { kind: 'claim', facts: [] } } as unknown as StoredEntry;
    expect(check([begin, claim, from(8, 900, request(2))])).toEqual([]);
    const other = { ...request(2), requestId: 'job/u/execute/0.1' };
    const second = { ...request(3), requestId: 'job/v/execute/0.1' };
    expect(check([from(4, 40, begun, request(1), other, second), from(7, 900, request(2))])).toEqual([]);
  });
});

describe('P-508: a free job is claimed soon', () => {
  const claim = [changed(jobOf('job')), made(lockOf('job'))];
  const check = (claimedMs: number, lost: readonly LostOwner[] = [], ...more: readonly Change[]) => {
    const board = boardOf(
      [0, 1, conductor('c1')],
      [10, 2, conductor('c2')],
      [20, 9, made(jobOf('job'))],
      ...more,
      [claimedMs, 1, ...claim],
    );
    return [...freeJobRules({ history: { board, lost } }, { boundMs: 500 })];
  };

  it('later is a breach', () => {
    expect(check(500)).toEqual([]);
    expect(check(700)).toEqual([
      'P-508 job was free for 680 ms while a conductor with room was there, allowed are 500',
    ]);
  });

  it('the dead and those to come do not count', () => {
    const dead = [1n, 2n].map((id) => ({ order: 2.5, atMs: 15, sessionIds: [id], isGuarded: false }));
    expect(check(700, dead, [600, 3, conductor('c3')])).toEqual([]);
    expect(check(700, dead.slice(0, 1))).toHaveLength(1);
  });
});

describe('P-605: a job that was given back is claimed when its pause is over', () => {
  const givenBack = (pause: object): readonly NodeOperation[] => [
    { type: 'set', path: jobOf('job'), data: Buffer.from(JSON.stringify(pause)) },
    gone(lockOf('job')),
  ];
  const check = (pause: object, claimedMs: number, fromMs = 0) => {
    const board = boardOf(
      [10, 1, ...givenBack(pause)],
      [claimedMs, 2, changed(jobOf('job')), made(lockOf('job'))],
    );
    return [...pauseRules({ history: { board } }, { fromMs, drift: 2, boundMs: 500 })];
  };

  it('later is a breach, by the slowest clock', () => {
    expect(check({ pauseMs: 1_000 }, 2_500)).toEqual([]);
    expect(check({ pauseMs: 1_000 }, 2_600)).toEqual([
      'P-605 job was claimed 590 ms after its pause, allowed are 500',
    ]);
    expect(check({}, 600)).toHaveLength(1);
  });

  it('not while something may be in the way', () => {
    expect(check({ pauseMs: 1_000 }, 9_400, 9_000)).toEqual([]);
    expect(check({ pauseMs: 1_000 }, 9_600, 9_000)).toHaveLength(1);
  });
});

describe('the world outside', () => {
  const work = (action: 'execute' | 'revert') => ({
    action,
    flowId: 'job',
    atom: 't',
    key: `job/t/${action}/0`,
  });
  const after = (...actions: readonly ('execute' | 'revert')[]) => {
    const world = new World();
    for (const action of actions) world.take(work(action));
    return { standing: world.standing('job'), late: world.late.length };
  };

  it('knows the same work again, and tells of what was done for the first time after it was undone', () => {
    expect(after('execute', 'execute')).toEqual({ standing: ['t'], late: 0 });
    expect(after('execute', 'revert', 'execute')).toEqual({ standing: [], late: 0 });
    expect(after('revert', 'execute')).toEqual({ standing: [], late: 1 });
  });
});

describe('what a run does, by its journal', () => {
  const task = (name: string) => ({ kind: 'task', name, task: 's' });
  const check = (root: object, clocks: object, ...entries: readonly StoredEntry[]) => {
    const definition = { schemaVersion: 1, root } as unknown as FlowDefinition;
    const jobs = [
      { job: { jobId: 'job', definition }, compiled: compile(definition), entries, told: undefined },
    ];
    return [
      ...runRules({
        history: {},
        world: new World(),
        struck: new Set(),
        clocks,
        jobs,
      } as unknown as Evidence),
    ];
  };
  const to = (atom: string, from: string, state: string, more = {}) => ({
    ...{ fact: 'atom', atom, from, to: state, round: 0, attempt: 1, ...more },
  });
  const done = (atom: string) => [to(atom, 'PENDING', 'RUNNING'), to(atom, 'RUNNING', 'SUCCESS')];
  const running = { fact: 'flow', from: 'PENDING', to: 'RUNNING' };

  it('I11: what comes after an ignored atom is undone before what comes before it', () => {
    const links = [
      { from: 0, to: 1, decider: { expr: 'false' }, depth: 'atom' },
      { from: 1, to: 2 },
    ];
    const graph = { kind: 'graph', name: 'f', children: [task('a'), task('b'), task('c')], links };
    const before = entry(0, running, ...done('a'), to('b', 'PENDING', 'IGNORE'), ...done('c'));
    const undo = entry(1, to('a', 'SUCCESS', 'REVERTING'));
    expect(check(graph, { startMs: 0, slackMs: 0, drift: 1 }, before, undo)).toContain(
      'I11 job: entry 1 undoes a while c is SUCCESS',
    );
  });

  it('I15: a timer fires when its own clock says so, or that of the cluster', () => {
    const flow = { kind: 'linear', name: 'f', children: [task('a')] };
    const timer = (order: number, state: 'set' | 'fired', writer: string, atMs: number, trueMs: number) => {
      const stored = entry(order, { fact: 'timer', id: 'x', atom: 'a', state, delayMs: 100 });
      return { ...stored, atMs: trueMs, writer, entry: { ...stored.entry, atMs } };
    };
    const fired = (writer: string, atMs: number, trueMs: number, drift = 1) =>
      check(
        flow,
        { startMs: 0, slackMs: 1, drift },
        timer(0, 'set', 'c1', 50, 0),
        timer(1, 'fired', writer, atMs, trueMs),
      );
    expect(fired('c1', 150, 100)).toEqual([]);
    expect(fired('c1', 148, 98)).toEqual(['I15 job: timer x fired 2 ms early']);
    expect(fired('c2', 90, 149)).toEqual([]);
    expect(fired('c2', 90, 148)).toEqual(['I15 job: timer x fired 2 ms early']);
    expect(fired('c2', 90, 99, 2)).toEqual([]);
    expect(fired('c2', 90, 98, 2)).toEqual(['I15 job: timer x fired 52 ms early']);
  });
});
