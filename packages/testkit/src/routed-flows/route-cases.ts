/** Acceptance cases of control-flow.md section 19: transitions, commands, data, attempts. */
import { expect } from '@jest/globals';
import { next, routed, type RoutedCase } from './routed.js';

const count = (states: object): number => Object.keys(states).length;

export const routeCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void routeCases.push({ name, body });

each('M01 linear data flow', async (run) => {
  const definition = routed(
    {
      a: {
        task: 'echo',
        input: { value: 'x' },
        publish: { branch: { left: '${self.result}' } },
        onSuccess: next('b'),
      },
      b: {
        task: 'echo',
        input: { value: 'y' },
        publish: { branch: { right: '${self.result}' } },
        onSuccess: next('c'),
      },
      c: {
        task: 'echo',
        input: { value: '${left}-${right}-${place} ${env.mark}' },
        publish: { branch: { text: '${self.result}' } },
      },
    },
    { requires: ['place'], output: { text: '${text}' } },
  );
  const { outcome, output } = await run(definition, { store: { place: 'here' }, env: { mark: '!' } });
  expect([outcome, output]).toEqual(['SUCCESS', { text: 'x-y-here !' }]);
});

each('M02 implicit output', async (run) => {
  expect((await run(routed({ a: { task: 'echo' } }))).output).toEqual({});
  const two = routed({
    a: { task: 'echo', publish: { branch: { one: 1 } } },
    b: { task: 'echo', publish: { branch: { two: 2 } } },
  });
  expect((await run(two)).output).toEqual({ one: 1, two: 2 });
});

each('M03 task() of an atom that never ran', async (run) => {
  const definition = routed(
    { a: { task: 'echo', onSuccess: next({ b: 'false' }) }, b: { task: 'echo' } },
    { output: { b: "${task('b')}", none: "${task('b') == null}" } },
  );
  const { outcome, output, states } = await run(definition);
  expect([outcome, output, count(states)]).toEqual(['SUCCESS', { b: null, none: true }, 1]);
});

each('tasks() lists activations, all or those in a state', async (run) => {
  const names = (filter: string) => `\${tasks(${filter}).map(t, t.id + ' ' + t.state)}`;
  const definition = routed(
    {
      a: { task: 'fail', onError: next('b') },
      b: { task: 'echo', onSuccess: next({ b: 'len(tasks()) < 3' }) },
    },
    {
      output: { all: names(''), failed: names("'FAILURE'"), none: names("'SKIPPED'") },
    },
  );
  const { output } = await run(definition);
  expect(output).toEqual({ all: ['a FAILURE', 'b SUCCESS', 'b#2 SUCCESS'], failed: ['a FAILURE'], none: [] });
});

each('M04 false guard does not handle', async (run) => {
  const definition = routed({ a: { task: 'fail', onError: next({ c: 'false' }) }, c: { task: 'echo' } });
  const { outcome, states } = await run(definition);
  expect([outcome, states]).toEqual(['FAILURE', { a: 'FAILURE' }]);
});

each('M05 noop handles', async (run) => {
  const { outcome, states } = await run(routed({ a: { task: 'fail', onError: next('noop') } }));
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'FAILURE' }]);
});

each('M06 clause order and commands', async (run) => {
  const definition = routed({
    a: { task: 'echo', onSuccess: next('b', 'succeed'), onComplete: next('c', 'd', 'fail', 'e') },
    ...{ b: { task: 'echo' }, c: { task: 'echo' }, d: { task: 'echo' }, e: { task: 'echo' } },
  });
  const { outcome, states } = await run(definition);
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'SUCCESS', b: 'SUCCESS' }]);
});

for (const [x, outcome, activations] of [
  [1, 'FAILURE', 1],
  [2, 'SUCCESS', 1],
  [3, 'SUSPENDED', 1],
] as const)
  each(`M07 guarded commands: x is ${x}`, async (run) => {
    const definition = routed(
      {
        a: {
          task: 'echo',
          onComplete: next({ fail: 'x == 1' }, { succeed: 'x == 2' }, { suspend: 'x == 3' }, 'b'),
        },
        b: { task: 'echo' },
      },
      { requires: ['x'] },
    );
    const found = await run(definition, { store: { x } });
    expect([found.outcome, count(found.states)]).toEqual([outcome, activations]);
    if (outcome !== 'SUSPENDED') return;
    const resumed = await found.resume?.();
    if (resumed) expect([resumed.outcome, resumed.states['b']]).toEqual(['SUCCESS', 'SUCCESS']);
  });

for (const [command, place, outcome, activations] of [
  ['fail', 'before', 'FAILURE', 1],
  ['fail', 'after', 'FAILURE', 2],
  ['succeed', 'before', 'SUCCESS', 1],
  ['succeed', 'after', 'SUCCESS', 2],
] as const)
  each(`M08 command position: ${command} ${place} another atom, which fails`, async (run) => {
    const order = place === 'before' ? [command, 'b'] : ['b', command];
    const definition = routed({ a: { task: 'echo', onSuccess: next(...order) }, b: { task: 'fail' } });
    const { outcome: found, states } = await run(definition);
    expect([found, count(states)]).toEqual([outcome, activations]);
  });

for (const [command, outcome] of [
  ['fail', 'FAILURE'],
  ['succeed', 'SUCCESS'],
] as const)
  each(`M09 command messages: ${command}`, async (run) => {
    const definition = routed(
      {
        a: {
          task: 'echo',
          input: { value: 7 },
          onSuccess: next({ to: command, message: 'it is ${self.result}' }),
        },
      },
      { outputOnError: { note: 'seen' } },
    );
    const { outcome: found, output, failures } = await run(definition);
    expect(found).toBe(outcome);
    if (command === 'fail')
      expect([output, failures]).toEqual([{ result: 'it is 7', note: 'seen' }, ['FAILED']]);
  });

for (const [max, times, outcome, repeats] of [
  [4, 5, 'FAILURE', 3],
  [1, 5, 'FAILURE', 0],
  [3, 1, 'SUCCESS', 1],
] as const)
  each(`M25 attempts: at most ${max}, the first ${times} fail`, async (run) => {
    const definition = routed(
      {
        a: {
          task: 'flaky',
          input: { times },
          attempts: { max, delayMs: 100 },
          publish: { branch: { n: '${self.result}' } },
        },
      },
      { output: { n: "${get(ctx, 'n')}" } },
    );
    const found = await run(definition);
    expect([found.outcome, found.repeats]).toEqual([outcome, repeats]);
    if (outcome === 'SUCCESS') expect(found.output).toEqual({ n: 2 });
  });

for (const publish of ['${1 / 0}', '${nowhere}'] as const)
  each(`M33 bad publish: ${publish}`, async (run) => {
    const atoms = {
      a: { task: 'echo', publish: { branch: { x: publish } }, onSuccess: next('b'), onError: next('c') },
      ...{ b: { task: 'echo' }, c: { task: 'echo' } },
    };
    const fatal = await run(routed(atoms));
    expect([fatal.outcome, fatal.states, fatal.failures]).toEqual([
      'FAILURE',
      { a: 'FAILURE' },
      ['EXPRESSION'],
    ]);
    const ofAtom = await run(routed(atoms, { onExpressionError: 'fail-atom' }));
    expect([ofAtom.outcome, ofAtom.states]).toEqual(['SUCCESS', { a: 'FAILURE', c: 'SUCCESS' }]);
  });

for (const [data, branch] of [
  [2, 'two'],
  [3, 'three'],
] as const)
  each(`M35 failure data: ${data}`, async (run) => {
    const definition = routed({
      a: {
        task: 'fail',
        input: { data },
        publish: { branch: { never: 1 } },
        onError: next({ two: 'self.failure.data == 2' }, { three: 'self.failure.data == 3' }),
      },
      ...{ two: { task: 'echo' }, three: { task: 'echo' } },
    });
    const { outcome, states, output } = await run(definition);
    expect([outcome, states, output]).toEqual(['SUCCESS', { a: 'FAILURE', [branch]: 'SUCCESS' }, {}]);
  });

each('R09 event order: of a linear flow', async (run) => {
  const definition = routed({ a: { task: 'echo', onSuccess: next('b') }, b: { task: 'echo' } });
  expect((await run(definition)).events).toEqual([
    'flow RUNNING',
    ...['a RUNNING', 'a SUCCESS', 'b RUNNING', 'b SUCCESS'],
    'flow SUCCESS',
  ]);
});

each('R09 event order: of one that is suspended and resumed', async (run) => {
  const definition = routed({ a: { task: 'echo', onSuccess: next('suspend', 'b') }, b: { task: 'echo' } });
  const held = await run(definition);
  const before = ['flow RUNNING', 'a RUNNING', 'a SUCCESS', 'flow SUSPENDING', 'flow SUSPENDED'];
  expect(held.events).toEqual(before);
  const after = ['flow RUNNING', 'b RUNNING', 'b SUCCESS', 'flow SUCCESS'];
  expect((await held.resume?.())?.events.slice(-after.length)).toEqual(after);
});

each('R06 global publish', async (run) => {
  const definition = routed(
    {
      a: {
        task: 'echo',
        publish: { branch: { x: 'branch' }, global: { x: 'global', y: 'global' } },
        onSuccess: next('b'),
      },
      b: {
        task: 'echo',
        input: { value: "${x} ${y} ${global('x')}" },
        publish: { branch: { seen: '${self.result}' } },
      },
    },
    { output: { seen: '${seen}' } },
  );
  expect((await run(definition)).output).toEqual({ seen: 'branch global global' });
});

each('R07 keep-result', async (run) => {
  const definition = routed(
    {
      a: {
        task: 'echo',
        input: { value: 1 },
        keepResult: false,
        publish: { branch: { x: '${self.result}' } },
      },
    },
    { output: { result: "${task('a').result}", x: '${x}' } },
  );
  expect((await run(definition)).output).toEqual({ result: null, x: 1 });
});
