/** What a run does when it is taken up, from each state in which a crash can leave it (engine.md 13.1, 13.2). */
import { type AtomState, type Fact, failureOf, type FlowState } from '@baton/core';
import type { NodeDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import { newRun, type RunState } from './run-state.js';
import { step } from './step.js';

const root: NodeDefinition = {
  kind: 'linear',
  name: 'f',
  children: [
    { kind: 'task', name: 'a' },
    {
      kind: 'linear',
      name: 'g',
      retry: { kind: 'times', name: 'r', attempts: 2 },
      children: [{ kind: 'task', name: 'b' }],
    },
    { kind: 'task', name: 'c' },
  ],
};
const failure = failureOf('X', 'boom');

function stored(...facts: readonly Fact[]): RunState {
  const state = newRun(compile({ schemaVersion: 1, root }), { flowId: 'f', store: {} });
  fold(state, facts);
  return state;
}

function flow(...states: readonly FlowState[]): Fact[] {
  return states.slice(1).map((to, at) => ({ fact: 'flow', from: states[at] ?? to, to }));
}

/** An atom that went this way from PENDING on. */
function atom(name: string, ...states: readonly AtomState[]): Fact[] {
  return states.map((to, at) => ({
    fact: 'atom',
    atom: name,
    from: states[at - 1] ?? 'PENDING',
    to,
    ...((to === 'RUNNING' || to === 'REVERTING') && { round: name === 'b' ? 1 : 0, attempt: 1 }),
    ...(to === 'FAILURE' && { failure }),
  }));
}

const done = (name: string): Fact[] => atom(name, 'RUNNING', 'SUCCESS');
const failed = (name: string): Fact[] => atom(name, 'RUNNING', 'FAILURE');
const undoAll: Fact = { fact: 'scope', to: 'REVERT' };

/** What is asked for, and which atoms change. */
function takenUp(state: RunState): readonly string[] {
  const { facts, commands } = step(state, { type: 'run' });
  const changes = facts.flatMap((fact) => (fact.fact === 'atom' ? [`${fact.atom} ${fact.to}`] : []));
  const asked = commands.map((command) =>
    command.type === 'execute' || command.type === 'revert' ? `> ${command.requestId}` : `> ${command.type}`,
  );
  return [...changes, ...asked];
}

describe('taken up as', () => {
  const running = flow('PENDING', 'RUNNING');

  it.each<[string, readonly Fact[], readonly string[]]>([
    ['PENDING it runs when it is ready (E-1301)', [], ['a RUNNING', '> f/a/execute/0.1']],
    [
      'SUCCESS it is kept, and what follows runs (E-1304)',
      done('a'),
      ['r RUNNING', 'r SUCCESS', 'b RUNNING', '> f/b/execute/1.1'],
    ],
    ['RUNNING it is asked for again under the same id (E-1303)', atom('a', 'RUNNING'), ['> f/a/execute/0.1']],
    [
      'SUCCESS, and PENDING, when all is to be undone: what ran is undone, the rest is left (E-1302, E-1306)',
      [...done('a'), undoAll],
      ['a REVERTING', '> f/a/revert/0.1'],
    ],
    [
      'FAILURE that nobody resolved it is resolved and undone (E-1307)',
      [...done('a'), ...done('r'), ...done('b'), ...failed('c')],
      ['c REVERTING', '> f/c/revert/0.1'],
    ],
    [
      'FAILURE that was resolved it is undone (E-1003)',
      [...done('a'), ...done('r'), ...done('b'), ...failed('c'), undoAll],
      ['c REVERTING', '> f/c/revert/0.1'],
    ],
    [
      'REVERTING its revert is asked for again under the same id (E-1308)',
      [...failed('a'), undoAll, ...atom('a', 'RUNNING', 'FAILURE', 'REVERTING').slice(2)],
      ['> f/a/revert/0.1'],
    ],
    [
      'REVERTED it is clean, and what is before it is undone (E-1309)',
      [
        ...done('a'),
        ...done('r'),
        ...done('b'),
        undoAll,
        ...atom('b', 'RUNNING', 'SUCCESS', 'REVERTING', 'REVERTED').slice(2),
      ],
      ['r REVERTING', 'r REVERTED', 'a REVERTING', '> f/a/revert/0.1'],
    ],
    [
      'IGNORE it stays so, and what is behind it runs (E-1311)',
      [...done('a'), ...done('r'), ...atom('b', 'IGNORE')],
      ['c RUNNING', '> f/c/execute/0.1'],
    ],
    [
      'RETRYING its scope begins anew with it (E-1312)',
      [...done('a'), ...atom('r', 'RUNNING', 'SUCCESS', 'RETRYING')],
      ['r RUNNING', 'r SUCCESS', 'b RUNNING', '> f/b/execute/2.1'],
    ],
    [
      'SUCCESS with the intention RETRY it begins a round, as its scope is clean (E-1313)',
      [
        ...done('a'),
        ...done('r'),
        ...failed('b'),
        { fact: 'intention', atom: 'r', to: 'RETRY' },
        { fact: 'scope', of: 'r', to: 'REVERT' },
        ...atom('b', 'RUNNING', 'FAILURE', 'REVERTING', 'REVERTED').slice(2),
      ],
      ['r RETRYING', 'r RUNNING', 'r SUCCESS', 'b RUNNING', '> f/b/execute/2.1'],
    ],
  ])('%s', (_name, facts, expected) => {
    expect(takenUp(stored(...running, ...facts))).toEqual(expected);
  });
});

describe('a flow taken up as', () => {
  const all = [...done('a'), ...done('r'), ...done('b'), ...done('c')];
  const [begun, ...rest] = [flow('PENDING', 'RUNNING'), ...all];

  it.each<[string, readonly Fact[], readonly FlowState[]]>([
    ['PENDING runs (E-1315)', [], ['RUNNING']],
    ['RUNNING goes over RESUMING and SUSPENDED (E-1316)', begun, ['RESUMING', 'SUSPENDED', 'RUNNING']],
    [
      'SUSPENDING as well (E-1316)',
      flow('PENDING', 'RUNNING', 'SUSPENDING'),
      ['RESUMING', 'SUSPENDED', 'RUNNING'],
    ],
    ['SUSPENDED runs (E-1317)', flow('PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED'), ['RUNNING']],
    [
      'SUCCESS runs, finds nothing to do, and touches no atom (E-1318, E-1705)',
      [...begun, ...rest, ...flow('RUNNING', 'SUCCESS')],
      ['RUNNING', 'SUCCESS'],
    ],
    [
      'REVERTED begins anew (E-1319)',
      [...begun, undoAll, ...flow('RUNNING', 'REVERTED')],
      ['PENDING', 'RUNNING'],
    ],
  ])('%s', (_name, facts, expected) => {
    const state = stored(...facts);
    const before = state.flow;
    const atoms = state.runs.map((run) => run?.state);
    const turn = step(state, { type: 'run' });
    expect(turn.facts.flatMap((fact) => (fact.fact === 'flow' ? [fact.to] : []))).toEqual(expected);
    if (before === 'SUCCESS') expect(state.runs.map((run) => run?.state)).toEqual(atoms);
  });
});
