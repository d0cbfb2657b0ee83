import type { JobReport } from '@baton/client';
import { noFence, toFailure, type AtomFact, type Fact } from '@baton/core';
import { describe, expect, it } from '@jest/globals';
import { entryLines, reportText } from './job-text.js';

const report: JobReport = {
  ...{
    jobId: 'j',
    name: 'f',
    definitionHash: 'd',
    board: 'default',
    jobState: 'CLAIMED',
    flowState: 'RUNNING',
    seq: 5,
  },
  ...{ owners: [], postedAtMs: 0, updatedAtMs: 0, redelivered: 0, results: {} },
  ...{ pending: [], notifications: [], commands: [], atoms: [] },
};

describe('a job, for people', () => {
  it('shows rounds and attempts above the first', () => {
    const atoms: JobReport['atoms'] = [
      { name: 'first', kind: 'task', state: 'SUCCESS', attempt: 1, round: 1 },
      { name: 'f_retry', kind: 'retry', state: 'SUCCESS', round: 3 },
      { name: 'again', kind: 'task', state: 'RUNNING', attempt: 2, round: 3, worker: 'w1', delivery: 1 },
    ];
    expect(
      reportText({ ...report, atoms }, 'default')
        .split('\n')
        .slice(-3),
    ).toEqual([
      '  ✔ first                    SUCCESS',
      '  ✔ f_retry                  SUCCESS  round 3',
      '  ▶ again                    RUNNING  round 3, attempt 2  on w1, delivery 1',
    ]);
  });

  it('shows how far a delegate says it is', () => {
    const waits = { kind: 'task', state: 'RUNNING', delegate: 'lab' } as const;
    const atoms: JobReport['atoms'] = [
      { ...waits, name: 'all', progress: { fraction: 0.29, note: 'mixing', atMs: 0 } },
      { ...waits, name: 'note', progress: { note: 'mixing', atMs: 0 } },
      { ...waits, name: 'none', progress: { fraction: 0, atMs: 0 } },
      { ...waits, name: 'untold' },
    ];
    const text = reportText({ ...report, atoms }, 'default');
    expect(text.match(/waits for lab[^:]*/g)).toEqual([
      'waits for lab (29 %, mixing)',
      'waits for lab (mixing)',
      'waits for lab (0 %)',
      'waits for lab',
    ]);
  });

  it('counts an owner that had it several times on end', () => {
    const owners = ['c1', 'c1', 'c1', 'c2', 'c1'].map(
      (member) => ({ member }) as JobReport['owners'][number],
    );
    expect(reportText({ ...report, owners }, 'default')).toMatch(/^owners c1 \(3 times\) → c2 → c1$/m);
  });

  it('names its board where that is another one', () => {
    expect(reportText({ ...report, owner: 'c1' }, 'default')).toContain('\njob    ◐ CLAIMED, owned by c1\n');
    expect(reportText({ ...report, owner: 'c1' }, 'mine')).toContain(
      '\njob    ◐ CLAIMED on board default, owned by c1\n',
    );
  });

  it('shows what a failure comes from at last', () => {
    const inner = new Error('deep', { cause: new RangeError('deepest') });
    const failures = [new Error('outer', { cause: inner }), new Error('alone')];
    const atoms = failures.map((failure): JobReport['atoms'][number] => ({
      ...{ name: failure.message, kind: 'task', state: 'FAILURE', failure: toFailure(failure) },
    }));
    expect(
      reportText({ ...report, atoms }, 'default')
        .split('\n')
        .slice(-3),
    ).toEqual([
      '  ✖ outer                    FAILURE  Error: outer',
      '      root cause: RangeError: deepest',
      '  ✖ alone                    FAILURE  Error: alone',
    ]);
  });

  it('shows who cancelled it, and why', () => {
    const cancel = { n: 1, command: 'cancel', by: 'cli', reason: 'enough', atMs: 0 };
    expect(reportText({ ...report, commands: [cancel] }, 'default')).toContain('\n! cancel by cli (enough)');
    expect(reportText({ ...report, pending: [{ ...cancel, arguments: {} }] }, 'default')).toContain(
      '\n! cancel asked by cli (enough), not applied yet',
    );
  });

  it.each([
    [1, '1 request sent again'],
    [2, '2 requests sent again'],
  ])('counts %d requests', (redelivered, text) => {
    expect(reportText({ ...report, redelivered }, 'default')).toMatch(new RegExp(` none yet, ${text}$`));
  });
});

describe('a journal entry, for people', () => {
  const linesOf = (...facts: readonly Fact[]): readonly string[] =>
    entryLines({
      ...{ kind: 'turn', flowId: 'j', seq: 2, fence: noFence, opId: '', facts },
      atMs: Date.UTC(2026, 0, 2, 13, 4, 5, 67),
    });

  it('begins with its time', () => {
    const running: AtomFact = { fact: 'atom', atom: 'a', from: 'PENDING', to: 'RUNNING' };
    expect(linesOf(running)).toEqual(['13:04:05.067  ▶ a RUNNING']);
  });

  it('says who cancelled, and why', () => {
    expect(linesOf({ fact: 'command', n: 1, command: 'cancel', by: 'cli', reason: 'enough' })).toEqual([
      '13:04:05.067    command cancel by cli (enough)',
    ]);
  });
});
