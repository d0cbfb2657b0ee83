/** P-604: a run goes on after its end when a person wants that, and not otherwise. */
import type { JournalEntry, NodeOperation } from '@baton/core';
import { compile } from '@baton/engine';
import type { FlowDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import {
  claimEntry,
  fenceOf,
  postEntry,
  terminalEntry,
  turnEntry,
} from '../../../packages/testkit/src/protocols/journal/sample-entries.js';
import type { BoardChange, StoredCommand, StoredEntry } from '../history.js';
import { World } from '../world-task.js';
import type { Evidence } from './evidence.js';
import { journalRules } from './journal-rules.js';
import { modelRules } from './model-rules.js';

const place = (seq: number, zxid: number) => ({ flowId: 'j', seq, fence: fenceOf(zxid) });
const reopen = (seq: number, zxid: number): JournalEntry => ({
  ...{ kind: 'reopen', ...place(seq, zxid), facts: [] },
  ...{ opId: `${seq}`, atMs: 0 },
});
const ended = [postEntry('j'), claimEntry(place(1, 2)), terminalEntry(place(2, 2))];
const again = [claimEntry(place(3, 5)), reopen(4, 5), terminalEntry(place(5, 5))];

/** Entry n has the place 10 n in the order of all that happened. */
const stored = (entries: readonly JournalEntry[]): StoredEntry[] =>
  entries.map((entry, index) => ({ order: 10 * index, atMs: 0, entry }));
const given = (command: string, order: number): ReadonlyMap<string, StoredCommand> =>
  new Map([['j:cmd:1', { order, atMs: 0, jobId: 'j', command: { command } }]]);

describe('a run that is over', () => {
  const check = (entries: readonly JournalEntry[], commands?: ReadonlyMap<string, StoredCommand>) => [
    ...journalRules({
      jobs: [{ job: { jobId: 'j' }, entries: stored(entries) }],
      history: { acknowledged: new Map(), ...(commands && { commands }) },
    }),
  ];

  it('goes on when somebody wants that, reopened by the owner that claims it', () => {
    expect(check([...ended, ...again], given('rerun', 25))).toEqual([]);
  });

  it.each([
    ['nobody wants it', undefined],
    ['somebody wants something else', given('cancel', 25)],
    ['it is wanted too late', given('rerun', 55)],
  ])('does not when %s', (_, commands) => {
    expect(check([...ended, ...again], commands)).toEqual(
      [3, 4].map((seq) => `I07 j: entry ${seq} comes after the terminal one`),
    );
  });

  it('does not go on once more for what was taken in', () => {
    const facts = [{ fact: 'command', n: 1, command: 'rerun' }] as const;
    const once = [claimEntry(place(3, 5)), reopen(4, 5), terminalEntry({ ...place(5, 5), facts })];
    const twice = [...ended, ...once, claimEntry(place(6, 7)), reopen(7, 7), terminalEntry(place(8, 7))];
    expect(check(twice, given('rerun', 25))).toEqual(
      [6, 7].map((seq) => `I07 j: entry ${seq} comes after the terminal one`),
    );
    const second = { order: 55, atMs: 0, jobId: 'j', command: { command: 'rerun' } };
    expect(check(twice, new Map([...given('rerun', 25), ['j:cmd:2', second]]))).toEqual([]);
  });

  it('does not before it is reopened, and is reopened once', () => {
    const turn = [claimEntry(place(3, 5)), turnEntry(place(4, 5)), reopen(5, 5), terminalEntry(place(6, 5))];
    expect(check([...ended, ...turn], given('skip', 25))).toEqual([
      'I07 j: entry 4 comes after the terminal one',
    ]);
    const twice = [...again.slice(0, 2), reopen(5, 5), terminalEntry(place(6, 5))];
    expect(check([...ended, ...twice], given('skip', 25))).toEqual([
      'I07 j: entry 5 reopens a run that is not over',
    ]);
  });
});

it('a job is put on the board in another life when its run is over and somebody wants that', () => {
  const data = new Uint8Array();
  const made = (path: string): NodeOperation => ({ type: 'create', path, data, ephemeral: false });
  const job = (life: number) => `/boards/default/jobs/00/j.${life}`;
  const lock = '/boards/default/locks/00/j';
  const change = (order: number, zxid: number, ...operations: NodeOperation[]): BoardChange => ({
    ...{ order, atMs: 0, zxid: BigInt(zxid), sessionId: 1n, operations },
  });
  const claimed = (life: number): NodeOperation[] => [
    { type: 'set', path: job(life), data, version: 0 },
    made(lock),
  ];
  const settled = (life: number): NodeOperation[] => [
    { type: 'delete', path: job(life), version: 1 },
    { type: 'delete', path: lock },
  ];
  const board = [
    change(1, 1, made(job(0))),
    change(2, 2, ...claimed(0)),
    change(22, 3, ...settled(0)),
    change(26, 4, made(job(1))),
    change(27, 5, ...claimed(1)),
    change(52, 6, ...settled(1)),
  ];
  const definition: FlowDefinition = { schemaVersion: 1, root: { kind: 'linear', name: 'f', children: [] } };
  const check = (commands: ReadonlyMap<string, StoredCommand>): string[] => {
    const evidence: Evidence = {
      history: {
        ...{
          board,
          replies: [],
          calls: [],
          asked: new Map(),
          told: new Map(),
          acknowledged: new Map(),
          commands,
        },
      } as unknown as Evidence['history'],
      world: new World(),
      clocks: { startMs: 0, slackMs: 0, drift: 1 },
      struck: new Set(),
      jobs: [
        {
          job: { jobId: 'j', definition, priority: 'NORMAL' },
          compiled: compile(definition),
          entries: stored([...ended, ...again]),
          told: undefined,
        },
      ],
    };
    return [...modelRules(evidence)];
  };
  expect(check(given('rerun', 25))).toEqual([]);
  expect(check(given('rerun', 26.5))).toEqual([
    'model j: it was put on the board in life 1, and nobody had it reopened',
  ]);
});
