/** Rules of which a planted fault (test/oracle/mutants) showed that nothing else holds them. */
import { failureOf, type JsonValue } from '@baton/core';
import { graph, type NodeDefinition, task as define, type, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import { failuresOf } from './finish.js';
import { MemoryLogBook } from './drivers/log-book.js';
import type { LocalFunctions } from './local-functions.js';
import type { Event, ExecuteCommand, Watch } from './protocol.js';
import { runFlow } from './run-flow.js';
import { newRun } from './run-state.js';
import { restoreRun, snapshotRun } from './snapshot.js';
import { step } from './step.js';

const task = (name: string, more: Partial<NodeDefinition> = {}): NodeDefinition =>
  ({ kind: 'task', name, ...more }) as NodeDefinition;

/** Runs a flow whose tasks give what is asked of them; gives the executions that were asked for, in order. */
function played(
  root: NodeDefinition,
  results: Readonly<Record<string, JsonValue>>,
  functions: LocalFunctions,
): readonly ExecuteCommand[] {
  const state = newRun(compile({ schemaVersion: 1, root }), { flowId: 'f', store: {}, functions });
  const asked: ExecuteCommand[] = [];
  const events: Event[] = [{ type: 'run' }];
  for (const event of events)
    for (const command of step(state, event).commands)
      if (command.type === 'execute') {
        asked.push(command);
        const value = { data: results[command.atom] ?? null };
        events.push({ type: 'completed', requestId: command.requestId, value });
      }
  expect(state.flow).toBe('SUCCESS');
  return asked;
}

describe('deciders', () => {
  const decider = { local: 'd' };
  /** What the deciders were asked about, and with which history. */
  const asking = (no: string) => {
    const asked: { from: string; to: string; history: readonly string[] }[] = [];
    const d: NonNullable<LocalFunctions['deciders']>[string] = ({ from, to, history }) => {
      asked.push({ from, to, history: Object.keys(history) });
      return to !== no;
    };
    return { asked, functions: { deciders: { d } } };
  };

  it('are asked in the order of the atoms they look at, however their links were made (E-302)', () => {
    const { asked, functions } = asking('nobody');
    const links = [1, 0].map((from) => ({ from, to: 2, decider }));
    played({ kind: 'graph', name: 'f', children: [task('a'), task('b'), task('c')], links }, {}, functions);
    expect(asked.map(({ from, history }) => [from, history])).toEqual([
      ['a', ['a', 'b']],
      ['b', ['a', 'b']],
    ]);
  });

  it('are told nothing of an atom that was ignored (E-504)', () => {
    const { asked, functions } = asking('b');
    const links = [
      { from: 0, to: 1, decider, depth: 'atom' as const },
      { from: 1, to: 3, decider },
      { from: 2, to: 3, decider },
    ];
    const children = ['a', 'b', 'c', 'd'].map((name) => task(name));
    played({ kind: 'graph', name: 'f', children, links }, {}, functions);
    expect(asked).toEqual([
      { from: 'a', to: 'b', history: ['a'] },
      { from: 'c', to: 'd', history: ['c'] },
    ]);
  });

  it('hide no provider of an outer scope by what they have ignored (E-1105)', () => {
    const { functions } = asking('near');
    const inner: NodeDefinition = {
      kind: 'graph',
      name: 'inner',
      children: [task('gate'), task('near', { provides: { x: null } }), task('reads', { requires: ['x'] })],
      links: [
        { from: 0, to: 1, decider, depth: 'atom' },
        { from: 1, to: 2 },
      ],
    };
    const asked = played(
      { kind: 'linear', name: 'f', children: [task('outer', { provides: { x: null } }), inner] },
      { outer: 7 },
      functions,
    );
    expect(asked.at(-1)).toMatchObject({ atom: 'reads', args: { x: { value: { data: 7 } } } });
  });
});

describe('a graph', () => {
  it('leaves a node alone that has what it wants from a node linked by hand (E-223)', () => {
    const give = <const N extends string>(name: N) => define(name, { provides: 'a', execute: () => 1 });
    const take = define('take', { requires: { a: type<number>() }, execute: () => undefined });
    const one = give('one');
    const grown = graph('g')
      .add(take)
      .addAll([one], { resolveExisting: false })
      .link(one, take)
      .addAll([give('two')]);
    expect(grown.toNode().links).toEqual([{ from: 1, to: 0 }]);
  });
});

/** A run that is driven by the names of its atoms. */
const begun = (root: NodeDefinition) => {
  const state = newRun(compile({ schemaVersion: 1, root }), { flowId: 'f', store: {} });
  const run = (atom: string) => state.runs[state.compiled.atoms.get(atom)?.id ?? -1];
  const ask = (atom: string) => run(atom)?.requestId ?? '';
  step(state, { type: 'run' });
  const ok = (atom: string) =>
    step(state, { type: 'completed', requestId: ask(atom), value: { data: ask(atom) } });
  const fail = (atom: string) =>
    step(state, { type: 'failed', requestId: ask(atom), failure: failureOf('X', 'boom') });
  return { state, run, ok, fail };
};

describe('a second round', () => {
  const retry = { kind: 'times', attempts: 3 } as const;
  const both = (...children: readonly NodeDefinition[]): NodeDefinition => ({
    kind: 'unordered',
    name: 'f',
    retry,
    children,
  });
  it('has none of the results of the first on record (E-1122)', () => {
    const { run, ok, fail } = begun(both(task('a'), task('b')));
    ok('a');
    fail('b');
    ok('b');
    ok('a');
    expect(run('a')).toMatchObject({ state: 'RUNNING', undo: { value: { data: 'f/a/revert/1.1' } } });
    // undone as soon as it has failed
    fail('a');
    expect(run('a')).toMatchObject({ state: 'REVERTING', value: undefined, undo: { value: undefined } });
  });

  it('tells its failures in the order in which they came (E-809)', () => {
    const { state, ok, fail } = begun(both(task('a'), task('b')));
    for (const [one, other] of [
      ['b', 'a'],
      ['a', 'b'],
    ] as const) {
      fail(one);
      fail(other);
      ok(one);
      ok(other);
    }
    fail('a');
    fail('b');
    expect(failuresOf(state).map(({ atom }) => atom)).toEqual(['a', 'b']);
  });

  it('undoes a nested scope that was to be undone in the first (E-628)', () => {
    const inner: NodeDefinition = { kind: 'linear', name: 'g', retry, children: [task('x')] };
    const { run, ok, fail } = begun(both(inner, task('y')));
    fail('x');
    fail('y');
    ok('x');
    ok('y');
    expect([run('x')?.state, run('y')?.state]).toEqual(['RUNNING', 'RUNNING']);
    fail('x');
    expect(run('x')?.state).toBe('REVERTING');
  });
});

describe('a run that goes on', () => {
  it('undoes what waited for a failed revert as soon as that is called again (E-1321)', () => {
    const branch: NodeDefinition = { kind: 'linear', name: 'g', children: [task('p'), task('q')] };
    const root: NodeDefinition = { kind: 'unordered', name: 'f', children: [branch, task('x'), task('y')] };
    const { state, ok, fail } = begun(root);
    for (const atom of ['p', 'q', 'x']) ok(atom);
    fail('y');
    fail('x');
    ok('q');
    ok('y');
    expect(state.flow).toBe('FAILURE');
    const { commands } = step(state, { type: 'retryRevert', atom: 'x' });
    expect(commands.flatMap((command) => (command.type === 'revert' ? [command.atom] : []))).toEqual([
      'x',
      'p',
    ]);
  });

  it('takes up unresolved failures in the order of the atoms (E-1307)', () => {
    const retry = { kind: 'times', name: 'r', attempts: 2 } as const;
    const { state, run } = begun({ kind: 'unordered', name: 'f', retry, children: [task('a'), task('b')] });
    const failed = { fact: 'atom', from: 'RUNNING', to: 'FAILURE', failure: failureOf('X', 'boom') } as const;
    fold(state, [
      { ...failed, atom: 'b' },
      { ...failed, atom: 'a' },
    ]);
    step(state, { type: 'run' });
    expect([...(run('r')?.retry?.history[0]?.failures.keys() ?? [])]).toEqual(['a', 'b']);
  });

  it('asks for a revert with the inputs of the revert (E-109)', () => {
    const { state, ok, fail } = begun({
      kind: 'linear',
      name: 'f',
      children: [
        task('a', { provides: { x: null } }),
        task('b', { revertInputs: { requires: ['x'] } }),
        task('c'),
      ],
    });
    ok('a');
    ok('b');
    fail('c');
    ok('c');
    const { commands } = step(state, { type: 'adopt' });
    expect(commands).toMatchObject([
      { type: 'revert', atom: 'b', args: { x: { value: { data: 'f/a/execute/0.1' } } } },
    ]);
  });

  it('asks after its suspension for what was outstanding before (E-823)', () => {
    const { state } = begun(task('a'));
    const asked = (event: Event, watch?: Watch) =>
      step(state, event, watch).commands.filter(({ type }) => type === 'execute').length;
    expect(asked({ type: 'run' }, { entering: (machine) => machine === 'RESUMING' })).toBe(0);
    expect(state.flow).toBe('SUSPENDED');
    expect(asked({ type: 'run' })).toBe(1);
  });

  it('has nothing left out that is still to be undone (C-1310)', () => {
    const { state, run, ok, fail } = begun({
      kind: 'unordered',
      name: 'f',
      children: [task('a'), task('x'), task('y')],
    });
    ok('x');
    fail('y');
    fail('x');
    ok('y');
    fail('a');
    expect([state.flow, run('a')?.state]).toEqual(['FAILURE', 'FAILURE']);
    expect(step(state, { type: 'skip', atom: 'a' }).facts).toEqual([]);
  });

  it('has no timer left when it is over (E-1936)', () => {
    const { state, fail } = begun(task('a', { attempts: { max: 2, delayMs: 5 } }));
    expect(fail('a').commands).toMatchObject([{ type: 'startTimer' }]);
    const { commands } = step(state, { type: 'cancel', revert: false });
    expect(commands.map(({ type }) => type)).toEqual(['cancelTimer', 'finish']);
    expect(state.timers.size).toBe(0);
  });

  it('is not run again before it is over (E-1324)', () => {
    const { state } = begun(task('a'));
    expect(step(state, { type: 'rerun' }).facts).toEqual([]);
  });
});

it('a snapshot keeps what was taken back, what failed, and that all is undone (E-823, E-809, E-628)', () => {
  const { state, fail, run } = begun({ kind: 'unordered', name: 'f', children: [task('a'), task('b')] });
  fail('a');
  step(state, { type: 'suspend' });
  step(state, { type: 'withdrawn', requestId: run('b')?.requestId ?? '' });
  const restored = restoreRun(state.compiled, snapshotRun(state));
  const [a, b] = [state.compiled.atoms.get('a')?.id, state.compiled.atoms.get('b')?.id];
  for (const one of [state, restored])
    expect([[...(one?.withdrawn ?? [])], [...(one?.failed ?? [])], one?.revertingAll]).toEqual([
      [b],
      [a],
      true,
    ]);
});

it('the serial engine records no answer before its round is done (E-1401)', async () => {
  const seen: string[] = [];
  const logBook = new MemoryLogBook();
  const append = logBook.append.bind(logBook);
  logBook.append = (flowId, seq, facts) => {
    for (const fact of facts)
      if (fact.fact === 'atom' && fact.to === 'SUCCESS') seen.push(`${fact.atom} SUCCESS`);
    return append(flowId, seq, facts);
  };
  const slow = <const N extends string>(name: N) =>
    define(name, {
      execute: async () => {
        for (let turn = 0; turn < 20; turn++) await Promise.resolve();
        seen.push(name);
      },
    });
  await runFlow(unordered('f').add(slow('a'), slow('b')), { store: {}, logBook });
  expect(seen).toEqual(['a', 'b', 'a SUCCESS', 'b SUCCESS']);
});
