/** Histories of routed flows, their delegates, child runs and schedules with one breach each. */
import { childIdOf, type JsonValue, type NodeOperation } from '@baton/core';
import { compileAny } from '@baton/engine';
import type { RoutedAtomDefinition, RoutedDefinition, RoutedFlowDefinition } from '@baton/flow';
import { withFlows } from '@baton/flow';
import type { ScheduleSlot } from '@baton/persistence';
import { describe, expect, it } from '@jest/globals';
import type { BoardChange, StoredEntry } from '../history.js';
import { taskName } from '../workload.js';
import { World } from '../world-task.js';
import { childRules, orphanRules } from './child-rules.js';
import { delegateRules } from './delegate-rules.js';
import { eventRules } from './event-rules.js';
import type { Evidence, JobEvidence } from './evidence.js';
import { routedRules } from './routed-rules.js';
import { runRules } from './run-rules.js';
import { runsOf } from './runs.js';
import { scheduleRules } from './schedule-rules.js';

type Atoms = Readonly<Record<string, Omit<RoutedAtomDefinition, 'name'>>>;

function flowOf(atoms: Atoms, more: Partial<RoutedDefinition> = {}): RoutedFlowDefinition {
  const named = Object.entries(atoms).map(([name, atom]) => ({ name, ...atom }));
  return { schemaVersion: 1, root: { kind: 'routed', name: 'f', atoms: named, ...more } };
}

/** The first entry is the post; one that is given an outcome is the last one. */
function journalOf(jobId: string, ...turns: readonly (readonly object[] | string)[]): StoredEntry[] {
  const outcome = turns.find((turn) => typeof turn === 'string');
  const facts = turns.filter((turn) => typeof turn !== 'string');
  return [[], ...facts].map((turn, seq) => {
    const isLast = seq === facts.length && outcome !== undefined;
    const kind = seq === 0 ? 'post' : isLast ? 'terminal' : 'turn';
    const more = { ...(seq === 0 && { post: { store: {} } }), ...(isLast && { outcome }) };
    const entry = { flowId: jobId, seq, kind, facts: turn, atMs: 0, ...more };
    return { order: 10 * seq, atMs: 0, entry } as unknown as StoredEntry;
  });
}

function jobOf(
  definition: RoutedFlowDefinition,
  entries: readonly StoredEntry[],
  jobId = 'job',
): JobEvidence {
  const job = { jobId, definition, priority: 'NORMAL' } as const;
  return { job, compiled: compileAny(definition), entries, told: undefined };
}

function evidenceOf(
  jobs: readonly JobEvidence[],
  more: {
    readonly board?: readonly BoardChange[];
    readonly commands?: readonly (readonly [number, string, number, object])[];
    readonly acknowledgedEvents?: readonly object[];
    readonly world?: World;
  } = {},
): Evidence {
  const commands = (more.commands ?? []).map(
    ([order, jobId, n, command]) => [`${jobId}:cmd:${n}`, { order, atMs: 0, jobId, command }] as const,
  );
  return {
    history: {
      ...{ board: more.board ?? [], commands: new Map(commands) },
      acknowledgedEvents: more.acknowledgedEvents,
    },
    world: more.world ?? new World(),
    clocks: { startMs: 0, slackMs: 0, drift: 1 },
    struck: new Set(),
    jobs,
  } as unknown as Evidence;
}

const flow = (from: string, to: string) => ({ fact: 'flow', from, to });
const begun = flow('PENDING', 'RUNNING');
const arrived = (at: string, by?: string) => ({
  ...{ fact: 'arrival', at, activation: at },
  ...(by !== undefined && { by: { activation: by, event: 'success' } }),
});
const unit = (activation: string, from: string, to: string, more: object = {}) => ({
  ...{ fact: 'activation', activation, from, to, ...more },
});
const starts = (activation: string, attempt = 1, from = 'PENDING') =>
  unit(activation, from, 'RUNNING', { attempt });

describe('what a routed run does, by its journal', () => {
  const two = flowOf({ a: { task: taskName, onSuccess: { next: [{ to: 'b' }] } }, b: { task: taskName } });
  const next = { next: [{ to: 'b', event: 'success' }] };
  const stands = (...atoms: readonly string[]) => {
    const world = new World();
    for (const atom of atoms)
      world.take({ action: 'execute', flowId: 'job', atom, key: `job/${atom}/execute/0` });
    return world;
  };
  const check = (
    definition: RoutedFlowDefinition,
    world: World,
    ...turns: readonly (readonly object[] | string)[]
  ) => [...routedRules(evidenceOf([jobOf(definition, journalOf('job', ...turns))], { world }))];
  const first = [begun, arrived('a'), starts('a')];
  const second = [unit('a', 'RUNNING', 'SUCCESS', next), arrived('b', 'a'), starts('b')];
  const last = [unit('b', 'RUNNING', 'SUCCESS'), flow('RUNNING', 'SUCCESS')];

  it('nothing is wrong with one that goes its way', () => {
    expect(check(two, stands('a', 'b'), first, second, last, 'SUCCESS')).toEqual([]);
  });

  it('I04: a change that no table has', () => {
    expect(check(two, stands('a'), first, [unit('a', 'RUNNING', 'PENDING')])).toEqual([
      'I04 job: a: no activation goes from RUNNING to PENDING',
    ]);
  });

  it('I05: an arrival that nothing led to, and a way that nobody went', () => {
    const astray = check(two, stands('a', 'b'), first, [unit('a', 'RUNNING', 'SUCCESS'), arrived('b', 'a')]);
    expect(astray).toContain('I05 job: b was reached from a (success), which did not lead there');
    const short = [unit('a', 'RUNNING', 'SUCCESS', next), flow('RUNNING', 'SUCCESS')];
    expect(check(two, stands('a'), first, short, 'SUCCESS')).toEqual([
      'I05 job is SUCCESS and never followed a success b',
    ]);
  });

  it('I13: an attempt too many, or out of its turn', () => {
    const again = [unit('a', 'RUNNING', 'DELAYED', { failure: {} }), starts('a', 3, 'DELAYED')];
    expect(check(two, stands('a'), first, again)).toEqual([
      'I13 job: attempt 3 of a follows 1',
      'I13 job: attempt 3 of a, allowed are 1',
    ]);
  });

  it.each([
    [
      'a failure that nothing handled',
      'SUCCESS',
      unit('a', 'RUNNING', 'FAILURE'),
      'nothing handled that a failed',
    ],
    ['what was cancelled', 'SUCCESS', unit('a', 'RUNNING', 'CANCELLED'), 'a is CANCELLED'],
    ['no failure', 'FAILURE', unit('a', 'RUNNING', 'SUCCESS'), 'nothing failed'],
    ['what runs still', 'FAILURE', arrived('a'), 'a is RUNNING'],
    ['a flow that is not to be undone', 'REVERTED', unit('a', 'RUNNING', 'FAILURE'), 'is not to be undone'],
    ['nobody who wanted it', 'CANCELLED', unit('a', 'RUNNING', 'SUCCESS'), 'nobody wanted that'],
  ])('I04: an end with %s', (_, outcome, fact, said) => {
    const found = check(two, stands('a'), first, [fact, flow('RUNNING', outcome)], outcome);
    expect(found.filter((violation) => violation.includes(said))).toHaveLength(1);
  });

  it('I09, I11: what stands outside is what it says', () => {
    const whole = [first, second, last, 'SUCCESS'] as const;
    expect(check(two, stands('a'), ...whole)).toEqual(['I09 job: b is SUCCESS and its effect is not there']);
    const twice = stands('a', 'b');
    twice.take({ action: 'execute', flowId: 'job', atom: 'a', key: 'job/a/execute/1' });
    expect(check(two, twice, ...whole)).toEqual(['I11 job: the effect of a stands twice']);
    const undone = flowOf({ a: { task: taskName } }, { rollback: 'completed' });
    const reverted = [
      [begun, arrived('a'), starts('a')],
      [
        unit('a', 'RUNNING', 'FAILURE', { failure: {} }),
        { fact: 'rollback', output: {} },
        unit('a', 'FAILURE', 'REVERTING'),
      ],
      [unit('a', 'REVERTING', 'REVERTED'), flow('RUNNING', 'REVERTED')],
      'REVERTED',
    ] as const;
    expect(check(undone, stands(), ...reverted)).toEqual([]);
    expect(check(undone, stands('a'), ...reverted)).toEqual(['I09 job: a is REVERTED and its effect stands']);
  });

  it('I14: nothing begins while it is suspended, or after it was cancelled', () => {
    const rules = (...turns: readonly (readonly object[])[]) => [
      ...runRules(evidenceOf([jobOf(two, journalOf('job', ...turns))])),
    ];
    expect(rules(first, [flow('RUNNING', 'SUSPENDING'), starts('b')])).toEqual([
      'I14 job: b is RUNNING while the run is SUSPENDING',
    ]);
    expect(rules(first, [{ fact: 'command', n: 1, command: 'cancel' }], [starts('b')])).toEqual([
      'I14 job: b starts after the run was cancelled',
    ]);
  });
});

describe('C-1108, C-1109: the first answer to a delegate counts, once', () => {
  const asks = flowOf({ a: { delegate: 'approve' } });
  const answer = (order: number, n: number, given: object) =>
    [
      order,
      'job',
      n,
      { command: 'answer-delegate', arguments: { requestId: 'job/a/execute/0.1', ...given } },
    ] as const;
  const yes = { value: { data: 'yes' } };
  const check = (
    commands: NonNullable<Parameters<typeof evidenceOf>[1]>['commands'],
    ...turns: readonly object[]
  ) => {
    const entries = journalOf('job', [begun, arrived('a'), starts('a')], turns);
    return [...delegateRules(evidenceOf([jobOf(asks, entries)], { commands: commands ?? [] }))];
  };
  const taken = { fact: 'command', n: 1, command: 'answer-delegate' };
  const ended = (value: JsonValue) => unit('a', 'RUNNING', 'SUCCESS', { value: { data: value } });

  it('it gives what was answered', () => {
    expect(check([answer(15, 1, yes)], ended('yes'), taken)).toEqual([]);
    expect(check([answer(15, 1, yes)], ended('no'), taken)).toEqual([
      'C-1108 job/a/execute/0.1 gave "no", answered was {"data":"yes"}',
    ]);
  });

  it('it ends by nobody else', () => {
    expect(check([], ended('yes'))).not.toEqual([]);
    expect(check([], unit('a', 'RUNNING', 'SUCCESS'))).toHaveLength(1);
    expect(check([answer(25, 1, yes)], ended('yes'))).not.toEqual([]);
    const failed = unit('a', 'RUNNING', 'FAILURE', { failure: { code: 'DELEGATE_FAILED', message: 'no' } });
    expect(check([answer(15, 1, { failure: { message: 'no' } })], failed, taken)).toEqual([]);
    expect(check([answer(15, 1, { failure: { message: 'never' } })], failed, taken)).toHaveLength(1);
  });

  it('an answer that was taken in is not lost', () => {
    expect(check([answer(15, 1, yes)], taken)).toEqual([
      'C-1108 job/a/execute/0.1 waits on after its answer was taken in with entry 2',
    ]);
  });

  it('there is one', () => {
    expect(check([answer(15, 1, yes), answer(16, 2, yes)], ended('yes'), taken)).toEqual([
      'C-1109 job/a/execute/0.1 has 2 answers in the store: commands 1,2',
    ]);
  });
});

describe('C-1113: what waits for an event has one of which its run was told', () => {
  const waits = flowOf({ a: { task: 'std.wait-event', input: { name: 'paid', key: '' } } });
  const told = (order: number, n: number, data: string, name = 'paid') =>
    [order, 'job', n, { command: 'event', arguments: { name, key: '', value: { data } } }] as const;
  const check = (...commands: NonNullable<NonNullable<Parameters<typeof evidenceOf>[1]>['commands']>) => {
    const ended = unit('a', 'RUNNING', 'SUCCESS', { value: { data: 'e' } });
    const entries = journalOf('job', [begun, arrived('a'), starts('a')], [ended]);
    return [...eventRules(evidenceOf([jobOf(waits, entries)], { commands }))];
  };

  it('of that name, and before', () => {
    expect(check(told(15, 1, 'e'))).toEqual([]);
    for (const other of [told(25, 1, 'e'), told(15, 1, 'other'), told(15, 1, 'e', 'unpaid')])
      expect(check(other)).toEqual([
        'C-1113 job/a/execute/0.1 ended with {"data":"e"}, of which its run was not told',
      ]);
  });

  it('once, and told again it counts once', () => {
    expect(check(told(15, 1, 'e'), told(16, 2, 'e'))).toEqual(['C-1113 job was told twice of {"data":"e"}']);
    const missed = { fact: 'command', n: 1, command: 'event', refused: 'nothing waited for the event' };
    const again = [2, 3].map((n) => ({ fact: 'command', n, command: 'event', first: 1 }));
    const rules = (...facts: object[]) => [
      ...eventRules(evidenceOf([jobOf(waits, journalOf('job', [begun, arrived('a'), starts('a')], facts))])),
    ];
    expect(rules(missed, ...again.slice(1))).toEqual([]);
    expect(rules(missed, ...again)).toEqual(['C-1113 job had the event of command 1 twice']);
  });
});

it.each([
  [15, 'paid', 1],
  [5, 'paid', 0],
  [25, 'paid', 0],
  [15, 'unpaid', 0],
])(
  'C-1113: an event that is sent at %d under the name %s is not waited for in vain',
  (order, name, found) => {
    const waits = flowOf({ a: { task: 'std.wait-event', input: { name: 'paid', key: '' } } });
    const late = unit('a', 'RUNNING', 'FAILURE', { failure: { code: 'TIMEOUT_WAIT' } });
    const job = jobOf(waits, journalOf('job', [begun, arrived('a'), starts('a')], [late]));
    const acknowledgedEvents = [{ order, atMs: 0, jobId: 'job', name }];
    const said = 'C-1113 job: a waited for paid in vain, which was sent';
    expect([...eventRules(evidenceOf([job], { acknowledgedEvents }))]).toEqual(found === 1 ? [said] : []);
  },
);

describe('C-1206: child runs and their parents', () => {
  const requestId = 'job/b/execute/0.1';
  const childId = childIdOf(requestId, 'job');
  const parent = withFlows(flowOf({ b: { flow: 'child' } }), [
    flowOf({ c: {} }, { name: 'child' }),
  ]) as RoutedFlowDefinition;
  const started = [begun, arrived('b'), unit('b', 'PENDING', 'RUNNING', { attempt: 1, flow: 'child' })];
  const lineage = { rootId: 'job', parentId: 'job', requestId, depth: 1 };
  const child = (order: number, outcome: string | undefined): readonly StoredEntry[] =>
    journalOf(childId, [begun], ...(outcome === undefined ? [] : [outcome])).map((stored, index) => ({
      order: order + index,
      atMs: 0,
      entry: (index === 0 ? { ...stored.entry, post: { store: {}, lineage } } : stored.entry) as never,
    }));
  const gone = (jobId: string, order: number): BoardChange => ({
    ...{ order, atMs: 0, zxid: 1n, sessionId: 1n },
    operations: [{ type: 'delete', path: `/boards/default/jobs/00/${jobId}.0` }] as NodeOperation[],
  });
  const settled = (order: number) =>
    [order, 'job', 1, { command: 'child-settled', arguments: { requestId } }] as const;
  const cancel = (order: number) => [order, childId, 1, { command: 'cancel' }] as const;
  const check = (
    turn: readonly object[],
    entries: readonly StoredEntry[],
    more: Parameters<typeof evidenceOf>[1] = {},
  ) => {
    const journals = new Map([
      ['job', journalOf('job', started, turn)],
      [childId, entries],
    ]);
    const jobs = runsOf(
      [{ job: { jobId: 'job', definition: parent, priority: 'NORMAL' }, told: undefined }],
      journals,
    );
    expect(jobs.map(({ job }) => job.jobId)).toEqual(['job', childId]);
    return [...childRules(evidenceOf(jobs, more))];
  };
  const done = [unit('b', 'RUNNING', 'SUCCESS')];

  it('its end is that of the activation', () => {
    expect(check(done, child(11, 'SUCCESS'))).toEqual([]);
    expect(check(done, child(11, 'FAILURE'))).toEqual([
      `C-1206 job: b is SUCCESS, its child run ${childId} is FAILURE`,
    ]);
    expect(check(done, child(11, undefined))).toHaveLength(1);
    expect(check(done, child(21, 'SUCCESS'))).toHaveLength(1);
    const failed = [unit('b', 'RUNNING', 'FAILURE', { failure: { code: 'CHILD_FAILED' } })];
    expect(check(failed, child(11, 'FAILURE'))).toEqual([]);
    expect(check(failed, child(11, 'SUCCESS'))).toHaveLength(1);
  });

  it('C-1209: it is undone before the activation is', () => {
    const requested = [
      unit('b', 'RUNNING', 'SUCCESS'),
      { fact: 'rollback', output: {} },
      unit('b', 'SUCCESS', 'REVERTING'),
      unit('b', 'REVERTING', 'REVERTED'),
    ];
    const undone = (order: number, outcome: string) => {
      const end = { ...child(0, outcome).at(-1), order } as StoredEntry;
      return check(requested, [...child(11, 'SUCCESS'), end]);
    };
    expect(undone(14, 'REVERTED')).toEqual([]);
    const said = [`C-1209 job: b is REVERTED, its child run ${childId} is SUCCESS`];
    expect(undone(14, 'SUCCESS')).toEqual(said);
    expect(undone(25, 'REVERTED')).toEqual(said);
  });

  it('nobody posts it before its parent asks for it', () => {
    expect(check(done, child(9, 'SUCCESS'))).toEqual([
      `C-1206 ${childId} was posted before entry 1 of job asked for it`,
    ]);
  });

  it('a parent that leaves the board has cancelled it', () => {
    const cancelled = [unit('b', 'RUNNING', 'CANCELLED')];
    const board = [gone('job', 30)];
    expect(check(cancelled, child(11, undefined), { board, commands: [cancel(25)] })).toEqual([]);
    for (const commands of [[], [cancel(35)]])
      expect(check(cancelled, child(11, undefined), { board, commands })).toEqual([
        `C-1206 job left the board while ${childId} ran, and had not cancelled it`,
      ]);
  });

  it('C-1305: it does not go on for long when its parent is over', () => {
    const [post, start, end] = journalOf('job', started, done, 'SUCCESS') as [
      StoredEntry,
      StoredEntry,
      StoredEntry,
    ];
    const jobs = (childMs: number) => {
      const ended = child(11, 'CANCELLED').map((stored) => ({ ...stored, atMs: childMs }));
      const entries = [post, start, { ...end, atMs: 1_000 }];
      return [jobOf(parent, entries), { ...jobOf(parent, ended, childId) }];
    };
    const check = (childMs: number, fromMs: number) => [
      ...orphanRules(jobs(childMs), { fromMs, boundMs: 500 }),
    ];
    expect(check(1_500, 0)).toEqual([]);
    expect(check(1_501, 0)).toEqual([
      `C-1305 ${childId} ran on for 501 ms after job was over, allowed are 500`,
    ]);
    expect(check(1_700, 1_200)).toEqual([]);
  });

  it('one that leaves the board has told its parent', () => {
    const board = [gone(childId, 15)];
    expect(check(done, child(11, 'SUCCESS'), { board, commands: [settled(14)] })).toEqual([]);
    for (const commands of [[], [settled(16)]])
      expect(check(done, child(11, 'SUCCESS'), { board, commands })).toEqual([
        `C-1206 ${childId} left the board, and job was not told how b ended`,
      ]);
  });
});

describe('C-1401 to C-1403: slots of a schedule', () => {
  const slot = (order: number, nominalMs: number, more: Partial<ScheduleSlot> = {}) => {
    const plain = {
      scheduleId: 's',
      revision: 1,
      decision: 'fired',
      fired: 1,
      missed: 0,
      skipped: 0,
      isDone: false,
      atMs: 0,
    } as const;
    return { order, atMs: 0, slot: { ...plain, nominalMs, jobId: `s-${nominalMs}`, ...more } };
  };
  const posted = (nominalMs: number, order: number, endOrder = order + 1, atMs = nominalMs) => {
    const [post, end] = journalOf(`s-${nominalMs}`, [], 'SUCCESS') as [StoredEntry, StoredEntry];
    return [
      `s-${nominalMs}`,
      [
        { ...post, order, atMs },
        { ...end, order: endOrder },
      ],
    ] as const;
  };
  const check = (
    slots: readonly ReturnType<typeof slot>[],
    journals: readonly ReturnType<typeof posted>[],
    more: { readonly count?: number; readonly overlap?: 'allow' | 'skip' } = {},
  ) => {
    const schedule = {
      scheduleId: 's',
      periodMs: 1_000,
      count: 5,
      catchUp: 'all',
      overlap: 'allow',
      ...more,
    } as const;
    return [...scheduleRules({ schedule, slots, journals: new Map(journals), startMs: 0, slackMs: 100 })];
  };
  const both = [slot(0, 1_000), slot(10, 2_000)];
  const jobs = [posted(1_000, 1), posted(2_000, 11)];

  it('each fires once, in time and in order', () => {
    expect(check(both, jobs)).toEqual([]);
    expect(check(both, jobs, { count: 1 })).toEqual(['C-1401 s fired 2 slots, it was to fire 1']);
    expect(check(both.toReversed(), jobs)).toContain(
      'C-1401 s at 1000 was decided about after the one at 2000',
    );
    expect(check(both, [posted(1_000, 1), posted(2_000, 11, 12, 1_800)])).toEqual([
      'C-1401 s at 2000: its job was posted 200 ms early',
    ]);
  });

  it('what fires is posted, once that is decided', () => {
    expect(check(both, jobs.slice(0, 1))).toEqual(['C-1401 s at 2000 fired, and no job was posted']);
    expect(check(both, [posted(1_000, 1), posted(2_000, 9, 12)])).toEqual([
      'C-1401 s at 2000: its job was posted before it was decided',
    ]);
  });

  it('none is passed over without being counted', () => {
    const later = (more: Partial<ScheduleSlot>) => [slot(0, 1_000), slot(10, 3_000, more)];
    const posts = [posted(1_000, 1), posted(3_000, 11)];
    expect(check(later({ skipped: 1 }), posts)).toEqual([]);
    expect(check(later({}), posts)).toEqual([
      'C-1402 s at 3000 follows the one at 1000: missed 0, skipped 0',
    ]);
    expect(check(later({ missed: 1 }), posts)).toEqual([
      'C-1402 s at 3000: 1 were missed, and all are to be caught up',
    ]);
  });

  it('jobs that must not overlap do not', () => {
    const long = [posted(1_000, 1, 20), posted(2_000, 11)];
    expect(check(both, long)).toEqual([]);
    expect(check(both, long, { overlap: 'skip' })).toEqual([
      'C-1403 s at 2000: its job was posted while the one before ran',
    ]);
  });
});
