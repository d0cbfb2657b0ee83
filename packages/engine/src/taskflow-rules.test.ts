import { codeOf, type Fact } from '@baton/core';
import type { FlowOptions, NodeDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import type { Event, ExecuteCommand, MachineState, Watch } from './protocol.js';
import { newRun, type RunOptions, type RunState } from './run-state.js';
import { restoreRun, snapshotRun } from './snapshot.js';
import { step } from './step.js';

/** Rules that recordings of TaskFlow brought up one by one; the recordings themselves are replayed by test/oracle. */
const boom = { version: 1, message: 'boom', types: ['Boom', 'Error'], retryable: true } as const;

function runOf(
  root: NodeDefinition,
  options: FlowOptions = {},
  more: Omit<RunOptions, 'flowId' | 'store'> = {},
): RunState {
  return newRun(compile({ schemaVersion: 1, root, options }), { flowId: 'f', store: {}, ...more });
}

function task(name: string): NodeDefinition {
  return { kind: 'task', name };
}

/** Takes an event and gives the names of the atoms that are asked to execute. */
function take(state: RunState, event: Event, watch?: Watch): readonly string[] {
  const { commands } = step(state, event, watch);
  return commands.flatMap((command) => (command.type === 'execute' ? [command.atom] : []));
}

function completed(state: RunState, atom: string): Event {
  return { type: 'completed', requestId: requestOf(state, atom), value: { data: `${atom}.1` } };
}

function requestOf({ compiled, runs }: RunState, atom: string): string {
  return runs[compiled.atoms.get(atom)?.id ?? -1]?.requestId ?? '';
}

function stateOf({ compiled, runs }: RunState, atom: string): string | undefined {
  return runs[compiled.atoms.get(atom)?.id ?? -1]?.state;
}

describe('the machine of a run (E-1417)', () => {
  const one: NodeDefinition = { kind: 'linear', name: 'f', children: [task('a')] };

  it('is told state by state; what is outstanding is waited for by the driver', () => {
    const state = runOf(one);
    const entered: MachineState[] = [];
    const watch: Watch = { entering: (machine) => entered.push(machine) < 0 };
    take(state, { type: 'run' }, watch);
    take(state, completed(state, 'a'), watch);
    expect(entered).toEqual(['RESUMING', 'SCHEDULING', 'SUCCESS']);
    entered.length = 0;
    take(state, { type: 'run' }, watch);
    expect(entered).toEqual(['RESUMING', 'SCHEDULING', 'WAITING', 'ANALYZING', 'SUCCESS']);
  });

  it('can be suspended as late as in its last state, and has come to its end all the same (E-1002)', () => {
    const state = runOf(one);
    take(state, { type: 'run' });
    const { facts } = step(state, completed(state, 'a'), { entering: (machine) => machine === 'SUCCESS' });
    expect(facts.filter(({ fact }) => fact === 'flow')).toEqual([
      { fact: 'flow', from: 'RUNNING', to: 'SUSPENDING' },
      { fact: 'flow', from: 'SUSPENDING', to: 'SUCCESS' },
    ]);
  });
});

describe('a flow that resolves no failure (E-1411)', () => {
  const children = [
    task('a'),
    { kind: 'linear', name: 'l', children: [task('b'), task('c')] },
  ] satisfies NodeDefinition[];

  it('goes on with what does not depend on the failed atom when it is run again, and ends FAILURE again (E-1318)', () => {
    const state = runOf({ kind: 'unordered', name: 'f', children }, { neverResolve: true });
    take(state, { type: 'run' });
    take(state, { type: 'failed', requestId: requestOf(state, 'a'), failure: boom });
    expect(take(state, completed(state, 'b'))).toEqual([]);
    expect(state.flow).toBe('FAILURE');
    expect(take(state, { type: 'run' })).toEqual(['c']);
    take(state, completed(state, 'c'));
    expect([state.flow, stateOf(state, 'a'), stateOf(state, 'c')]).toEqual(['FAILURE', 'FAILURE', 'SUCCESS']);
  });
});

describe('a run that goes on from what was stored', () => {
  it('asks for an open revert as it was asked for first, though more has failed since (E-124)', () => {
    const children = ['a', 'b'].map(task);
    const state = runOf({ kind: 'unordered', name: 'f', children });
    step(state, { type: 'run' });
    const told = step(state, { type: 'failed', requestId: requestOf(state, 'a'), failure: boom }).commands;
    expect(told).toMatchObject([{ type: 'revert', atom: 'a', flowFailures: { a: { message: 'boom' } } }]);
    step(state, { type: 'failed', requestId: requestOf(state, 'b'), failure: boom });
    expect(step(state, { type: 'adopt' }).commands[0]).toEqual(told[0]);
    const restored = restoreRun(state.compiled, snapshotRun(state));
    expect(restored && step(restored, { type: 'adopt' }).commands[0]).toEqual(told[0]);
  });

  it('asks the deciders of a controller that was found RETRYING (E-501, E-1312)', () => {
    const asked: string[] = [];
    const retried = { kind: 'times', name: 'r', attempts: 2 } as const;
    const state = runOf(
      {
        kind: 'graph',
        name: 'f',
        children: [task('a'), { kind: 'linear', name: 'g', retry: retried, children: [task('b')] }],
        links: [{ from: 0, to: 1, decider: { local: 'd' } }],
      },
      {},
      { functions: { deciders: { d: ({ from }) => asked.push(from) > 0 } } },
    );
    const change = (atom: string, ...states: readonly string[]): Fact[] =>
      states.slice(1).map((to, index) => ({ fact: 'atom', atom, from: states[index], to }) as Fact);
    fold(state, [
      { fact: 'flow', from: 'PENDING', to: 'RUNNING' },
      ...change('a', 'PENDING', 'RUNNING', 'SUCCESS'),
      ...change('r', 'PENDING', 'RUNNING', 'SUCCESS', 'RETRYING'),
    ]);
    expect(take(state, { type: 'run' })).toEqual(['b']);
    expect(asked).toEqual(['a']);
  });

  it('undoes all of a scope of which a part only was told (E-625, E-628)', () => {
    const retry = { kind: 'alwaysRevert', name: 'r' } as const;
    const root: NodeDefinition = { kind: 'unordered', name: 'f', retry, children: [task('a'), task('b')] };
    const state = runOf(root, { deferReverts: false });
    take(state, { type: 'run' });
    take(state, completed(state, 'b'));
    fold(state, [
      { fact: 'atom', atom: 'a', from: 'RUNNING', to: 'FAILURE', failure: boom },
      { fact: 'intention', atom: 'r', to: 'REVERT' },
      { fact: 'intention', atom: 'a', to: 'REVERT' },
    ]);
    take(state, { type: 'run' });
    expect([stateOf(state, 'a'), stateOf(state, 'b')]).toEqual(['REVERTING', 'REVERTING']);
  });
});

describe('what is refused or taken as it is', () => {
  it('a reset of a flow that is under way has a code of its own, and changes nothing (E-806)', () => {
    const state = runOf(task('a'));
    take(state, { type: 'run' });
    let code: string | undefined;
    try {
      step(state, { type: 'reset' });
    } catch (error) {
      code = codeOf(error);
    }
    expect(code).toBe('BATON_CONFLICT_NOT_RESETTABLE');
    expect([state.flow, stateOf(state, 'a')]).toEqual(['RUNNING', 'RUNNING']);
  });

  it('a result without a promised part is a failure (E-130), unless it is to be found out by whoever looks for it (E-1104)', () => {
    const root: NodeDefinition = {
      kind: 'linear',
      name: 'f',
      children: [
        { kind: 'task', name: 'a', provides: { x: null } },
        { kind: 'task', name: 'b', provides: { x: 'x' } },
        { kind: 'task', name: 'c', requires: ['x'] },
      ],
    };
    const states = [false, true].map((uncheckedResults) => {
      const state = runOf(root, {}, { uncheckedResults });
      let args: ExecuteCommand['args'] | undefined;
      const watch: Watch = {
        command: (command) => {
          if (command.type === 'execute' && command.atom === 'c') ({ args } = command);
        },
      };
      take(state, { type: 'run' });
      take(state, completed(state, 'a'));
      take(state, { type: 'completed', requestId: requestOf(state, 'b'), value: { data: { y: 1 } } }, watch);
      return [stateOf(state, 'c'), args];
    });
    expect(states).toEqual([
      ['PENDING', undefined],
      ['RUNNING', { x: { value: { data: 'a.1' } } }],
    ]);
  });
});
